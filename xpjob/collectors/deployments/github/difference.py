"""The difference between the records that GitHub should have and those it has acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from xpjob.base import times
from xpjob.collectors.deployments.github.records import DECOMMISSIONED, Record, refusal
from xpjob.collectors.deployments.github.state import Change, Counters, Kept, Rejected, Sent
from xpjob.collectors.deployments.github.wanted import Wanted

LATER = frozenset({"not_found", "unauthorized"})
"""Causes that may pass: an attestation or a right is added at GitHub."""
FIRST_RETRY, LAST_RETRY = 3600, 86_400
"""Seconds after which such a record is sent again unchanged; they double up to the last."""
_log = logging.getLogger(__name__)


def count_absences(kept: Kept, wanted: Wanted, covers: Callable[[str], bool]) -> None:
    """Count one complete run for each record that is absent from it, and 0 for the others.

    ``covers`` says of a namespace whether its pods were listed: of others nothing is known.
    """
    for name, sent in kept.records.items():
        here = name in wanted.records or name in wanted.held or not covers(sent.namespace)
        sent.absent = 0 if here else sent.absent + 1


def changes(
    kept: Kept, wanted: Wanted, counters: Counters, at: str, *, decommission_after: int
) -> list[Change]:
    """Return what to send: deployed records first, each by name.

    ``decommission_after``: absences after which a record is decommissioned; 0 for none, because
    the lists of this run were not complete.
    """
    kept.rejected = {
        name: rejected
        for name, rejected in kept.rejected.items()
        if name in wanted.records or name in kept.records
    }
    due = [
        *_deployed(kept, wanted.records),
        *(_decommissioned(kept, wanted, decommission_after) if decommission_after else ()),
    ]
    found = []
    for change in due:
        name = change.record.deployment_name
        before = kept.rejected.get(name)
        if before and before.content == change.content and not _again(before, at):
            counters.unknown_artifact_cache_hit += before.cause == "not_found"
            continue
        cause, why = refusal(change.record)
        if cause:
            _log.warning(
                "GitHub cannot accept a deployment record, it is not sent",
                extra={"deployment_name": name, "cause": cause, "reason": why},
            )
            kept.rejected[name] = Rejected(change.content, cause, at)
            kept.pending.pop(name, None)
            continue
        found.append(change)
    return found


def _deployed(kept: Kept, records: Mapping[str, tuple[Record, str]]) -> Iterator[Change]:
    for name, (record, namespace) in sorted(records.items()):
        content = record.content()
        sent = kept.records.get(name)
        if sent is None or sent.content != content:
            yield Change(record, content, namespace)
        else:
            kept.rejected.pop(name, None)  # it was changed back


def _decommissioned(kept: Kept, wanted: Wanted, after: int) -> Iterator[Change]:
    for name, sent in sorted(kept.records.items()):
        if sent.absent >= after and name not in wanted.records and name not in wanted.held:
            yield decommissioned(name, sent)


def decommissioned(name: str, sent: Sent) -> Change:
    """Return the change that ends a record. It has no tags and risks."""
    record = Record(sent.name, sent.digest, name, DECOMMISSIONED, sent.version)
    return Change(record, record.content(), sent.namespace)


def _again(rejected: Rejected, at: str) -> bool:
    """Return whether a rejected record is sent again unchanged."""
    if rejected.cause not in LATER:
        return False
    pause = min(FIRST_RETRY * 2 ** min(rejected.times - 1, 10), LAST_RETRY)
    before, now = times.read(rejected.at), times.read(at)
    return not (before and now) or now - before >= timedelta(seconds=pause)
