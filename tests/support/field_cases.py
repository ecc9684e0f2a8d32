"""Situations from the field, as objects of a cluster, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import msgspec

from support.paths import TESTS
from support.records import KEYS, linked
from support.samples import outcome
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane import findings, from_wire, owners, wire
from xpjob.collectors.crossplane.classes import CLASSES
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.collectors.crossplane.target import Owners, Target
from xpjob.kube.discovery import Kind

OWNERS = Owners("discovery", "example.org/creator", "example.org/team")
AT = "2026-11-20T12:00:00Z"


class Case(NamedTuple):
    """The resources of a case, which a test may change."""

    resources: list[dict[str, Any]]

    def item(self, kind: str, name: str) -> dict[str, Any]:
        """Return one object."""
        every = (i for r in self.resources if r["kind"] == kind for i in r["items"])
        return next(item for item in every if item["metadata"]["name"] == name)

    def remove(self, kind: str, name: str) -> None:
        """Remove one object."""
        for resource in self.resources:
            if resource["kind"] == kind:
                resource["items"].remove(self.item(kind, name))

    def linked(self) -> Seen:
        """Return what a run makes of it."""
        listed = frozenset((r["group"], r["kind"]) for r in self.resources)
        records: list[Record] = []
        outcomes: list[TargetOutcome] = []
        for resource in self.resources:
            class_ = next(c for c in CLASSES if c in resource["categories"])
            group, name = resource["group"], resource["kind"]
            within = bool(resource.get("namespaced"))
            version, plural = resource["version"], resource["resource"]
            kind = Kind(group, version, plural, name, within, frozenset((class_,)))
            target = Target(kind, class_, "", OWNERS, "", listed=listed)
            error = "403" if resource.get("fail") else ""
            outcomes.append(
                outcome(group=kind.group, kind=kind.kind, resource=kind.resource, error=error)
            )
            page = wire.decode_page(json.dumps({"items": resource.get("items", [])}).encode())
            records += map(from_wire.MAKERS[class_](target, KEYS).make, page.items)
        return Seen(linked(records), outcomes)


class Seen(NamedTuple):
    """A linked inventory, and how its lists went."""

    inventory: Inventory
    outcomes: list[TargetOutcome]

    def record(self, kind: str, name: str) -> Any:
        """Return one record."""
        every = (record for of_class in self.inventory for record in of_class)
        return next(r for r in every if (r.kind, r.name) == (kind, name))

    def findings(self) -> list[Finding]:
        """Return the findings of one run."""
        known = owners.Owners(self.inventory)
        return findings.find(self.inventory, known, self.outcomes, at=AT, stuck_seconds=3600)

    def told(self) -> set[tuple[str, str, str]]:
        """Return what was found: finding, name, and the other's name."""
        return {(f.finding, f.name, f.other.name if f.other else "") for f in self.findings()}


def case(number: str) -> Case:
    """Return a case by its number."""
    return Case(json.loads((TESTS / "data" / "cases" / f"{number}.json").read_text())["resources"])


def changed(record: Any, **changes: Any) -> Any:
    """Return a copy of a record with changes."""
    return msgspec.structs.replace(record, **changes)
