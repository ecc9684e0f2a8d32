"""``/overview``: what needs a human, and how collectors and clusters are."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at, report
from support.toy_tables import failed_list, toy_snapshot
from xpjob.base.errors import TransientError
from xpjob.collect.description import Column, Highlight, Link, TableDescription
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import CollectorOutcome
from xpjob.collect.tables import row_id
from xpjob.reader.loading import read
from xpjob.reader.packed import Packed
from xpjob.reader.prepared import prepare
from xpjob.reader.table import Stamp, View

COLUMNS = (
    *(Column("group"), Column("kind"), Column("namespace"), Column("name"), Column("team")),
    *(Column("ready", "flag"), Column("since", "time"), Column("message"), Column("size", "count")),
    Column("parent", "ref"),
)
PARENTS = TableDescription(
    key="orders",
    collector="shop",
    title="Orders",
    columns=COLUMNS,
    identity=("name",),
    filters=("ready", "team"),
    name=("namespace", "name"),
    ok="ready",
    since="since",
    why=("message",),
    severity="warning",
    highlights=(
        Highlight("Orders not ready", {"ready": ("false",)}, bad=True),
        Highlight("Late", {"lateness": ("late", "long")}, bad=True),
        Highlight("Pieces", sum="size"),
    ),
)
PARTS = msgspec.structs.replace(
    PARENTS, key="parts", title="Parts", parents=("parent",), highlights=()
)
QUIET = msgspec.structs.replace(
    PARENTS, key="quiet", title="Quiet", collector="other", severity="", highlights=()
)
ALONE = msgspec.structs.replace(QUIET, key="alone", title="Alone", severity="critical")


def order(name: str, since: str = "", parent: str = "", **values: Any) -> dict[str, Any]:
    """Return a row; with a time it is not ready since then."""
    row: dict[str, Any] = {
        "group": "shop",
        "kind": "Order",
        "namespace": "a",
        "name": name,
        "team": "payments",
    }
    row |= {"ready": not since, "since": since, "message": "", "size": 2, **values}
    if parent:
        row["parent"] = {"group": "shop", "kind": "Order", "namespace": "a", "name": parent}
    return row


def part(name: str, parent: str, since: str = "", **values: Any) -> dict[str, Any]:
    """Return a row below another one."""
    return order(name, since, parent, kind="Part", **values)


def finding(name: str, **values: Any) -> Finding:
    """Return a finding that two runs have seen."""
    made: dict[str, Any] = {
        "finding": "StuckDeletion", "class_": "", "group": "shop", "kind": "Order",
        "namespace": "a", "name": name, "uid": "", "team": "payments", "collector": "shop",
        "message": "a finalizer is left", "since": at(hours=5), "confirmed": True,
    }  # fmt: skip
    return Finding(**{**made, **values})


def reader_of(
    rows: dict[str, list[dict[str, Any]]],
    findings: Sequence[Finding] = (),
    cluster: str = "",
    store: FakeStore | None = None,
    **changes: Any,
) -> Reader:
    """Return a reader of a snapshot of four tables."""
    store = store or FakeStore()
    head: dict[str, Any] = {
        "tables": [PARENTS, PARTS, QUIET, ALONE],
        "collectors": [CollectorOutcome(collector=each) for each in ("shop", "other", "empty")],
        "findings": list(findings),
        "cluster": cluster,
    }
    store.save(toy_snapshot(rows=rows, **{**head, **changes}), cluster)
    store.save(report(), cluster)
    made = make_reader(store)
    made.snapshots.refresh()
    return made


def entries(reader: Reader, query: str = "") -> list[str]:
    """Return the entries, each as one line."""
    return [
        " ".join(
            str(each[key])
            for key in ("severity", "what", "kind", "name", "dependants", "finding", "row")
        ).strip()
        for each in reader.json(f"/overview{query}")["needs"]["entries"]
    ]


@pytest.mark.parametrize(
    ("rows", "findings", "expected"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({"orders": [order("a")]}, [], [], id="all well"),
        pytest.param({"orders": [order("a", at(minutes=9))]}, [], [], id="within the usual time"),
        pytest.param(
            {"orders": [order("a", at(hours=1))]},
            [],
            ["warning Not ready Order a 0  a"],
            id="late",
        ),
        pytest.param(
            {"orders": [order("a", at(days=2))]},
            [],
            ["critical Not ready Order a 0  a"],
            id="long is critical",
        ),
        pytest.param({"quiet": [order("a", at(days=2))]}, [], [], id="a table without severity"),
        pytest.param(
            {"alone": [order("a", at(hours=1))]},
            [],
            ["critical Not ready Order a 0  a"],
            id="the severity of the table",
        ),
        pytest.param(
            {
                "orders": [order("top", at(hours=1)), order("other", at(hours=2))],
                "parts": [
                    part("x", "top", at(hours=1)),
                    part("y", "top", at(days=3)),
                    part("z", "top"),
                ],
            },
            [],
            ["critical Not ready Order top 2  top", "warning Not ready Order other 0  other"],
            id="one entry for a tree",
        ),
        pytest.param(
            {"orders": [order("top")], "parts": [part("x", "top", at(hours=1))]},
            [],
            ["warning Not ready Order top 1  top"],
            id="the top is well",
        ),
        pytest.param(
            {"parts": [part("x", "gone", at(hours=1))]},
            [],
            ["warning Not ready Part x 0  x"],
            id="the parent is gone",
        ),
        pytest.param(
            {"orders": [order("a", at(hours=1)), order("b", at(hours=3)), order("c", at(hours=1))]},
            [],
            [
                "warning Not ready Order b 0  b",
                "warning Not ready Order a 0  a",
                "warning Not ready Order c 0  c",
            ],
            id="the oldest first, then by name",
        ),
        pytest.param(
            {"orders": [order("a", "?"), order("b", at(hours=1))]},
            [],
            ["warning Not ready Order b 0  b", "warning Not ready Order a 0  a"],
            id="an unknown time comes last",
        ),
        pytest.param(
            {"orders": [order("a")]},
            [finding("a", table="orders", row="a", severity="critical", dependants=7)],
            ["critical Stuck deletion Order a 7 StuckDeletion a"],
            id="a finding about a row",
        ),
        pytest.param(
            {},
            [finding("a"), finding("b", severity="info"), finding("c", confirmed=False)],
            ["warning Stuck deletion Order a 0 StuckDeletion"],
            id="without severity it is a warning; remarks and unconfirmed ones are left out",
        ),
        pytest.param(
            {"orders": [order("top", at(hours=1))], "parts": [part("x", "top", at(hours=1))]},
            [
                finding("x", table="parts", row="x", severity="critical", dependants=5),
                finding("x", table="parts", row="x", finding="Other"),
            ],
            ["critical Not ready Order top 5 StuckDeletion top"],
            id="findings about a member join the tree",
        ),
        pytest.param(
            {},
            [finding("a"), finding("a", finding="Other", severity="critical")],
            ["critical Other Order a 0 Other"],
            id="one entry for an object",
        ),
        pytest.param(
            {"orders": [order("a")]},
            [finding("a", table="orders", row="gone"), finding("b", table="nowhere", row="b")],
            [
                "warning Stuck deletion Order a 0 StuckDeletion",
                "warning Stuck deletion Order b 0 StuckDeletion",
            ],
            id="rows that are not there are not linked",
        ),
        pytest.param(
            {"orders": [order("big", at(hours=1)), order("old", at(hours=9))]},
            [finding("new", since=at(hours=1), dependants=1)],
            [
                "warning Stuck deletion Order new 1 StuckDeletion",
                "warning Not ready Order old 0  old",
                "warning Not ready Order big 0  big",
            ],
            id="what others depend on comes first",
        ),
    ],
)
def test_what_needs_a_human(
    rows: dict[str, list[dict[str, Any]]], findings: list[Finding], expected: list[str]
) -> None:
    """Rows that are late and findings are one list: by severity, dependants and age."""
    reader = reader_of(rows, findings)
    assert entries(reader) == expected
    needs = reader.json("/overview")["needs"]
    critical = sum(line.startswith("critical") for line in expected)
    assert (needs["total"], needs["critical"]) == (len(expected), critical)
    assert needs["warning"] == len(expected) - critical


def test_an_entry_says_where_and_why() -> None:
    """Why is what the deepest late row says, with its name; long texts are cut."""
    rows = {
        "orders": [order("top", at(hours=1), team="checkout", message="waits for parts")],
        "parts": [
            part("x", "top", at(hours=2), message="quota\n exceeded " + "x" * 400),
            part("y", "gone", at(hours=2)),
        ],
    }
    first = reader_of(rows).json("/overview")["needs"]["entries"][0]
    assert first.pop("why") == "Part x: quota exceeded " + "x" * 285 + "…"
    assert first == {
        "severity": "warning",
        "what": "Not ready",
        "kind": "Order",
        "namespace": "a",
        "name": "top",
        "team": "checkout",
        "since": at(hours=2),
        "dependants": 1,
        "collector": "shop",
        "finding": "",
        "table": "orders",
        "row": "top",
        "cluster": "",
    }


def test_an_object_in_two_collectors_tables_has_one_entry() -> None:
    """A row whose identity is linked to that of another table is the same object."""
    linked = msgspec.structs.replace(ALONE, links=(Link("name", "orders", "name"),))
    rows = {
        "orders": [order("both", at(hours=1)), order("well")],
        "alone": [order(name, at(hours=2)) for name in ("both", "well", "one")],
    }
    reader = reader_of(rows, tables=[PARENTS, PARTS, QUIET, linked])
    assert entries(reader) == [
        "critical Not ready Order one 0  one",
        "critical Not ready Order well 0  well",
        "warning Not ready Order both 0  both",
    ]
    found = reader.json("/overview")["needs"]
    assert (found["total"], found["critical"], found["warning"]) == (3, 2, 1)


def test_a_table_that_cannot_be_read_costs_only_itself() -> None:
    """Its card says so; search and the page of a team have the others."""
    store = FakeStore()
    rows = {"orders": [order("late", at(hours=1))], "alone": [order("broken")]}
    reader = reader_of(rows, store=store)
    stored = store.documents["snapshot.json"]
    body = stored.body.replace(b'"broken"', b'"\xff"')
    store.documents["snapshot.json"] = replace(stored, body=body, etag="broken")
    reader.snapshots.refresh()
    cards = {
        table["key"]: table["error"]
        for collector in reader.json("/overview")["collectors"]
        for table in collector["tables"]
    }
    assert "cannot be read" in cards["alone"]
    assert cards["orders"] == ""
    assert reader.get("/search?q=late").status_code == 200
    sections = reader.json("/teams/payments")["sections"]
    assert [each["table"] for each in sections] == ["orders"]


def test_what_the_job_could_not_see_is_critical() -> None:
    """A collector that failed, and lists that failed, once for each collector."""
    outcomes = [
        CollectorOutcome(
            collector="shop", success=False, error="no rights", carried_since=at(days=1)
        ),
        CollectorOutcome(collector="other"),
    ]
    lists = [failed_list("a"), failed_list("b")]
    targets = [msgspec.structs.replace(each, collector="other") for each in lists]
    reader = reader_of({}, collectors=outcomes, targets=targets)
    found = reader.json("/overview")
    assert entries(reader) == [
        "critical Lists failed  other 2",
        "critical Collector failed  shop 0",
    ]
    assert [each["why"] for each in found["needs"]["entries"]] == [
        "/v1/nodes: 503 (and 1 more)",
        "no rights",
    ]
    shop, other = found["collectors"]
    assert (shop["error"], shop["carriedSince"]) == ("no rights", at(days=1))
    assert shop["tables"][0]["carriedSince"] == at(days=1)
    assert other["failedLists"] == 2
    assert found["clusters"][0]["failedLists"] == 2


def test_a_snapshot_that_is_stale_is_an_entry() -> None:
    """Only while it is, and in the answer's own members and headers too."""
    reader = reader_of({"orders": [order("a", at(hours=1))]})
    first = reader.get("/overview")
    assert first.json()["stale"] is False
    reader.clock.forward(seconds=60)
    assert reader.get("/overview", If_None_Match=first.headers["etag"]).status_code == 304
    reader.store.error = TransientError("connection refused")
    reader.snapshots.refresh()
    again = reader.get("/overview", If_None_Match=first.headers["etag"])
    found = again.json()
    assert (found["stale"], found["staleReasons"]) == (True, ["store_away"])
    assert again.headers["xpjob-stale-reasons"] == "store_away"
    assert entries(reader)[0] == "critical Snapshot is stale   0"
    assert found["needs"]["entries"][0]["why"] == "the store does not answer"
    assert found["clusters"][0]["needs"] == {"critical": 1, "warning": 1}
    reader.store.error = None
    reader.snapshots.refresh()
    assert reader.get("/overview").content == first.content


