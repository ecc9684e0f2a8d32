"""What needs a human: findings, rows that are late, and what the job could not see, as one list.

There is one entry for each tree, of its topmost row, and one for each other object.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding
from xpjob.reader.table import UNKNOWN, seconds_of

SHOWN = 10
CRITICAL: Severity = "critical"
WARNING: Severity = "warning"
GRAVE: tuple[Severity, ...] = (CRITICAL, WARNING)
"""What is shown, the gravest first."""


class Need(Struct, frozen=True, kw_only=True):
    """One entry. ``table`` and ``row`` (an id) are where it is, if it is a row.

    ``dependants`` counts what suffers with it; ``finding`` is empty for what is only late.
    """

    severity: Severity
    what: str
    kind: str = ""
    namespace: str = ""
    name: str = ""
    team: str = ""
    since: str = ""
    why: str = ""
    dependants: int = 0
    collector: str = ""
    finding: str = ""
    table: str = ""
    row: str = ""
    cluster: str = ""

    @property
    def order(self) -> tuple[int, int, bool, int, str, str, str]:
        """Return what entries are sorted by: the gravest, the most dependants, the oldest."""
        since = seconds_of(self.since)
        place = (self.name, self.namespace, self.kind)
        return (GRAVE.index(self.severity), -self.dependants, since == UNKNOWN, since, *place)


@dataclass(frozen=True, slots=True)
class Needs:
    """How many entries there are, by severity, and the first of them."""

    critical: int = 0
    warning: int = 0
    entries: tuple[Need, ...] = ()

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.critical + self.warning

    @classmethod
    def of(cls, entries: Iterable[Need]) -> Needs:
        """Return entries in order."""
        found = sorted(entries, key=lambda entry: entry.order)
        critical = sum(entry.severity == CRITICAL for entry in found)
        return cls(critical, len(found) - critical, tuple(found[:SHOWN]))

    @classmethod
    def merged(cls, several: Iterable[Needs]) -> Needs:
        """Return those of several clusters, or collectors, as one."""
        every = list(several)
        entries = sorted((e for each in every for e in each.entries), key=lambda e: e.order)
        return cls(
            sum(each.critical for each in every),
            sum(each.warning for each in every),
            tuple(entries[:SHOWN]),
        )


def severity_of(finding: Finding) -> Severity:
    """Return the severity of a finding; documents of older versions have none."""
    return finding.severity or WARNING


def counts(finding: Finding) -> bool:
    """Tell whether a finding needs a human: one that two runs have seen, and no mere remark."""
    return finding.confirmed and severity_of(finding) in GRAVE
