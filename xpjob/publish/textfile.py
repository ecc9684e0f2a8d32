"""Write metrics to files, for node_exporter's textfile collector.

There are two files, like the two groups on a gateway: ``x.prom`` with the inventory, and
``x-run.prom`` with the outcome of the run.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from xpjob.base.errors import DeadlineError, RefusedError, XpjobError
from xpjob.base.files import Folder, IrregularError
from xpjob.net.threads import by_deadline
from xpjob.publish.start_times import StartTimes

_log = logging.getLogger(__name__)

_MOST = 64 << 20
"""Bytes of a file that is read: some 400,000 series."""


class Textfile:
    """Replaces each file atomically, so that a scrape never reads an incomplete file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcome = path.with_name(f"{path.stem}-run{path.suffix}")

    def __str__(self) -> str:
        return f"text file {self._path}"

    def publish_inventory(self, registry: CollectorRegistry) -> None:
        """Replace the inventory. Raises ``XpjobError``."""
        self._write(self._path, registry)

    def publish_outcome(self, registry: CollectorRegistry, *, whole: bool) -> None:
        """Replace the outcome of the run. Raises ``XpjobError``."""
        self._write(self._outcome, registry)

    def start_times(self) -> StartTimes:
        """Return the start times of the runs of the files. Raises ``XpjobError``."""
        inventory, outcome = self._read(self._path), self._read(self._outcome)
        return StartTimes(
            _value(inventory, "xpjob_inventory_timestamp_seconds"),
            _value(outcome, "xpjob_last_run_timestamp_seconds")
            - _value(outcome, "xpjob_last_run_duration_seconds"),
            _cluster(inventory),
        )

    def _read(self, path: Path) -> str:
        def read() -> bytes:
            with Folder.opened(path.parent) as folder:
                return folder.read(path.name, _MOST + 1)

        try:
            body = by_deadline(read)
        except FileNotFoundError:
            return ""
        except DeadlineError as error:
            raise DeadlineError(f"reading {path}: {error}") from error
        except OSError as error:  # also a timeout, without a run
            raise XpjobError(f"reading {path}: {error.strerror or error}") from error
        if len(body) > _MOST:
            raise XpjobError(f"reading {path}: larger than {_MOST >> 20} MiB; is this our file?")
        return body.decode("utf-8", "replace")

    def _write(self, path: Path, registry: CollectorRegistry) -> None:
        body = generate_latest(registry)

        def write() -> str:
            with Folder.opened(path.parent) as folder:
                return folder.write(path.name, (body,))

        try:
            aside = by_deadline(write)
        except DeadlineError as error:
            raise DeadlineError(f"writing {path}: {error}") from error
        except PermissionError as error:
            raise RefusedError(
                f"writing {path}: {error.strerror}; give this user access"
            ) from error
        except IrregularError as error:
            raise XpjobError(f"writing {path}: {error.strerror}; remove it") from error
        except OSError as error:
            raise XpjobError(
                f"writing {path}: {error.strerror or error}; check the directory of --publish"
            ) from error
        if aside:
            _log.warning(
                "something that is not a file was in the place of the text file; it was renamed",
                extra={"object": str(path), "kept": str(path.with_name(aside))},
            )


def _cluster(exposed: str) -> str:
    """Return the uid or address of the cluster; empty if absent."""
    match = re.search(r'^xpjob_cluster_info\{uid="([^"\\]*)"\} ', exposed, re.MULTILINE)
    return match[1] if match else ""


def _value(exposed: str, name: str) -> float:
    """Return the value of a gauge without labels; 0 if absent or invalid."""
    match = re.search(rf"^{name} (\S+)$", exposed, re.MULTILINE)
    try:
        return float(match[1]) if match else 0.0
    except ValueError:
        return 0.0