def test_a_card_for_each_collector() -> None:
    """Its tables, the numbers that it declares with their filters, and a sentence."""
    rows = {
        "orders": [order("a", at(days=2)), order("b", at(minutes=1)), order("c")],
        "alone": [order("x", at(hours=1))],
    }
    found = reader_of(rows).json("/overview")
    shop, other, empty = found["collectors"]
    assert (shop["name"], shop["title"]) == ("shop", "Shop")
    assert [(each["key"], each["rows"], each["late"]) for each in shop["tables"]] == [
        ("orders", 3, 1),
        ("parts", 0, 0),
    ]
    assert shop["card"]["numbers"] == [
        {
            "label": "Orders not ready",
            "value": 2,
            "table": "orders",
            "filters": {"ready": ["false"]},
            "sum": "",
            "type": "count",
            "bad": True,
        },
        {
            "label": "Late",
            "value": 1,
            "table": "orders",
            "filters": {"lateness": ["late", "long"]},
            "sum": "",
            "type": "count",
            "bad": True,
        },
        {
            "label": "Pieces",
            "value": 6,
            "table": "orders",
            "filters": {},
            "sum": "size",
            "type": "count",
            "bad": False,
        },
    ]
    assert shop["card"]["sentence"] == "orders: 3, 2 not ready; parts: 0"
    numbers = [(each["label"], each["value"]) for each in other["card"]["numbers"]]
    assert numbers == [("Quiet", 0), ("Alone", 1)]
    assert (empty["tables"], empty["card"]["sentence"]) == ([], "")
    assert found["needs"]["looked"] == {"rows": 4, "tables": 4, "collectors": 3}
    assert found["teams"] == 1


