"""``/tables/{key}/rows/{id}``: one row, what is the matter with it, and what is related to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from support.forest import FAILED, forest, mr, xr_ref
from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at
from support.toy_tables import toy_snapshot
from xpjob.collect.description import Column, Link, TableDescription, Usual
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collect.tables import row_id
from xpjob.reader import gone as remembered

OBJECT = (Column("group"), Column("kind"), Column("namespace"), Column("name"))
ORDERS = TableDescription(
    key="orders",
    collector="shop",
    title="Orders",
    columns=(
        *OBJECT,
        *(Column("ready", "flag"), Column("since", "time", "Not ready since"), Column("size")),
        *(Column("made", "time", "Made"), Column("why"), Column("node", title="Node")),
        *(Column("payer", "ref", "Payer"), Column("phase", "state")),
    ),
    identity=("namespace", "name"),
    filters=("ready", "namespace", "node"),
    name=("namespace", "name"),
    shown=("name", "phase"),
    ok="ready",
    since="since",
    why=("why",),
    severity="warning",
    usual=Usual(by="size", seconds={"big": 7200}, default=600),
    links=(Link("node", "machines", "machine"),),
)
PARTS = TableDescription(
    key="parts",
    collector="shop",
    title="Parts",
    columns=(*OBJECT, Column("ready", "flag"), Column("owner", "ref")),
    identity=("name",),
    filters=("ready",),
    ok="ready",
    parents=("owner",),
)
MACHINES = TableDescription(
    key="machines",
    collector="mall",
    title="Machines",
    columns=(Column("machine"), Column("zone")),
    identity=("machine",),
    filters=("machine",),
)
TABLES = [ORDERS, PARTS, MACHINES]


def order(name: str, namespace: str = "a", **values: Any) -> dict[str, Any]:
    """Return a row of an object that is ready."""
    row = {"group": "shop.io", "kind": "Order", "namespace": namespace, "name": name}
    return {**row, "ready": True, "since": "", **values}


def part(name: str, owner: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """Return a row of an object that another one owns."""
    return order(name, "", kind="Part", **values) | {"owner": owner}


def finding(**values: Any) -> Finding:
    """Return a finding of the order a/one."""
    made: dict[str, Any] = {
        "finding": "Odd", "class_": "", "group": "shop.io", "kind": "Order", "namespace": "a",
        "name": "one", "uid": "", "team": "", "collector": "shop",
    }  # fmt: skip
    return Finding(**{**made, **values})


def reader_of(
    rows: dict[str, list[dict[str, Any]]], store: FakeStore | None = None, **changes: Any
) -> Reader:
    """Return a reader of a snapshot of 11:59:50."""
    store = store or FakeStore()
    outcomes = [CollectorOutcome(collector="shop"), CollectorOutcome(collector="mall")]
    store.save(toy_snapshot(**{"tables": TABLES, "rows": rows, "collectors": outcomes} | changes))
    made = make_reader(store)
    made.snapshots.refresh()
    return made


def test_a_row_says_all_that_there_is_to_say() -> None:
    """From its description alone: a sentence, a command, links, and its history."""
    row = order(
        "one", ready=False, since=at(hours=3), size="big", made=at(days=2), why="no\nmoney.",
        node="n1", phase="Waiting",
    )  # fmt: skip
    reader = reader_of({"orders": [row], "machines": [{"machine": "n1"}]})
    assert reader.json("/tables/orders/rows/a/one") == {
        "table": "orders",
        "id": "a/one",
        "title": "a/one",
        "row": row,
        "lateness": "late",
        "usualSeconds": 7200,
        "sentence": "Order a/one is not ready for 2 h: no money.",
        "command": "kubectl describe Order.shop.io one --namespace a",
        "notes": [],
        "tree": [],
        "treeCount": 0,
        "links": [{"title": "Node", "table": "machines", "id": "n1", "text": "n1"}],
        "referrers": [],
        "findings": [],
        "history": [
            {"at": at(days=2), "text": "Made"},
            {"at": at(hours=3), "text": "Not ready since"},
        ],
        "generatedAt": "2026-11-21T11:59:50Z",
        "stale": False,
        "cluster": "",
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ready": True}, "Order a/one is ready."),
        ({"ready": True, "why": "Available"}, "Order a/one is ready."),
        ({"ready": None}, "Whether Order a/one is ready is not known."),
        ({"ready": False}, "Order a/one is not ready."),
        ({"ready": False, "why": "x"}, "Order a/one is not ready: x."),
        ({"ready": False, "since": at(minutes=5)}, "Order a/one is not ready for 4 min."),
    ],
)
def test_the_sentence_of_a_row(values: dict[str, Any], expected: str) -> None:
    """As of the snapshot, so that an answer stays the same until there is a newer one."""
    reader = reader_of({"orders": [order("one", **values)]})
    first = reader.get("/tables/orders/rows/a/one")
    assert first.json()["sentence"] == expected
    reader.clock.forward(seconds=60)
    again = reader.get("/tables/orders/rows/a/one", If_None_Match=first.headers["etag"])
    assert again.status_code == 304


def test_links_lead_to_rows_that_there_are() -> None:
    """By a column of another table, and by a reference to an object; the others say how many."""
    one = order("one", node="n1", payer={"group": "shop.io", "kind": "Part", "name": "bolt"})
    lost = order("two", node="gone", payer={"group": "shop.io", "kind": "Part", "name": "gone"})
    rows = {
        "orders": [one, lost, order("three", node="n1")],
        "parts": [part("bolt"), part("nut")],
        "machines": [{"machine": "n1"}, {"machine": "n2"}],
    }
    reader = reader_of(rows)
    assert reader.json("/tables/orders/rows/a/one")["links"] == [
        {"title": "Node", "table": "machines", "id": "n1", "text": "n1"},
        {"title": "Payer", "table": "parts", "id": "bolt", "text": "Part bolt"},
    ]
    assert reader.json("/tables/orders/rows/a/two")["links"] == []
    (referrer,) = reader.json("/tables/machines/rows/n1")["referrers"]
    assert referrer == {
        "title": "Orders",
        "table": "orders",
        "filters": {"node": ["n1"]},
        "rows": 2,
    }
    assert reader.json("/tables/orders?node=n1")["total"] == referrer["rows"]
    assert reader.json("/tables/machines/rows/n2")["referrers"] == []
    machine = reader.json("/tables/machines/rows/n1")
    assert (machine["sentence"], machine["command"], machine["usualSeconds"]) == ("", "", None)


def test_a_tree_is_drawn_from_any_of_its_rows() -> None:
    """From its top down, what is in trouble first; what is alone has none."""
    top = {"group": "shop.io", "kind": "Order", "namespace": "a", "name": "one"}
    wheel = {"group": "shop.io", "kind": "Part", "namespace": "", "name": "wheel"}
    rows = {
        "orders": [order("one", phase="Busy"), order("alone")],
        "parts": [
            part("well", top),
            part("wheel", top),
            part("screw", wheel, ready=False),
        ],
    }
    reader = reader_of(rows)
    found = {
        name: reader.json(f"/tables/{name}")["tree"]
        for name in ("orders/rows/a/one", "parts/rows/screw", "orders/rows/a/alone")
    }
    assert found["orders/rows/a/alone"] == []
    for name, tree in found.items():
        if tree:
            lines = [(n["table"], n["id"], n["depth"], n["ok"]) for n in tree]
            assert lines == [
                ("orders", "a/one", 0, True),
                ("parts", "wheel", 1, True),
                ("parts", "screw", 2, False),
                ("parts", "well", 1, True),
            ]
            current = [f"{n['table']}/rows/{n['id']}" for n in tree if n["current"]]
            assert current == [name]
            assert tree[0]["state"] == "Busy"


def test_a_tree_has_at_most_500_nodes() -> None:
    """The row itself and what is in trouble are among them; the number of all is said."""
    top = {"group": "shop.io", "kind": "Order", "namespace": "a", "name": "one"}
    parts = [part(f"p{n:04d}", top, ready=n != 990) for n in range(1200)]
    reader = reader_of({"orders": [order("one")], "parts": parts})
    found = reader.json("/tables/parts/rows/p1199")
    assert (len(found["tree"]), found["treeCount"]) == (500, 1201)
    ids = {node["id"] for node in found["tree"]}
    assert {"p0990", "p1199"} <= ids


def test_findings_of_the_row_only() -> None:
    """By its id, or by its object where a finding has none."""
    findings = [
        finding(table="orders", row="a/one", finding="A"),
        finding(finding="B"),
        finding(table="orders", row="a/two", finding="C"),
        finding(name="two", finding="D"),
        finding(collector="mall", finding="E"),
    ]
    reader = reader_of({"orders": [order("one"), order("two")]}, findings=findings)
    found = reader.json("/tables/orders/rows/a/one")["findings"]
    assert [each["finding"] for each in found] == ["A", "B"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        ".",
        "",
        "~",
        "~x",
        "a%2Fb",
        "a b+c",
        "ä\u202e",
        "<script>",
        "?x=1#y",
        "a\nb",
        "'",
    ],
)
def test_any_text_may_be_in_an_id(name: str) -> None:
    """Of which the address keeps the percent-encoding; what tenants wrote stays text."""
    reader = reader_of({"orders": [order(name, name)]})
    path = f"/tables/orders/rows/{row_id([name, name])}"
    found = reader.json(path)
    assert (found["row"]["name"], found["id"]) == (name, row_id([name, name]))
    assert reader.client.head(path).status_code == 200
    page = reader.get(f"/orders/{row_id([name, name])}", Accept="text/html")
    assert page.status_code == 200


def test_a_command_is_safe_to_paste() -> None:
    """Whatever is in the names."""
    reader = reader_of({"orders": [order("$(reboot); '", kind="A b")]})
    (row,) = [quote("$(reboot); '", safe="")]
    found = reader.json(f"/tables/orders/rows/a/{row}")
    assert found["command"] == ("kubectl describe 'A b.shop.io' '$(reboot); '\"'\"'' --namespace a")


def test_a_row_that_is_gone() -> None:
    """Since the first snapshot without it that the reader has seen; a row may come back."""
    store = FakeStore()
    reader = reader_of({"orders": [order("one"), order("two")]}, store)
    unknown = reader.refused("/tables/orders/rows/a/never", 404, "no-such-row")
    assert (unknown["code"], unknown["goneSince"], unknown["lastSeenAt"]) == ("no-such-row", "", "")

    def serve(number: int, generated_at: str, *names: str) -> None:
        rows = {"orders": [order(name) for name in names]}
        outcomes = [CollectorOutcome(collector="shop")]
        store.save(
            toy_snapshot(
                number, tables=TABLES, rows=rows, collectors=outcomes, generated_at=generated_at
            )
        )
        reader.snapshots.refresh()

    serve(2, at(seconds=8), "two")
    gone = reader.refused("/tables/orders/rows/a/one", 404, "no-such-row")
    assert (gone["goneSince"], gone["lastSeenAt"]) == (at(seconds=8), at(seconds=10))
    serve(3, at(seconds=6), "two")
    gone = reader.refused("/tables/orders/rows/a/one", 404, "no-such-row")
    assert (gone["goneSince"], gone["lastSeenAt"]) == (at(seconds=8), at(seconds=10))
    assert reader.get("/orders/a/one", Accept="text/html").status_code == 404
    serve(4, at(seconds=4), "one", "two")
    assert reader.json("/tables/orders/rows/a/one")["id"] == "a/one"
    serve(5, at(seconds=2), "two")
    gone = reader.refused("/tables/orders/rows/a/one", 404, "no-such-row")
    assert (gone["goneSince"], gone["lastSeenAt"]) == (at(seconds=2), at(seconds=4))


def test_rows_that_went_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many: those that went before them are forgotten."""
    monkeypatch.setattr(remembered, "_HELD", 2)
    store, names = FakeStore(), ["one", "two", "three", "four"]
    reader = reader_of({"orders": list(map(order, names))}, store)
    for number, left in enumerate((["two", "three", "four"], ["four"]), 2):
        rows, outcomes = {"orders": list(map(order, left))}, [CollectorOutcome(collector="shop")]
        made = toy_snapshot(number, tables=TABLES, rows=rows, collectors=outcomes)
        store.save(made)
        assert reader.snapshots.refresh()
    since = [
        reader.refused(f"/tables/orders/rows/a/{name}", 404, "no-such-row")["goneSince"]
        for name in names[:3]
    ]
    assert since == ["", at(seconds=10), at(seconds=10)]


