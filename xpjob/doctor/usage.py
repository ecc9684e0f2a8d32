"""Check usage: its files can be written, and the state in the snapshot is as new as they are."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import date

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.doctor.check import OK, PARTIAL, WARNING, Check, failed
from xpjob.store.base import SNAPSHOT, USAGE, Store, key_of
from xpjob.usage import current
from xpjob.usage.columns import DEFAULT_CLUSTER
from xpjob.usage.files import SUFFIX, FileKey
from xpjob.usage.state import future_of


def examine(store: Store, cluster: str) -> Iterator[Check]:
    """Check files, and the state."""
    yield _files(store, cluster)
    yield from _state(store, cluster)


def _state(store: Store, cluster: str) -> Iterator[Check]:
    """Report open days that have a file, as the snapshot is older and its time is counted again.

    Report lists that are counted until a time in the future, too.
    """
    try:
        for found in current.of_store(store, [cluster]):
            if ahead := future_of(found.state, int(times.now().timestamp())):
                yield Check(
                    "usage clock",
                    WARNING,
                    f"{len(ahead)} lists in {store.where(key_of(cluster, SNAPSHOT))} are counted "
                    f"until {times.rfc3339_seconds(max(ahead))}, which is in the future: a run had "
                    "a clock that was ahead, or that of this machine is behind",
                    "synchronise the clocks of the nodes and of the API server (NTP); the next run "
                    "says from when on it counts again, and files of days that it had closed stay",
                )
            keys = [FileKey(date.fromisoformat(day.day), cluster) for day in found.state.open]
            closed = [str(key.day) for key in keys if store.get(str(key)) is not None]
            if closed:
                yield Check(
                    "usage state",
                    WARNING,
                    f"{', '.join(closed)} is open in {store.where(key_of(cluster, SNAPSHOT))}, but "
                    "has a file: an older snapshot was restored, or another cluster has this name",
                    "if it was restored, remove the key usage from it, so that counting begins "
                    "anew: the time since then is counted again, and counters that fall to what "
                    "they were then are a reset to Prometheus, which adds all of it again",
                )
    except (XpjobError, ValueError):
        return  # the next run, or another check, reports it


def _files(store: Store, cluster: str) -> Check:
    """Write, read and remove a probe as a run writes a file.

    It has the name of the cluster's files, which a role may be limited to, and is in no partition.
    """
    name = f"{cluster or DEFAULT_CLUSTER}{SUFFIX}"
    probe = f"{USAGE}/doctor-probe-{uuid.uuid4().hex[:8]}/{name}"
    where = store.where(probe)
    try:
        store.get(probe)
        store.put(probe, b"{}", replacing="")
        stored = store.get(probe)
        store.remove(probe)
    except XpjobError as error:
        with contextlib.suppress(XpjobError):
            store.remove(probe)
        made = failed("usage files", error)
        return Check(made.what, WARNING, made.detail, made.advice, PARTIAL)
    if stored is None or stored.body != b"{}":
        detail = f"{where} does not have the content that was written"
        return Check("usage files", WARNING, detail, "", PARTIAL)
    return Check("usage files", OK, f"{where} was written, read and removed")