def test_every_number_is_that_of_its_rows() -> None:
    """The link of a number leads to as many rows as it says."""
    rows = {"orders": [order(f"o{n}", at(hours=n * 5)) for n in range(1, 9)]}
    reader = reader_of(rows)
    for number in reader.json("/overview")["collectors"][0]["card"]["numbers"]:
        pairs = [f"{name}={v}" for name, values in number["filters"].items() for v in values]
        found = reader.json(f"/tables/{number['table']}?{'&'.join([*pairs, 'facets='])}")
        value = found["sums"][number["sum"]] if number["sum"] else found["total"]
        assert value == number["value"]


def test_ten_entries_are_shown_and_all_are_counted() -> None:
    """The first ten, also where hundreds began at the same time."""
    rows = {"orders": [order(f"n{n:03d}", at(hours=1)) for n in reversed(range(300))]}
    reader = reader_of(rows)
    found = reader.json("/overview")["needs"]
    assert [each["name"] for each in found["entries"]] == [f"n{n:03d}" for n in range(10)]
    assert (found["total"], found["warning"]) == (300, 300)


def test_hostile_values_are_only_text() -> None:
    """Whatever tenants write, ids lead back to the row."""
    names = ["../..", "", "a/b", "<script>", "~", "\u202e", "%2F"]
    rows = {"orders": [order(name, at(hours=1), team=f"t{name}") for name in names]}
    found = reader_of(rows).json("/overview")["needs"]["entries"]
    assert {each["row"] for each in found} == {row_id([name]) for name in names}
    assert {each["name"] for each in found} == {*names}


