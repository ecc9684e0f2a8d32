"""Remember since when each image runs where, and until when it did.

What is remembered belongs to a workload's container and a digest, not to pods: a restart is no
deployment. An image that is missing for a single run, or while its workload is scaled to zero, goes
on as if it had been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import msgspec

from xpjob.base.times import seconds_between
from xpjob.collectors.deployments.fold import FoldedContainer
from xpjob.collectors.deployments.owners import Ref
from xpjob.collectors.deployments.rows import Deployment, Identity, Place

GONE_AFTER_RUNS = 2
"""Runs in a row that must miss an image before its return is a new deployment."""
MAX_GONE = 10_000
"""Rows of what is gone, at most: CI may create a workload for each pipeline."""


class Memory:
    """The rows of the previous run, and which digests GitHub has an attestation of."""

    def __init__(
        self, rows: Sequence[Deployment] = (), attested: Mapping[str, bool] | None = None
    ) -> None:
        self.rows = rows
        self._attested = attested or {}

    def attest(self, rows: Iterable[Deployment], *, asked: bool) -> None:
        """Set of each row that runs whether its digest is attested, if that is ``asked``."""
        for row in rows:
            if row.live:
                known = self._attested.get(row.digest) if asked else None
                row.attestation = "" if known is None else "found" if known else "none"

    @cached_property
    def workloads(self) -> Mapping[str, Ref]:
        """Return the workloads by the UIDs of their pods' direct owners."""
        return {
            uid: Ref(row.workload_group, row.workload_kind, row.workload)
            for row in self.rows
            if row.owner_known
            for uid in row.controllers
        }

    def digest(self, controller: str, container: FoldedContainer, config_id: str) -> str:
        """Return the registry digest of a container that is now reported by its config ID.

        That of an image with this config ID; or that which all pods of the controller had before,
        since a runtime may report another form after a restart.
        """
        if known := self._by_config_id.get(config_id):
            return known
        before = self._before.get(_reported(controller, container), ())
        digests = {row.digest for row in before}
        if len(digests) == 1 and not any(row.config_ids for row in before):
            return digests.pop()
        return ""

    def complete(self, rows: Iterable[Deployment], at: str) -> None:
        """Set since when each row of this run is there."""
        for row in rows:
            earlier = [each.since for each in self._by_identity.get(row.identity, ()) if _on(each)]
            if not earlier and row.owner_known:
                earlier = self._of_lower_owner(row)
            row.since = min(filter(None, earlier), default=at)

    def absent(self, rows: Iterable[Deployment]) -> Iterator[Deployment]:
        """Yield copies of the rows that none of this run continues.

        Not those of a container that had not started, and not those whose pods are now attributed
        to a higher owner.
        """
        there = {row.identity for row in rows}
        known = {uid for row in rows if row.owner_known for uid in row.controllers}
        for row in self.rows:
            if row.identity in there or (not row.digest and row.no_digest_why == "notStarted"):
                continue
            if not row.owner_known and known.intersection(row.controllers):
                continue
            yield msgspec.structs.replace(row)

    def _of_lower_owner(self, row: Deployment) -> list[str]:
        """Return since when it was there while only a lower owner was known."""
        part = (row.namespace, *row.place[4:], row.identity[1])
        found = (self._unresolved.get((uid, *part)) for uid in row.controllers)
        return [since for since in found if since]

    @cached_property
    def _by_identity(self) -> Mapping[Identity, Sequence[Deployment]]:
        rows: dict[Identity, list[Deployment]] = defaultdict(list)
        for row in self.rows:
            rows[row.identity].append(row)
        return rows

    @cached_property
    def _unresolved(self) -> Mapping[tuple[object, ...], str]:
        return {
            (uid, row.namespace, *row.place[4:], row.identity[1]): row.since
            for row in self.rows
            if not row.owner_known and _on(row)
            for uid in row.controllers
        }

    @cached_property
    def _by_config_id(self) -> Mapping[str, str]:
        """Return the digests by config ID; not those of a config ID that several have."""
        digests: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row.digest:
                for config_id in row.config_ids:
                    digests[config_id].add(row.digest)
        return {config_id: found.pop() for config_id, found in digests.items() if len(found) == 1}

    @cached_property
    def _before(self) -> Mapping[tuple[str, str, bool, str], Sequence[Deployment]]:
        rows: dict[tuple[str, str, bool, str], list[Deployment]] = defaultdict(list)
        for row in self.rows:
            if row.live and row.digest and row.digest_from == "registry":
                for uid in row.controllers:
                    rows[(uid, *row.place[4:], row.image)].append(row)
        return rows


def mark_absent(
    absent: Iterable[Deployment],
    rows: Iterable[Deployment],
    exists: Callable[[str, Ref], bool],
    at: str,
    keep_seconds: float,
) -> list[Deployment]:
    """Return the rows of what no longer runs, marked; what is gone for too long is dropped.

    ``absent`` are those that complete lists miss, ``rows`` those of this run.
    """
    running = {_workload(row.place) for row in rows}
    kept, gone = [], []
    for row in absent:
        ref = Ref(row.workload_group, row.workload_kind, row.workload)
        row.scaled_to_zero = (
            (row.live or row.scaled_to_zero)
            and _workload(row.place) not in running
            and exists(row.namespace, ref)
        )
        row.absent_runs += 1
        row.until = row.until or at
        row.pods = row.completed = row.nodes = 0
        row.carried_since = ""
        row.state = "scaledToZero" if row.scaled_to_zero else "gone"
        if row.scaled_to_zero:
            kept.append(row)
        elif row.absent_runs < GONE_AFTER_RUNS or seconds_between(row.until, at) < keep_seconds:
            gone.append(row)
    gone.sort(key=lambda row: row.order)
    gone.sort(key=lambda row: row.until, reverse=True)
    return [*kept, *gone[:MAX_GONE]]


def _on(row: Deployment) -> bool:
    """Return whether a row that is there again has not been interrupted."""
    return row.live or row.scaled_to_zero or row.absent_runs < GONE_AFTER_RUNS


def _reported(controller: str, container: FoldedContainer) -> tuple[str, str, bool, str]:
    return controller, container.name, container.kind == "imageVolume", container.image


def _workload(place: Place) -> Sequence[object]:
    return place[:4]
