"""Report how the last run ended, and which rows it kept of a run before."""

from __future__ import annotations

from collections.abc import Iterator

from xpjob.base.errors import XpjobError
from xpjob.collect.outcome import TargetOutcome
from xpjob.doctor.check import OK, WARNING, Check
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunReport
from xpjob.store.base import REPORT, Store, key_of

_GONE = (
    "if they were removed on purpose, do nothing: the next run drops these rows; otherwise check "
    "the CRD, and the package that installed it"
)


def examine(store: Store, cluster: str) -> Iterator[Check]:
    """Return the outcome of the last run, and each list whose rows are of a run before."""
    key = key_of(cluster, REPORT)
    try:
        stored = store.get(key)
        report = documents.decode(stored.body, RunReport, store.where(key)) if stored else None
    except XpjobError:
        return  # the store's own check, or the next run, reports it
    if report is None:
        return
    if report.error:
        yield _checked("last run", f"ended at {report.finished_at}: {report.error}", WARNING)
    else:
        outcome = "partial" if report.partial else "complete"
        yield Check("last run", OK, f"{outcome}, ended at {report.finished_at}")
    yield from (_kept(target) for target in report.targets if target.carried)


def _kept(target: TargetOutcome) -> Check:
    kind = target.gvr if target.resource else f"{target.kind} of {target.group}"
    where = f" in namespace {target.namespace}" if target.namespace else ""
    what, rows = f"rows of {kind}{where}", f"{target.carried} kept from an earlier run"
    if target.unconfirmed:
        why = target.unconfirmed.partition("; ")[0]
        return Check(what, WARNING, f"{rows}, because {why}", _GONE)
    return _checked(what, f"{rows}, because the list failed: {target.error}", WARNING)


def _checked(what: str, text: str, status: str) -> Check:
    """Split a text with an error at its advice, which comes last."""
    detail, _, advice = text.rpartition("; ")
    return Check(what, status, detail or text, advice if detail else "")
