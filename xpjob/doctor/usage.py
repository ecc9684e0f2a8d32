"""Check that the files of usage can be written: their folder is not the cluster's own."""

from __future__ import annotations

import contextlib
import uuid

from xpjob.base.errors import XpjobError
from xpjob.doctor.check import OK, PARTIAL, WARNING, Check, failed
from xpjob.store.base import USAGE, Store
from xpjob.usage.columns import DEFAULT_CLUSTER
from xpjob.usage.files import SUFFIX


def examine(store: Store, cluster: str) -> Check:
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
