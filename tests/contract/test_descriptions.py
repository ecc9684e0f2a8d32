"""What collectors declare of their tables and findings, for the page: it must lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
import pytest

from contract.cells import Cell
from contract.scenes import SCENES
from support.toy_kinds import COLUMN_TYPES, PodKinds
from xpjob.collect.description import Severity, TableDescription
from xpjob.collect.findings import Ref
from xpjob.collect.tables import row_id

Row = Mapping[str, Any]
TABLES = {
    spec.key: spec.describe(scene.name) for scene in SCENES for spec in scene.collector.tables
}


def described(cell: Cell) -> list[TableDescription]:
    """Return the descriptions of the stored tables, those that users define included."""
    return msgspec.convert(cell.stored()["tables"], type=list[TableDescription])


def text(value: object) -> str:
    """Return a value of an identity as text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def ids(table: TableDescription, rows: list[Row]) -> list[str]:
    """Return the ids of rows."""
    return [row_id(text(row[name]) for name in table.identity) for row in rows]


def refs(row: Row, table: TableDescription) -> Iterator[Ref]:
    """Yield the parents of a row, the nearest first."""
    for name in table.parents:
        if row.get(name) is not None:
            yield msgspec.convert(row[name], type=Ref)


def test_rows_have_a_title_and_an_id_of_their_own(cell: Cell) -> None:
    """Every row of every table, with the columns that are declared."""
    cell.run()
    rows = cell.rows()
    for table in described(cell):
        for row in rows[table.key]:
            # Of pods without a node the toy has a row, too.
            assert row[table.name[-1]] or cell.scene.name == "toy", (table.key, row)
            assert all(isinstance(row[name], str) for name in table.name), table.key
        known = ids(table, rows[table.key])
        assert len(known) == len(set(known)), table.key


def test_tables_fit_a_narrow_page(cell: Cell) -> None:
    """Of what is shown, one to four columns are always there, and the row's own name is one."""
    cell.run()
    for table in described(cell):
        shown = {c.name: c.priority for c in table.columns if c.name in table.shown}
        always = [name for name, priority in shown.items() if priority == 1]
        assert 1 <= len(always) <= 4, (table.key, always)
        assert table.name[-1] in always, table.key
        assert set(shown.values()) <= {1, 2, 3}, table.key
        assert len(table.facets) <= 10, table.key


def test_findings_have_a_severity_and_lead_to_rows(cell: Cell) -> None:
    """A row that a finding names is in the table that it names."""
    cell.run()
    rows = cell.rows()
    known = {table.key: set(ids(table, rows[table.key])) for table in described(cell)}
    for finding in cell.stored()["findings"]:
        assert finding["severity"] in get_args(Severity)[1:], finding
        assert bool(finding["table"]) == bool(finding["row"]), finding
        if finding["table"]:
            assert finding["row"] in known[finding["table"]], finding


def test_parents_are_rows(cell: Cell) -> None:
    """Of each table that declares parents, in one of the same collector; no row is its own."""
    cell.run()
    rows, tables = cell.rows(), described(cell)
    places = ("group", "kind", "namespace", "name")
    every = {
        Ref(*(row[name] for name in places))
        for table in tables
        if all(map(table.column, places))
        for row in rows[table.key]
    }
    for table in tables:
        found = [ref for row in rows[table.key] for ref in refs(row, table)]
        assert bool(set(found) & every) == bool(table.parents), table.key
        for row in rows[table.key]:
            own = Ref(*(row.get(name, "") for name in places))
            assert own not in refs(row, table), (table.key, row)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_declared_leads_somewhere(table: TableDescription) -> None:
    """Links to columns that can be filtered by, times that are times, flags that are flags."""
    for link in table.links:
        assert link.to in TABLES[link.table].filters, link
    kinds = {column.name: column.type for column in table.columns}
    assert all(kinds[name] == "ref" for name in table.parents)
    assert {kinds[name] for name in (table.since,) if name} <= {"time"}
    assert {kinds[name] for name in (table.ok,) if name} <= {"flag"}
    assert table.since or not table.severity, "without a time nothing is late"
    assert table.why or not table.since, "what is late has a reason"
    assert {column.unit != "" for column in table.columns if column.type == "money"} <= {True}
    assert all(column.title for column in table.columns)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_a_card_has_at_most_three_numbers(scene: Any) -> None:
    """And each collector of xpjob has one at least."""
    numbers = [each for spec in scene.collector.tables for each in spec.highlights]
    assert len(numbers) <= 3
    assert numbers or scene.name == "toy"
    assert len({each.label for each in numbers}) == len(numbers)


def test_the_toy_table_has_every_type_of_column() -> None:
    """A page that shows it has shown each type."""
    (table,) = (spec.describe("kinds") for spec in PodKinds.tables)
    assert {column.type for column in table.columns} == COLUMN_TYPES
