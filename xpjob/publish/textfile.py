"""Write the exposition to files, for node_exporter's textfile collector.

Two files, as there are two groups on a gateway: ``x.prom`` with the inventory, ``x-run.prom``
with the outcome of the run.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from xpjob.errors import DeadlineError, RefusedError, XpjobError
from xpjob.snapshot.directory import write_whole
from xpjob.threads import by_deadline


class Textfile:
    """Replaces each file whole, so that a scrape never sees a part of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"text file {self._path}"

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory. Raises ``XpjobError``."""
        self._write(self._path, registry)

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the run's outcome. Raises ``XpjobError``."""
        self._write(self._path.with_name(f"{self._path.stem}-run{self._path.suffix}"), registry)

    def _write(self, path: Path, registry: CollectorRegistry) -> None:
        try:
            body = generate_latest(registry)
            by_deadline(lambda: write_whole(path, body))
        except DeadlineError as error:
            raise DeadlineError(f"writing {path}: {error}") from error
        except PermissionError as error:
            raise RefusedError(
                f"writing {path}: {error.strerror}; give this user the right"
            ) from error
        except OSError as error:
            raise XpjobError(
                f"writing {path}: {error.strerror or error}; check the directory of --publish"
            ) from error
