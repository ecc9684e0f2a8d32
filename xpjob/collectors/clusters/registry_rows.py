"""Check the registries of the file, and make their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from xpjob.base.errors import DeadlineError
from xpjob.collectors.clusters.records import RegistryRow
from xpjob.collectors.clusters.registries import check, file
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.collectors.clusters.registries.result import Result
from xpjob.collectors.clusters.tables import SeenRegistry
from xpjob.net.options import NetOptions
from xpjob.net.threads import by_deadline


class Checked(NamedTuple):
    """The registries and their results, or why the file could not be read."""

    registries: Sequence[Registry] = ()
    results: Sequence[Result] = ()
    error: str = ""

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Return what is wrong, by registry."""
        found = [("registries", self.error)] if self.error else []
        for registry, result in zip(self.registries, self.results, strict=True):
            if not result.healthy:
                found.append((f"registry {registry.name}", f"{result.state}: {result.message}"))
        return found


def check_registries(path: Path | None, net: NetOptions) -> Checked:
    """Check the registries that a file names; none without a file."""
    if path is None:
        return Checked()
    try:
        registries = by_deadline(lambda: file.read(path))
    except (ValueError, TimeoutError, DeadlineError) as error:
        return Checked(error=f"reading REGISTRIES_FILE: {error}")
    return Checked(registries, check.check_all(registries, net))


def rows_of(checked: Checked, seen: Mapping[str, SeenRegistry], at: str) -> list[RegistryRow]:
    """Return the rows at a time (RFC 3339). ``seen`` are those of the previous run.

    A certificate that could not be read is most likely the one that was there before: an expired
    one fails the handshake, and must not be forgotten. Another endpoint has another one, and one
    without TLS has none.
    """
    rows = []
    for registry, result in zip(checked.registries, checked.results, strict=True):
        before = _before(registry, seen)
        over_tls = urlsplit(registry.endpoint).scheme == "https"
        up, auth = result.up, result.auth_ok
        rows.append(
            RegistryRow(
                registry=registry.name,
                endpoint=registry.endpoint,
                state=result.state,
                healthy=result.healthy,
                up=None if up is None else bool(up),
                authenticated=None if auth < 0 else bool(auth),
                cause=result.cause,
                response_seconds=result.seconds,
                repositories=result.repositories,
                catalog=result.catalog,
                certificate_expires=(
                    result.not_after or before.certificate_expires if over_tls else ""
                ),
                paths_failed=result.paths_failed,
                message=result.message,
                since=before.since if before.state == result.state and before.since else at,
            )
        )
    return sorted(rows, key=lambda row: row.registry)


def _before(registry: Registry, seen: Mapping[str, SeenRegistry]) -> SeenRegistry:
    """Return what the previous run knew of a registry: of its endpoint, not of its name."""
    before = seen.get(registry.name)
    if before and before.endpoint == registry.endpoint:
        return before
    return SeenRegistry(registry.name)