def test_all_clusters_are_one_page() -> None:
    """With ``cluster=*``, and where there are several and none is named."""
    store = FakeStore()
    reader_of({"orders": [order("e", at(hours=1))]}, cluster="east", store=store)
    west = {"orders": [order("w", at(days=2)), order("v")], "alone": [order("x")]}
    reader = reader_of(west, [finding("f")], cluster="west", store=store)
    found = reader.json("/overview?cluster=*")
    assert found == reader.json("/overview")
    assert (found["cluster"], found["teams"]) == ("*", 1)
    assert [(each["name"], each["cluster"]) for each in found["needs"]["entries"]] == [
        ("w", "west"),
        ("f", "west"),
        ("e", "east"),
    ]
    assert found["needs"]["looked"]["rows"] == 4
    shop = found["collectors"][0]
    assert [each["value"] for each in shop["card"]["numbers"]] == [2, 2, 6]
    assert shop["card"]["sentence"] == "orders: 3, 2 late; parts: 0"
    clusters = {each["name"]: each for each in found["clusters"]}
    assert clusters["east"]["needs"] == {"critical": 0, "warning": 1}
    assert clusters["west"]["needs"] == {"critical": 1, "warning": 1}
    assert clusters["west"]["findings"] == 1
    one = reader.json("/overview?cluster=east")
    assert (one["cluster"], len(one["clusters"])) == ("east", 2)
    assert entries(reader, "?cluster=east") == ["warning Not ready Order e 0  e"]
    reader.refused("/overview?cluster=north", 400, "unknown-value")
    reader.refused("/overview?team=x", 400, "unknown-parameter")


