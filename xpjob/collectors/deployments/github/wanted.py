"""Which records GitHub should have: one for each deployment name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xpjob.collect.findings import Finding, Ref
from xpjob.collect.tables import row_id
from xpjob.collectors.deployments.findings import COLLISION, SEVERITIES
from xpjob.collectors.deployments.github.records import (
    Record,
    Row,
    name_of,
    record_of,
    workload_of,
)
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.collectors.deployments.rows import DEPLOYMENTS

KINDS = ("container", "init", "sidecar")
"""Kinds of containers that have records, as those of github/deployment-tracker."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``records`` by deployment name, with the namespace; ``held`` are names that are not gone."""

    records: Mapping[str, tuple[Record, str]]
    held: frozenset[str]


def wanted(rows: Iterable[Row], options: DeploymentOptions) -> Wanted:
    """Return the records of rows that were listed in this run, and run."""
    candidates: defaultdict[str, list[Row]] = defaultdict(list)
    held = set()
    for row in rows:
        if row.container_kind not in KINDS:
            continue
        name = name_of(row, options.dn_template)
        zero = row.scaled_to_zero
        if zero and not options.decommission_scaled_to_zero:
            held.add(name)
        if row.until or zero:
            continue
        held.add(name)
        if row.digest and not row.carried_since:
            candidates[name].append(row)
    records = {}
    for name, found in sorted(candidates.items()):
        row = _chosen(found)
        records[name] = record_of(row, name, options.github_org), row.namespace
    return Wanted(records, frozenset(held))


def _chosen(rows: list[Row]) -> Row:
    """Return the row of a deployment name, of which GitHub keeps one digest.

    During a rollout it is the digest that runs since the latest time; what runs comes before what
    only pods of ended jobs have. Of several workloads (see ``collisions``) it is always the same.
    """
    first = min(map(workload_of, rows))
    own = (row for row in rows if workload_of(row) == first)
    return max(own, key=lambda row: (row.pods > 0, row.since, row.digest))


def collisions(rows: Iterable[Row], template: str) -> Iterator[Finding]:
    """Yield a finding for each workload that shares a deployment name with another workload."""
    if not template:
        return
    by_name: defaultdict[str, dict[tuple[str, ...], Row]] = defaultdict(dict)
    for row in rows:
        if row.container_kind in KINDS and not row.until:
            by_name[name_of(row, template)].setdefault(workload_of(row), row)
    for name, workloads in sorted(by_name.items()):
        first, *others = (workloads[key] for key in sorted(workloads))
        for other in others:
            yield Finding(
                finding=COLLISION,
                class_="workload",
                group=other.workload_group,
                kind=other.workload_kind,
                namespace=other.namespace,
                name=other.workload,
                uid="",
                team="",
                other=Ref(
                    first.workload_group, first.workload_kind, first.namespace, first.workload
                ),
                message=(
                    f"the deployment name {name} at GitHub is also that of {first.workload_kind} "
                    f"{first.namespace}/{first.workload}, which is the one that is recorded; add "
                    "{{workloadKind}} or {{namespace}} to DN_TEMPLATE"
                ),
                severity=SEVERITIES[COLLISION],
                dependants=other.pods,
                table=DEPLOYMENTS,
                row=row_id(
                    (
                        *(*workload_of(other), other.container, other.container_kind),
                        *(other.digest, other.image),
                    )
                ),
            )
