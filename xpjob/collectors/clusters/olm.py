"""Operators that OLM v0 installs, by package: Subscriptions joined with ClusterServiceVersions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.collectors.clusters.conditions import find
from xpjob.collectors.clusters.records import OperatorRow
from xpjob.collectors.clusters.wire import Csv, OlmSubscription, OperatorGroup

GROUP = "operators.coreos.com"
SUBSCRIPTIONS, CSVS, GROUPS = "subscriptions", "clusterserviceversions", "operatorgroups"
NOT_COPIED = "!olm.copiedFrom"
"""Selector of CSVs: OLM copies those of cluster-wide operators into every namespace."""

OF_CSV = (
    *("display_name", "provider", "version", "state", "healthy", "succeeded", "since", "message"),
)
"""Fields of a row that the list of CSVs tells."""
_PROBLEMS = (
    *("ResolutionFailed", "CatalogSourcesUnhealthy", "InstallPlanFailed", "BundleUnpackFailed"),
)
_PENDING = "InstallPlanPending"
_LEAVING = ("Replacing", "Deleting")
_PACKAGE_LABEL = "operators.coreos.com/"


def subscription_row(subscription: OlmSubscription) -> OperatorRow:
    """Return what a Subscription tells; ``csv`` is the name of the installed version."""
    metadata, spec, status = subscription.metadata, subscription.spec, subscription.status
    installed, current = cut(status.installed_csv, MAX_LABEL), cut(status.current_csv, MAX_LABEL)
    problem = next(
        (
            condition
            for kind in _PROBLEMS
            if (condition := find(status.conditions, kind)) and condition.status == "True"
        ),
        None,
    )
    return OperatorRow(
        manager="olm",
        namespace=metadata.namespace,
        operator=cut(spec.name, MAX_LABEL),
        name=metadata.name,
        healthy=False if problem else None,
        installed=bool(installed),
        succeeded=None if installed else False,
        upgrade_pending=bool(installed and current) and installed != current,
        approval_required=_waits(subscription),
        channel=cut(spec.channel, MAX_LABEL),
        source=cut(spec.source, MAX_LABEL),
        approval=cut(spec.install_plan_approval, MAX_LABEL),
        next_version=current if current != installed else "",
        message=f"{problem.type}: {problem.text}" if problem else "",
        uid=metadata.uid,
        csv=installed,
        group=GROUP,
        resource=SUBSCRIPTIONS,
    )


def csv_row(csv: Csv) -> OperatorRow:
    """Return what a ClusterServiceVersion tells; ``csv`` is its name."""
    metadata, spec, status = csv.metadata, csv.spec, csv.status
    known = {"Succeeded": True, "Failed": False}.get(status.phase)
    text = ": ".join(filter(None, (status.reason, status.message)))
    return OperatorRow(
        manager="olm",
        namespace=metadata.namespace,
        operator=_package(csv),
        display_name=cut(spec.display_name, MAX_LABEL),
        provider=cut(spec.provider.name, MAX_LABEL) if spec.provider else "",
        version=cut(spec.version, MAX_LABEL),
        state=cut(status.phase, MAX_LABEL),
        healthy=known,
        installed=True,
        succeeded=status.phase == "Succeeded",
        message="" if known else cut(text, MAX_MESSAGE),
        since=status.last_transition_time or "",
        uid=metadata.uid,
        csv=metadata.name,
        group=GROUP,
        resource=SUBSCRIPTIONS,
    )


def targets_of(group: OperatorGroup) -> tuple[str, list[str]]:
    """Return the namespace of an OperatorGroup, and the namespaces that it targets."""
    namespaces = sorted({name or "*" for name in group.status.namespaces or ()})
    return group.metadata.namespace, namespaces


def join(
    subscriptions: Sequence[OperatorRow],
    csvs: Sequence[OperatorRow] | None,
    targets: Mapping[str, Sequence[str]] | None,
) -> list[OperatorRow]:
    """Return the row of each operator; what is None could not be listed, and stays unknown."""
    rows = [*subscriptions]
    if csvs is not None:
        by_name = {(row.namespace, row.csv): row for row in csvs}
        rows = [_joined(row, by_name) for row in subscriptions]
        rows += _unsubscribed(subscriptions, csvs)
    for row in rows:
        if targets is not None:
            row.targets = [*targets.get(row.namespace, ())]
    return rows


def _joined(row: OperatorRow, csvs: Mapping[tuple[str, str], OperatorRow]) -> OperatorRow:
    csv = csvs.get((row.namespace, row.csv)) if row.csv else None
    if csv is None:
        row.succeeded = False
        row.message = row.message or (f"there is no CSV {row.csv}" if row.csv else "")
        row.healthy = False if row.csv else row.healthy
        return row
    problem, message = row.healthy is False, row.message
    for name in OF_CSV:
        setattr(row, name, getattr(csv, name))
    row.healthy = False if problem else csv.healthy
    row.message = message or csv.message
    return row


def _unsubscribed(
    subscriptions: Sequence[OperatorRow], csvs: Iterable[OperatorRow]
) -> Iterable[OperatorRow]:
    """Yield CSVs that no Subscription has installed, or is about to."""
    known = {(row.namespace, name) for row in subscriptions for name in (row.csv, row.next_version)}
    for csv in csvs:
        if (csv.namespace, csv.csv) not in known and csv.state not in _LEAVING:
            yield csv


def _waits(subscription: OlmSubscription) -> bool:
    """Return whether an InstallPlan waits for approval."""
    spec, status = subscription.spec, subscription.status
    pending = find(status.conditions, _PENDING)
    if pending and pending.status == "True":
        return pending.reason == "RequiresApproval"
    waits = status.state == "UpgradePending" and status.current_csv != status.installed_csv
    return waits and spec.install_plan_approval == "Manual"


def _package(csv: Csv) -> str:
    """Return the package of a CSV: OLM labels it with that; else its name without the version."""
    metadata = csv.metadata
    for label in metadata.labels or {}:
        if label.startswith(_PACKAGE_LABEL):
            return cut(
                label[len(_PACKAGE_LABEL) :].removesuffix(f".{metadata.namespace}"), MAX_LABEL
            )
    return cut(re.sub(r"\.v?[0-9].*$", "", metadata.name), MAX_LABEL)