def test_before_any_snapshot_there_is_none(empty: Reader) -> None:
    """As with all that needs one."""
    empty.refused("/overview", 503, "no-snapshot")
    empty.refused("/overview?cluster=*", 503, "no-snapshot")


def test_a_table_that_cannot_be_read_costs_itself_only() -> None:
    """The others are counted; whoever asks for it is told."""
    rows = {"orders": [order("a", at(hours=1))], "quiet": [order("x", team="mark")]}
    reader = reader_of(rows)
    body = reader.store.documents["snapshot.json"].body
    reader.store.put("snapshot.json", body.replace(b'"mark"', b'"\xff"'), replacing=None)
    reader.snapshots.refresh()
    found = reader.json("/overview")
    assert found["stale"] is False
    assert entries(reader) == ["warning Not ready Order a 0  a"]
    assert found["collectors"][1]["tables"][0]["rows"] == 1
    reader.refused("/tables/quiet", 503, "corrupt-table")


def test_what_is_prepared_is_plain_data() -> None:
    """It can be computed by another process."""
    rows = {"orders": [order("top", at(hours=1))], "parts": [part("x", "top", at(hours=2))]}
    reader = reader_of(rows, [finding("x", table="parts", row="x")])
    body = reader.store.documents["snapshot.json"].body
    raw = read(body, "snapshot.json", ())
    made = prepare(raw, Stamp("tag", "", raw.head.generated_at, 0))
    again = pickle.loads(pickle.dumps(made))
    assert again.needs == made.needs
    assert again.team_needs == {"payments": made.needs}
    assert again.tables == made.tables
    assert again.trees["shop"].ids == {0: "orders/top"}


def test_no_row_is_read_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the snapshot is: all was computed when it was loaded."""
    reader = reader_of({"orders": [order("a", at(hours=1))]}, [finding("f")])

    def refuse(*_: object) -> None:
        raise AssertionError("a row is read")

    monkeypatch.setattr(Packed, "rows", refuse)
    monkeypatch.setattr(View, "row", refuse)
    assert len(entries(reader)) == 2