def test_what_is_no_row() -> None:
    """Is said as for all that does not exist."""
    reader = reader_of({"orders": [order("one")]})
    reader.refused("/tables/nowhere/rows/a", 404, "no-such-table")
    reader.refused("/tables/orders/rows/a", 404, "no-such-row")
    reader.refused("/tables/orders/rows/a/one/x", 404, "no-such-row")
    reader.refused("/tables/orders/rows/", 404, "no-such-row")
    reader.refused("/tables/orders/rows/a/one?q=x", 400, "unknown-parameter")


def test_a_table_around_it_that_is_corrupt_is_left_out() -> None:
    """The row itself is still answered."""
    rows = {"orders": [order("one", node="n1")], "machines": [{"machine": "mark"}]}
    reader = reader_of(rows)
    body = reader.store.documents["snapshot.json"].body
    reader.store.put("snapshot.json", body.replace(b'"mark"', b'"\xff"'), replacing=None)
    reader.snapshots.refresh()
    assert reader.json("/tables/orders/rows/a/one")["links"] == []
    reader.refused("/tables/machines/rows/x", 503, "corrupt-table")


def test_crossplane_knows_what_blocks() -> None:
    """The sentence is that of ``/bookkeeping/tree``; blockers follow where there are several."""
    store = FakeStore()
    store.save(forest())
    reader = make_reader(store)
    reader.snapshots.refresh()
    reader.clock.moment = reader.clock.moment.replace(minute=59, second=50, hour=11)
    tree = reader.json("/bookkeeping/tree?name=shop&kind=Database")
    found = reader.json("/tables/claims/rows/uid-shop")
    assert found["sentence"] == tree["sentence"]
    blocked = (
        "Instance shop-instance cannot be brought to its latest state: ReconcileError: quota "
        "exceeded"
    )
    assert blocked in found["sentence"]
    assert found["notes"] == []
    assert found["command"] == (
        "kubectl describe databases.platform.example.org shop --namespace team-a"
    )
    assert [node["title"] for node in found["tree"]] == [
        *("team-a/shop", "shop-x", "shop-instance", "shop-net", "shop-vpc"),
    ]
    mrs = [*forest().mrs, mr("other", xr_ref("shop-x"), **FAILED)]
    store.save(forest(mrs=mrs))
    reader.snapshots.refresh()
    several = reader.json("/tables/mrs/rows/uid-other")["notes"]
    assert len(several) == 2
    assert blocked in several


