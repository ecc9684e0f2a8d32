"""The columns that tables get: how late a row is, and what tree it is part of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at
from support.toy_tables import toy_snapshot
from xpjob.collect.description import Column, TableDescription, Usual
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collect.tables import row_id
from xpjob.reader import trees

OBJECT = (Column("group"), Column("kind"), Column("namespace"), Column("name"))
ORDERS = TableDescription(
    key="orders",
    collector="shop",
    title="Orders",
    columns=(*OBJECT, Column("ok", "flag"), Column("since", "time"), Column("size")),
    identity=("namespace", "name"),
    filters=("name", "namespace"),
    ok="ok",
    since="since",
    usual=Usual(by="size", seconds={"big": 7200}, default=600),
)
PARTS = TableDescription(
    key="parts",
    collector="shop",
    title="Parts",
    columns=(*OBJECT, Column("owner", "ref"), Column("order", "ref")),
    identity=("name",),
    filters=("name",),
    parents=("owner", "order"),
)


def row(kind: str, name: str, namespace: str = "", **values: Any) -> dict[str, Any]:
    """Return a row of an object."""
    return {"group": "shop", "kind": kind, "namespace": namespace, "name": name, **values}


def ref(kind: str, name: str, namespace: str = "") -> dict[str, str]:
    """Return a reference to an object."""
    return row(kind, name, namespace)


def reader_of(tables: Sequence[TableDescription], rows: dict[str, list[dict[str, Any]]]) -> Reader:
    """Return a reader of a snapshot of 11:59:50 with these rows."""
    store = FakeStore()
    outcomes = [CollectorOutcome(collector="shop")]
    store.save(toy_snapshot(tables=list(tables), rows=rows, collectors=outcomes))
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ok": True, "since": at(days=3)}, ""),
        ({"ok": None, "since": at(days=3)}, ""),
        ({"ok": False, "since": at(seconds=-100)}, "recent"),
        ({"ok": False, "since": at(minutes=9)}, "recent"),
        ({"ok": False, "since": at(minutes=11)}, "late"),
        ({"ok": False, "since": at(hours=1), "size": "big"}, "recent"),
        ({"ok": False, "since": at(hours=3), "size": "big"}, "late"),
        ({"ok": False, "since": at(hours=23)}, "late"),
        ({"ok": False, "since": at(days=1, seconds=11)}, "long"),
        ({"ok": False, "since": ""}, "late"),
        ({"ok": False, "since": None}, "late"),
        ({"ok": False, "since": "<script>"}, "late"),
        ({"ok": False}, "late"),
        ({}, ""),
    ],
)
def test_age_makes_lateness(values: dict[str, Any], expected: str) -> None:
    """As of the snapshot, by the usual time of the row; a time that is not known is late."""
    reader = reader_of([ORDERS], {"orders": [row("Order", "a", **values)]})
    assert reader.json("/tables/orders?fields=name,lateness")["rows"] == [
        {"name": "a", "lateness": expected}
    ]
    for state in ("", "recent", "late", "long"):
        total = reader.json(f"/tables/orders?lateness={state}")["total"]
        assert total == (1 if state == expected else 0)


def test_lateness_is_counted_and_not_stored() -> None:
    """It is no key of a row, and no column of CSV but where it is wanted."""
    rows = [row("Order", "a", ok=False), row("Order", "b", ok=False), row("Order", "c", ok=True)]
    reader = reader_of([ORDERS], {"orders": rows})
    assert reader.json("/tables/orders/summary?by=lateness")["groups"] == [
        {"lateness": "late", "total": 2, "sums": {}},
        {"lateness": "", "total": 1, "sums": {}},
    ]
    assert "lateness" not in reader.json("/tables/orders")["rows"][0]
    assert "lateness" not in reader.get("/tables/orders?format=csv").text
    text = reader.get("/tables/orders?format=csv&fields=name,lateness&lateness=late").text
    assert text == "name,lateness\r\na,late\r\nb,late\r\n"
    reader.refused("/tables/orders?lateness=soon", 400, "unknown-value")
    reader.refused("/tables/orders/diff?lateness=late", 400, "unknown-parameter")
    every = reader.json("/tables/orders?cluster=*&fields=cluster,name,lateness&lateness=late")
    assert every["rows"][0] == {"cluster": "", "name": "a", "lateness": "late"}


def test_without_a_flag_no_row_is_ok() -> None:
    """As in a table of what is pending."""
    table = msgspec.structs.replace(ORDERS, ok="")
    rows = [row("Order", "a", since=at(hours=1)), row("Order", "b", ok=True, since=at(days=2))]
    reader = reader_of([table], {"orders": rows})
    found = reader.json("/tables/orders?fields=lateness")["rows"]
    assert found == [{"lateness": "late"}, {"lateness": "long"}]


def test_a_column_of_that_name_stays_the_tables_own() -> None:
    """Nothing is derived in its place."""
    own = (*ORDERS.columns, Column("lateness"))
    table = msgspec.structs.replace(ORDERS, columns=own, filters=("lateness",))
    reader = reader_of([table], {"orders": [row("Order", "a", ok=False, lateness="never")]})
    assert reader.json("/tables/orders?lateness=never")["total"] == 1
    assert reader.json("/tables/orders")["rows"][0]["lateness"] == "never"


def test_trees_go_across_the_tables_of_a_collector() -> None:
    """To the topmost row; what refers to nothing that there is is its own."""
    parts = [
        row("Part", "screw", owner=ref("Part", "wheel")),
        row("Part", "wheel", owner=ref("Order", "o/1", "a"), order=ref("Order", "o2", "a")),
        row("Part", "bolt", owner=ref("Part", "gone"), order=ref("Order", "o2", "a")),
        row("Part", "alone", owner=ref("Part", "gone")),
        row("Part", "self", owner=ref("Part", "self")),
        row("Part", "none", owner=None, order="text"),
    ]
    orders = [row("Order", "o/1", "a"), row("Order", "o2", "a")]
    reader = reader_of([PARTS, ORDERS], {"orders": orders, "parts": parts})
    found = reader.json("/tables/parts?fields=name,tree")["rows"]
    assert {each["name"]: each["tree"] for each in found} == {
        "screw": "orders/a/o%2F1",
        "wheel": "orders/a/o%2F1",
        "bolt": "orders/a/o2",
        "alone": "parts/alone",
        "self": "parts/self",
        "none": "parts/none",
    }
    members = reader.json("/tables/parts?tree=orders/a/o%252F1")["rows"]
    assert [each["name"] for each in members] == ["screw", "wheel"]
    assert reader.json("/tables/parts?tree=orders/gone")["total"] == 0
    reader.refused("/tables/orders?tree=orders/a/o2", 400, "unknown-parameter")


def test_parents_of_other_collectors_are_not_looked_for() -> None:
    """Their rows may be of another time."""
    other = msgspec.structs.replace(ORDERS, collector="mall")
    parts = [row("Part", "wheel", owner=ref("Order", "o1", "a"))]
    reader = reader_of([PARTS, other], {"orders": [row("Order", "o1", "a")], "parts": parts})
    assert reader.json("/tables/parts?fields=tree")["rows"] == [{"tree": "parts/wheel"}]


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12))
def test_owners_may_close_circles(owners: list[int]) -> None:
    """Every row has one top, which is above it and has no parent."""
    rows = [
        row("Part", f"n{number}", owner=ref("Part", f"n{owner}"))
        for number, owner in enumerate(owners)
    ]
    raws = [Raw(msgspec.json.encode(each)) for each in rows]
    grown = trees.grow([PARTS], {"parts": raws})
    assert grown is not None
    for number in range(len(owners)):
        path = list(grown.forest.path(number))
        assert len(path) == len(set(path))
        assert (grown.tops[number], grown.depths[number]) == (path[-1], len(path) - 1)
        assert all(number in grown.forest.children(above) or number == above for above in path[1:2])
    column = grown.column(PARTS, raws)
    for number, code in enumerate(column.codes):
        assert column.values[code] == f"parts/{row_id([f'n{grown.tops[number]}'])}"


def test_a_chain_takes_linear_time() -> None:
    """However deep what tenants have nested is."""
    rows = [
        Raw(msgspec.json.encode(row("Part", f"n{n}", owner=ref("Part", f"n{n - 1}"))))
        for n in range(20_000)
    ]
    grown = trees.grow([PARTS], {"parts": rows})
    assert grown is not None
    assert set(grown.tops) == {0}
    assert max(grown.depths) == 19_999


def shops(count: int) -> Reader:
    """Return a reader of so many parts, two for each order, of which the last is late below."""
    orders = [row("Order", f"o-{n}", "a", ok=True) for n in range(count // 2)]
    parts = [
        row("Part", f"p-{n}", owner=ref("Order", f"o-{n // 2}", "a"), ok=True) for n in range(count)
    ]
    parts[-1] |= {"ok": False, "since": at(days=3), "message": "no quota"}
    parts[-3] |= {"ok": False, "since": at(seconds=20)}
    return reader_of([ORDERS, TIMED], {"orders": orders, "parts": parts})


TIMED = msgspec.structs.replace(
    PARTS,
    columns=(*PARTS.columns, Column("ok", "flag"), Column("since", "time"), Column("message")),
    filters=("name", "ok"),
    ok="ok",
    since="since",
    why=("message",),
)


def test_rows_by_tree_at_any_size() -> None:
    """Each tree once, the worst first, with its root in another table and what explains it."""
    reader = shops(10_000)
    found = reader.json("/tables/parts/trees?limit=2")
    assert (found["total"], found["troubled"], found["rows"]) == (5000, 1, 10_000)
    first, second = found["trees"]
    assert first == {
        "tree": "orders/a/o-4999", "table": "orders", "id": "a/o-4999", "title": "a/o-4999",
        "kind": "Order", "ok": True, "state": "", "rows": 2, "late": 1, "lateness": "long",
        "since": at(days=3), "why": "no quota", "blocker": "Part p-9999",
    }  # fmt: skip
    assert (second["tree"], second["lateness"], second["late"]) == ("orders/a/o-4998", "recent", 0)
    seen, token = list(found["trees"]), found["continue"]
    while token:
        page = reader.json(f"/tables/parts/trees?limit=1000&continue={token}")
        seen += page["trees"]
        token = page["continue"]
    assert len({each["tree"] for each in seen}) == len(seen) == 5000
    assert sum(each["rows"] for each in seen) == 10_000
    for each in seen[:3]:
        rows = reader.json(f"/tables/parts?tree={each['tree']}")
        assert rows["total"] == each["rows"]


def test_trees_obey_the_filters() -> None:
    """Only rows that match are counted; a table without parents has no trees."""
    reader = shops(10)
    found = reader.json("/tables/parts/trees?lateness=long")
    assert [(each["tree"], each["rows"]) for each in found["trees"]] == [("orders/a/o-4", 1)]
    assert reader.json("/tables/parts/trees?name=p-0")["rows"] == 1
    assert reader.json("/tables/parts/trees?ok=false&lateness=")["trees"] == []
    reader.refused("/tables/orders/trees", 404, "no-trees")
    reader.refused("/tables/parts/trees?sort=name", 400, "unknown-parameter")
    reader.refused("/tables/parts/trees?name=nobody", 400, "unknown-value")
    reader.refused("/tables/parts/trees?continue=x", 400, "bad-token")


def test_trees_of_rows_without_lateness() -> None:
    """What is not ok is in trouble; without a flag nothing is, and each row is a tree at least."""
    parts = [row("Part", "lone"), row("Part", "below", owner=ref("Part", "lone"))]
    reader = reader_of([PARTS], {"parts": parts})
    (tree,) = reader.json("/tables/parts/trees")["trees"]
    assert (tree["tree"], tree["rows"], tree["lateness"]) == ("parts/lone", 2, "")
    flagged = msgspec.structs.replace(
        PARTS, columns=(*PARTS.columns, Column("ok", "flag")), filters=("name", "ok"), ok="ok"
    )
    parts[1]["ok"] = False
    reader = reader_of([flagged], {"parts": [*parts, row("Part", "other", ok=True)]})
    found = reader.json("/tables/parts/trees")
    assert (found["troubled"], found["total"]) == (1, 2)
    assert found["trees"][0]["blocker"] == "Part below"
