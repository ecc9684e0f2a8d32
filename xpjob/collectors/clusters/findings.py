"""Find what needs a human: see ``collect.findings`` for how it is confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xpjob.base.times import seconds_between
from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding
from xpjob.collect.tables import row_id
from xpjob.collectors.clusters.records import OperatorRow, RegistryRow
from xpjob.collectors.clusters.registries.result import NO_ACCESS, NOT_LET_IN

OPERATOR_FAILED, APPROVAL = "OperatorFailed", "UpgradeWaitsForApproval"
REGISTRY_DOWN, CREDENTIALS = "RegistryDown", "RegistryCredentialsWrong"
ACCESS, PATHS = "RegistryAccessFails", "RegistryPathsFail"
CERTIFICATE = "RegistryCertificateExpires"
FINDINGS = (OPERATOR_FAILED, APPROVAL, REGISTRY_DOWN, CREDENTIALS, ACCESS, PATHS, CERTIFICATE)

SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys(FINDINGS, "warning"),
    REGISTRY_DOWN: "critical",
    APPROVAL: "info",
}
_DAY = 86_400
_KINDS = {
    "olm": ("operators.coreos.com", "Subscription"),
    "olm-v1": ("olm.operatorframework.io", "ClusterExtension"),
    "openshift": ("config.openshift.io", "ClusterOperator"),
}


def find(
    operators: Sequence[OperatorRow], registries: Sequence[RegistryRow], days: int, at: str
) -> list[Finding]:
    """Return all findings at a time (RFC 3339), not confirmed yet."""
    return [*_of_operators(operators), *_of_registries(registries, days, at)]


def _of_operators(rows: Sequence[OperatorRow]) -> Iterator[Finding]:
    for row in rows:
        if row.healthy is False:
            text = f"{row.operator} is {row.state or 'not installed'}"
            told = f"{text}: {row.message}" if row.message else text
            yield _of_operator(OPERATOR_FAILED, row, told, row.since)
    for row in rows:
        if row.approval_required:
            version = row.next_version or "a new version"
            text = f"the InstallPlan of {version} waits for approval; approve it, or set the "
            yield _of_operator(APPROVAL, row, f"{text}Subscription to Automatic")


def _of_registries(rows: Sequence[RegistryRow], days: int, at: str) -> Iterator[Finding]:
    for row in rows:
        if row.up is False:
            yield _of_registry(REGISTRY_DOWN, row, f"{row.state}: {row.message}")
    for row in rows:
        if row.state in NOT_LET_IN:
            yield _of_registry(CREDENTIALS, row, row.message)
    for row in rows:
        if row.healthy is False and row.state in NO_ACCESS:
            yield _of_registry(ACCESS, row, f"{row.state}: {row.message}")
    for row in rows:
        if row.paths_failed:
            yield _of_registry(PATHS, row, row.message)
    for row in rows:
        until = row.certificate_expires
        if until and days and seconds_between(at, until) < days * _DAY:
            expired = not seconds_between(at, until)
            text = f"the certificate of {row.endpoint} {'expired' if expired else 'expires'} on "
            severity: Severity = "critical" if expired else "warning"
            yield _of_registry(CERTIFICATE, row, f"{text}{until[:10]}; renew it", severity)


def _of_operator(finding: str, row: OperatorRow, message: str, since: str = "") -> Finding:
    group, kind = _KINDS[row.manager]
    if row.manager == "olm" and not row.name:
        kind = "ClusterServiceVersion"
    return Finding(
        finding=finding,
        class_="operators",
        group=group,
        kind=kind,
        namespace=row.namespace if row.manager == "olm" else "",
        name=row.name or row.csv,
        uid=row.uid,
        team="",
        message=message,
        since=since,
        severity=SEVERITIES[finding],
        table="operators",
        row=row_id((row.manager, row.namespace, row.operator, row.name)),
    )


def _of_registry(finding: str, row: RegistryRow, message: str, severity: Severity = "") -> Finding:
    return Finding(
        finding=finding,
        class_="registries",
        group="",
        kind="Registry",
        namespace="",
        name=row.registry,
        uid="",
        team="",
        message=message,
        since="",
        severity=severity or SEVERITIES[finding],
        table="registries",
        row=row_id((row.registry,)),
    )
