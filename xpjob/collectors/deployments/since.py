"""Remember since when each image runs where, and until when it did.

What is remembered belongs to a workload's container and a digest, not to pods: a restart is no
deployment. An image that is missing for a single run, or while its workload is scaled to zero, goes
on as if it had been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from xpjob.base.times import seconds_between
from xpjob.collectors.deployments.fold import FoldedContainer
from xpjob.collectors.deployments.owners import Ref
from xpjob.collectors.deployments.packed import (
    Controllers,
    Digest,
    Kind,
    Life,
    Packed,
    Rows,
    Workload,
    pack,
)
from xpjob.collectors.deployments.rows import Deployment

GONE_AFTER_RUNS = 2
"""Runs in a row that must miss an image before its return is a new deployment."""
MAX_GONE = 10_000
"""Rows of what is gone, at most: CI may create a workload for each pipeline."""


class Memory:
    """The rows of the previous run in order, and which digests GitHub has an attestation of."""

    def __init__(
        self,
        rows: Rows | None = None,
        attested: Mapping[str, bool] | None = None,
        *,
        known: bool = True,
    ) -> None:
        self.rows = Rows(Packed()) if rows is None else rows
        self.known = known
        """Whether these are all rows; else they are only in the previous snapshot itself."""
        self._attested = attested or {}

    def of(self, rows: Sequence[Deployment]) -> Memory:
        """Return one with these rows, which are in order."""
        return Memory(Rows(pack(rows)), self._attested)

    def attest(self, rows: Iterable[Deployment], *, asked: bool) -> None:
        """Set of each row that runs whether its digest is attested, if that is ``asked``."""
        for row in rows:
            if row.live:
                known = self._attested.get(row.digest) if asked else None
                row.attestation = "" if known is None else "found" if known else "none"

    def workload(self, controller: str) -> Ref | None:
        """Return the workload of the pods of a direct owner, by its UID."""
        return self._workloads.get(controller)

    def digest(self, controller: str, container: FoldedContainer, config_id: str) -> str:
        """Return the registry digest of a container that is now reported by its config ID.

        That of an image with this config ID; or that which all pods of the controller had before,
        since a runtime may report another form after a restart.
        """
        if known := self._by_config_id.get(config_id):
            return known
        return self._before.get(_reported(controller, container), "")

    def complete(self, rows: Iterable[Deployment], at: str) -> list[Deployment]:
        """Set since when each row of this run is there; return those that none of them continues.

        ``rows`` are in order. Not returned are rows of a container that had not started, and those
        whose pods are now attributed to a higher owner.
        """
        rows = list(rows)
        absent: list[int] = []
        before = groupby(enumerate(self.rows.places()), key=lambda item: item[1][0])
        there = next(before, None)
        for place, some in groupby(rows, key=attrgetter("place")):
            while there and there[0] < place:
                absent += (number for number, _ in there[1])
                there = next(before, None)
            earlier: dict[str, list[int]] = {}
            if there and there[0] == place:
                for number, (_, content) in there[1]:
                    earlier.setdefault(content, []).append(number)
                there = next(before, None)
            continued = set()
            for row in some:
                continued.add(content := row.content)
                row.since = self._since(row, earlier.get(content, ())) or at
            for content in earlier.keys() - continued:
                absent += earlier[content]
        while there:
            absent += (number for number, _ in there[1])
            there = next(before, None)
        return self._without_successors(map(self.rows.__getitem__, sorted(absent)), rows)

    def _since(self, row: Deployment, before: Iterable[int]) -> str:
        """Return since when a row is there, by those before it; empty if by none."""
        earlier = [since for number in before if (since := self._sinces[number]) is not None]
        if not earlier and row.owner_known and self._unresolved:
            part = (row.namespace, *row.place[4:], row.content)
            found = (self._unresolved.get((uid, *part)) for uid in row.controllers)
            earlier = [since for since in found if since]
        return min(filter(None, earlier), default="")

    @staticmethod
    def _without_successors(
        absent: Iterable[Deployment], rows: Iterable[Deployment]
    ) -> list[Deployment]:
        known: set[str] | None = None
        kept = []
        for row in absent:
            if not row.digest and row.no_digest_why == "notStarted":
                continue
            if not row.owner_known:
                if known is None:
                    known = {uid for each in rows if each.owner_known for uid in each.controllers}
                if known.intersection(row.controllers):
                    continue
            kept.append(row)
        return kept

    @cached_property
    def _sinces(self) -> Sequence[str | None]:
        """Return since when each row has been there, None if it has been interrupted."""
        sinces = {id(life): life.since if _on(life) else None for life in self.rows.values(Life)}
        return [sinces[id(life)] for (life,) in self.rows.parts(Life)]

    @cached_property
    def _workloads(self) -> Mapping[str, Ref]:
        parts = self.rows.parts(Kind, Workload, Controllers, Life)
        return {
            uid: Ref(kind.workload_group, kind.workload_kind, workload.workload)
            for kind, workload, owners, life in parts
            if life.owner_known
            for uid in owners.controllers
        }

    @cached_property
    def _unresolved(self) -> Mapping[tuple[object, ...], str]:
        """Return since when what is there of which only a lower owner was known."""
        if all(life.owner_known for life in self.rows.values(Life)):
            return {}
        return {
            (uid, row.namespace, *row.place[4:], row.content): row.since
            for row in self.rows
            if not row.owner_known and _on(row)
            for uid in row.controllers
        }

    @cached_property
    def _by_config_id(self) -> Mapping[str, str]:
        """Return the digests by config ID; not those of a config ID that several have."""
        digests: dict[str, set[str]] = defaultdict(set)
        for each in self.rows.values(Digest):
            if each.digest:
                for config_id in each.config_ids:
                    digests[config_id].add(each.digest)
        return {config_id: found.pop() for config_id, found in digests.items() if len(found) == 1}

    @cached_property
    def _before(self) -> Mapping[tuple[str, str, bool, str], str]:
        """Return the digests that the registry has, where all pods of a controller had the same.

        It is empty where some had not, or have a config ID.
        """
        digests: dict[tuple[str, str, bool, str], str] = {}
        for row in self.rows:
            if row.live and row.digest and row.digest_from == "registry":
                own = "" if row.config_ids else row.digest
                for uid in row.controllers:
                    key = (uid, *row.place[4:], row.image)
                    digests[key] = own if digests.get(key, own) == own else ""
        return digests


def mark_absent(
    absent: Sequence[Deployment],
    rows: Iterable[Deployment],
    exists: Callable[[str, Ref], bool],
    at: str,
    keep_seconds: float,
) -> list[Deployment]:
    """Return the rows of what no longer runs, marked; what is gone for too long is dropped.

    ``absent`` are those that complete lists miss, ``rows`` those of this run.
    """
    asked = {_workload(row) for row in absent}
    running = asked.intersection(map(_workload, rows))
    kept, gone = [], []
    for row in absent:
        ref = Ref(row.workload_group, row.workload_kind, row.workload)
        row.scaled_to_zero = (
            (row.live or row.scaled_to_zero)
            and _workload(row) not in running
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


def _on(row: Deployment | Life) -> bool:
    """Return whether a row that is there again has not been interrupted."""
    return not row.until or row.scaled_to_zero or row.absent_runs < GONE_AFTER_RUNS


def _reported(controller: str, container: FoldedContainer) -> tuple[str, str, bool, str]:
    return controller, container.name, container.kind == "imageVolume", container.image


def _workload(row: Deployment) -> tuple[str, ...]:
    return row.namespace, row.workload_group, row.workload_kind, row.workload
