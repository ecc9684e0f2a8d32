"""What an answer says of each record that was sent, taken over into what is remembered."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from xpjob.collectors.deployments.github.answers import Rejection, rejections
from xpjob.collectors.deployments.github.records import DECOMMISSIONED
from xpjob.collectors.deployments.github.state import (
    BOUNDS,
    Change,
    Counters,
    Kept,
    Rejected,
    Sent,
    Status,
)
from xpjob.metrics.cumulative import Histogram

EVENTS = {"deployed": "CREATED", "decommissioned": "DELETED"}
"""Event types, as github/deployment-tracker has them."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """Records of one request: accepted, rejected with the cause, and unclear."""

    accepted: Sequence[Change]
    rejected: Sequence[tuple[Change, str]]
    unclear: Sequence[Change]


def parts(changes: Sequence[Change], errors: Sequence[Any] | None) -> Parts:
    """Divide records by the error items of an answer.

    An item is matched by digest and deployment name; one with less by what it has. The name of an
    image that stands for several digests does not say which of them is meant: these are unclear.
    One that has nothing is about the record of a request that has only one.
    """
    index = _Index(changes)
    causes: dict[str, str] = {}
    unclear: set[str] = set()
    for item in dict.fromkeys(rejections(list(errors or ()))):
        found = index.matching(item)
        names = {change.record.deployment_name for change in found}
        by_image = not (item.deployment_name or item.digest)
        if not found:
            _log.warning("GitHub rejects a record that was not sent", extra={"item": str(item)})
        elif by_image and len({change.record.digest for change in found}) > 1:
            unclear |= names
        else:
            causes |= dict.fromkeys(names, item.cause)
    unclear -= causes.keys()
    named = [(change.record.deployment_name, change) for change in changes]
    return Parts(
        [change for name, change in named if name not in causes and name not in unclear],
        [(change, causes[name]) for name, change in named if name in causes],
        [change for name, change in named if name in unclear],
    )


class _Index:
    """Records by what an item may say of them."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._by_name: dict[str, Change] = {}
        self._by_digest: defaultdict[str, list[Change]] = defaultdict(list)
        self._by_image: defaultdict[str, list[Change]] = defaultdict(list)
        for change in changes:
            record = change.record
            self._by_name[record.deployment_name] = change
            self._by_digest[record.digest].append(change)
            self._by_image[record.name].append(change)

    def matching(self, item: Rejection) -> list[Change]:
        """Return the records that an item is about."""
        if item.deployment_name:
            change = self._by_name.get(item.deployment_name)
            fits = change and item.digest in ("", change.record.digest)
            return [change] if change and fits else []
        if item.digest:
            return self._by_digest.get(item.digest, [])
        if not item.name and len(self._by_name) == 1:
            return list(self._by_name.values())
        return self._by_image.get(item.name, [])


def accept(kept: Kept, counters: Counters, changes: Iterable[Change], seconds: float) -> None:
    """Remember that GitHub has accepted records."""
    for change in changes:
        record, name = change.record, change.record.deployment_name
        _settled(kept, name)
        kept.rejected.pop(name, None)
        if record.status == DECOMMISSIONED:
            kept.records.pop(name, None)
        else:
            kept.records[name] = Sent(
                record.name, record.digest, change.content, change.namespace, record.version
            )
        counters.ok += 1
        _count(counters.events_ok, EVENTS[record.status])
        _observe(counters, "ok", seconds)


def reject(
    kept: Kept, counters: Counters, changes: Iterable[tuple[Change, str]], at: str, seconds: float
) -> None:
    """Remember that GitHub has not accepted records.

    The end of a record that GitHub does not know is no news: it is forgotten.
    """
    told: defaultdict[str, list[str]] = defaultdict(list)
    for change, cause in changes:
        record, name = change.record, change.record.deployment_name
        _settled(kept, name)
        if record.status == DECOMMISSIONED and cause == "not_found":
            kept.records.pop(name, None)
            kept.rejected.pop(name, None)
        else:
            before = kept.rejected.get(name)
            same = before is not None and before.content == change.content
            times = before.times + 1 if before and same else 1
            kept.rejected[name] = Rejected(change.content, cause, at, times)
            if not same:
                told[cause].append(name)
        if cause == "not_found":
            counters.unknown_artifact += 1
        else:
            counters.client_error += 1
        _count(counters.events_failed, EVENTS[record.status])
        _observe(counters, "failed", seconds)
    for cause, names in sorted(told.items()):
        _log.warning(
            "GitHub rejects deployment records",
            extra={"cause": cause, "count": len(names), "deployment_names": names[:10]},
        )


def doubt(kept: Kept, changes: Iterable[Change]) -> None:
    """Remember that GitHub may or may not have taken changes over: each is to be sent again.

    A record that was perhaps deployed is remembered, so that it is decommissioned when it is gone.
    """
    for change in changes:
        record = change.record
        if sent := kept.records.get(record.deployment_name):
            sent.content = ""
        elif record.status != DECOMMISSIONED:
            kept.records[record.deployment_name] = Sent(
                record.name, record.digest, "", change.namespace, record.version
            )


def _settled(kept: Kept, name: str) -> None:
    kept.pending.pop(name, None)
    kept.sending.pop(name, None)


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _observe(counters: Counters, status: Status, seconds: float) -> None:
    counters.events_seconds.setdefault(status, Histogram.empty(BOUNDS)).observe(seconds)