def test_rows_are_of_one_cluster() -> None:
    """Which is named where there are several."""
    store = FakeStore()
    for cluster in ("east", "west"):
        rows = {"orders": [order(cluster)]}
        store.save(toy_snapshot(tables=TABLES, rows=rows, cluster=cluster), cluster)
    reader = make_reader(store)
    reader.snapshots.refresh()
    assert reader.json("/tables/orders/rows/a/east?cluster=east")["cluster"] == "east"
    reader.refused("/tables/orders/rows/a/east?cluster=west", 404, "no-such-row")
    reader.refused("/tables/orders/rows/a/east", 400, "cluster-needed")


def test_stale_rows_are_marked() -> None:
    """In the answer and in its headers."""
    reader = reader_of({"orders": [order("one")]})
    reader.clock.forward(days=1)
    answer = reader.get("/tables/orders/rows/a/one")
    assert answer.json()["stale"] is True
    assert answer.headers["xpjob-stale-reasons"] == "old"


def test_tables_without_anything_declared() -> None:
    """As those of old versions: a row is still a page."""
    bare = msgspec.structs.replace(MACHINES, identity=("machine", "zone"), filters=())
    reader = reader_of({"machines": [{"machine": "n1", "zone": None}]}, tables=[bare])
    found = reader.json("/tables/machines/rows/n1/~")
    assert (found["title"], found["lateness"], found["history"]) == ("n1", "", [])
