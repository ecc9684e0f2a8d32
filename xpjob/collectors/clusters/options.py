"""Options of the clusters collector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xpjob.base import patience
from xpjob.collectors.clusters.registries import file
from xpjob.config import parsers, secrets
from xpjob.config.option import Config, Group, Problem, option
from xpjob.net.options import NetOptions


class ClusterOptions(Group, frozen=True, kw_only=True):
    """Which registries are checked, and when a certificate is reported."""

    title = "Clusters"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    registries_file: Path | None = option("File (YAML or JSON) with the registries to check; empty means none.", "", parsers.optional(file.checked))
    certificate_days: int = option("Days before the certificate of a registry expires from which that is reported as a finding.", "21", parsers.whole(0, 3650))
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield the registries whose credentials would be sent unencrypted."""
        path = self.registries_file
        nets = any(isinstance(group, NetOptions) for group in config.groups)
        if not path or not nets or config[NetOptions].allow_insecure_credentials:
            return
        with suppress(TimeoutError, ValueError):  # it was valid a moment ago
            for name in file.insecure(patience.within(patience.SECONDS, lambda: file.read(path))):
                text = f"REGISTRIES_FILE: {path}: credentials of {name} would be sent over plain "
                yield "registries_file", f"{text}http; {secrets.FORCE}"
