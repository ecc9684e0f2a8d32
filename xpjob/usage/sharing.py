"""Idle, and sharing: exact, in proportion to the direct quantity of the same meter, or evenly.

What is shared is added to the cells of the same cluster and part of the period. It is divided by
what these have had directly, so that the order of several shares does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction

from xpjob.usage.cells import IDLE, Cell, Cells, Within
from xpjob.usage.question import CLUSTER, How, Question

Quantities = dict[Cell, Fraction]


def idle_cells(cells: Cells, clusters: Collection[Within]) -> dict[Cell, int]:
    """Return what was allocatable and not requested, which may be negative.

    By node group where requests tell theirs, else for the whole cluster. ``clusters`` are those
    where both lists were counted for the same time.
    """
    names = cells.question.dimensions
    grouped = {(meter, within) for meter, within, group in cells.demand if group}
    left: dict[Cell, int] = {}
    for sign, amounts in ((1, cells.supply), (-1, cells.demand)):
        for (meter, within, group), amount in amounts.items():
            if within not in clusters or not cells.question.has_meter(meter):
                continue
            group = group if (meter, within) in grouped else ""
            values = tuple(group if name == "nodeGroup" else "" for name in names)
            cell = Cell(meter, *within, values, IDLE)
            # What runs on nodes that are not listed, or are virtual, leaves nothing idle there.
            if sign > 0 or cell in left:
                left[cell] = left.get(cell, 0) + sign * amount
    return left


def share(question: Question, direct: Mapping[Cell, int]) -> Quantities:
    """Return the quantities after sharing; their sum is the same."""
    names = question.dimensions
    given: dict[Cell, How] = {}
    parts: dict[tuple[str, str, Within], list[Cell]] = {}
    at = names.index("class") if question.apart else None

    def among(cell: Cell) -> tuple[str, str, Within]:
        return cell.meter, "" if at is None else cell.values[at], cell.within()

    for cell in direct:
        how = _how(question, cell)
        if how != "none":
            given[cell] = how
        elif cell.reserved != IDLE and direct[cell] > 0:
            parts.setdefault(among(cell), []).append(cell)
    made: Quantities = {cell: Fraction(amount) for cell, amount in direct.items()}
    for giver, how in given.items():
        takers = parts.get(among(giver), [])
        if giver.reserved == IDLE:
            takers = _of_group(takers, giver, names.index("nodeGroup"))
        if direct[giver] < 0 or (direct[giver] and not takers):
            continue  # it stays a row of its own
        del made[giver]
        for cell, part in _parts(question, takers, direct, how):
            made[cell] += direct[giver] * part
    return made


def _how(question: Question, cell: Cell) -> How:
    if cell.reserved == IDLE:
        return question.idle
    values = cell.named(question.dimensions)
    for rule in question.shares:
        if values.get(rule.dimension) == rule.value:
            return rule.how
    return "none"


def _of_group(takers: list[Cell], giver: Cell, at: int) -> list[Cell]:
    group = giver.values[at]
    return [cell for cell in takers if cell.values[at] == group] if group else takers


def _parts(
    question: Question, takers: list[Cell], direct: Mapping[Cell, int], how: How
) -> Iterator[tuple[Cell, Fraction]]:
    """Yield the part of each cell; their sum is 1. ``even``: each row of the report has the same.

    A row consists of several cells where a filter, another share or a price looks at more
    dimensions than the report shows.
    """
    rows: dict[tuple[str, ...], list[Cell]] = {}
    for cell in takers:
        rows.setdefault(shown(question, cell) if how == "even" else (), []).append(cell)
    for cells in rows.values():
        total = sum(direct[cell] for cell in cells)
        for cell in cells:
            yield cell, Fraction(direct[cell], total * len(rows))


def shown(question: Question, cell: Cell) -> tuple[str, ...]:
    """Return the values of ``by`` of a cell. The row of what is idle is called ``__idle__``."""
    named = cell.named(question.dimensions)
    named |= {"day": cell.time, "month": cell.time[:7]}
    values = (named[name] for name in question.by)
    if cell.reserved != IDLE:
        return tuple(values)
    return tuple(
        value if value or name in (CLUSTER, "day", "month", "nodeGroup") else "__idle__"
        for name, value in zip(question.by, values, strict=True)
    )
