"""Keep what a list that failed had told: whole rows, or the part of a row that is its.

One failing list hides no other: a row that is made of several keeps only what that list tells, and
``carried_since`` says since when.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from xpjob.collect.before import Before
from xpjob.collect.carry import ANY_RESOURCE, carry
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.tables import TableSpec

Row = TypeVar("Row", bound=Any)
_EMPTY: tuple[object, ...] = (None, "", [])
List = tuple[str, str]
"""API group and resource."""


@dataclass(slots=True)
class Failed:
    """The lists that failed in this run. A kind that the API no longer serves has not failed."""

    outcomes: Sequence[TargetOutcome]
    _by_list: dict[List, TargetOutcome] = field(default_factory=dict)
    _fresh: set[List] = field(default_factory=set)

    def __post_init__(self) -> None:
        for outcome in self.outcomes:
            if not (outcome.error or outcome.unconfirmed):
                self._fresh.add((outcome.group, outcome.resource))
            elif not outcome.gone:
                self._by_list[outcome.group, outcome.resource] = outcome

    def __bool__(self) -> bool:
        return bool(self._by_list)

    def first(self, lists: Iterable[List]) -> TargetOutcome | None:
        """Return the first of these lists that failed."""
        for group, resource in lists:
            if (group, resource) in self._fresh:
                continue
            for name in (resource, ANY_RESOURCE):
                if found := self._by_list.get((group, name)):
                    return found
        return None


class Keeper:
    """The rows of the previous snapshot whose lists failed in this run, marked.

    ``needs`` returns the lists that a row is made of. All tables are read at once: what is carried
    is counted in the outcomes once.
    """

    def __init__(
        self,
        before: Before | None,
        failed: Failed,
        at: str,
        needs: Sequence[tuple[TableSpec, Callable[[Any], Iterable[List]]]],
    ) -> None:
        self._kept: dict[str, list[Any]] = {spec.key: [] for spec, _ in needs}
        if before is None or not failed:
            return
        keys: dict[int, str] = {}
        candidates: list[tuple[Any, TargetOutcome]] = []
        for spec, lists in needs:
            rows: Iterable[Any] = before.read(spec.key, spec.record, _every)
            for row in rows:
                if reason := failed.first(lists(row)):
                    candidates.append((row, reason))
                    keys[id(row)] = spec.key
        for row in carry(before, candidates, failed.outcomes, at):
            self._kept[keys[id(row)]].append(row)

    def rows(self, spec: TableSpec) -> list[Any]:
        """Return the rows of a table."""
        return self._kept[spec.key]


def fill(
    rows: Iterable[Row],
    kept: Iterable[Row],
    identity: Callable[[Row], Hashable],
    fields: Sequence[str],
) -> list[Row]:
    """Return fresh rows, filled where a part is empty, and marked if something was known of it.

    Those are copies: after a conflict the snapshot is made anew, of the same fresh rows.
    """
    by_identity = {identity(row): row for row in kept}
    filled: list[Row] = []
    for row in rows:
        known = by_identity.get(identity(row))
        empty = [name for name in fields if getattr(row, name) in _EMPTY]
        if known is not None and empty:
            parts = {name: getattr(known, name) for name in empty}
            row = replace(row, **parts)
            if any(part not in _EMPTY for part in parts.values()):
                row.carried_since = min(filter(None, (row.carried_since, known.carried_since)))
        filled.append(row)
    return filled


def _every(_row: object) -> bool:
    return True
