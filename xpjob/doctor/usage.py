"""Check that the files of usage can be written: their folder is not the cluster's own."""

from __future__ import annotations

import uuid

from xpjob.base.errors import XpjobError
from xpjob.doctor.check import OK, PARTIAL, WARNING, Check, failed
from xpjob.store.base import USAGE, Store


def examine(store: Store) -> Check:
    """Write, read and remove a probe in the folder of usage files, as a run and a report do."""
    probe = f"{USAGE}/doctor-probe-{uuid.uuid4().hex[:8]}.json"
    where = store.where(probe)
    try:
        if store.get(probe) is not None:
            raise XpjobError(f"reading {where}: it exists, although nobody has written it")
        store.put(probe, b"{}", replacing="")
        stored = store.get(probe)
        listed = store.keys(probe, 1) == [probe]
        store.remove(probe)
    except XpjobError as error:
        made = failed("usage files", error)
        advice = f"{made.advice}; or set USAGE=off".removeprefix("; or ")
        return Check(made.what, WARNING, made.detail, advice, PARTIAL)
    if stored is None or stored.body != b"{}" or not listed:
        lacking = "listed" if stored else "found"
        return Check("usage files", WARNING, f"{where} was written, but not {lacking}", "", PARTIAL)
    return Check("usage files", OK, f"{where} was written, listed and removed")
