"""``/tables``: any table is served from its description, also one that nobody has declared."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at, snapshot
from support.toy_tables import USERS, Node, failed_list, nodes, toy_snapshot
from xpjob.collect.description import TableDescription
from xpjob.reader import described
from xpjob.reader.table import View


def names(reader: Reader, question: str) -> list[str]:
    """Return the names of the nodes of an answer."""
    return [row["name"] for row in reader.json(f"/tables/nodes?{question}")["rows"]]


def test_the_tables_that_there_are(toy: Reader) -> None:
    """With how many rows each has, and how fresh its collector's section is."""
    found = toy.json("/tables")
    assert list(found) == ["tables", "generatedAt", "stale", "cluster"]
    assert found["tables"] == [
        {
            "key": "nodes",
            "title": "Nodes",
            "collector": "capacity",
            "rows": 4,
            "error": "",
            "carriedSince": "",
        },
        {
            "key": "licences",
            "title": "Licences",
            "collector": "sources",
            "rows": 2,
            "error": "no rights",
            "carriedSince": at(hours=1),
        },
    ]
    schema = toy.json("/schema.json")
    assert [table["key"] for table in schema["tables"]] == ["nodes", "licences"]
    assert schema["tables"][0]["columns"][1] == {
        "name": "pool",
        "type": "text",
        "title": "Pool",
        "help": "Group of nodes.",
        "priority": 1,
        "unit": "",
    }
    view = schema["views"][0]
    assert (view["name"], view["title"]) == ("crossplane", "Crossplane")
    assert "/bookkeeping" in view["paths"]
    assert toy.json("/clusters")["clusters"][0]["tables"] == {"nodes": 4, "licences": 2}


def test_rows_are_as_they_are_stored(toy: Reader) -> None:
    """With what a client needs to know of the snapshot."""
    found = toy.json("/tables/nodes")
    assert list(found) == ["rows", "generatedAt", "stale", "cluster", "total", "continue"]
    assert found["rows"][0]["labels"] == {"zone": "b"}
    assert found["rows"][3]["pods"] is None
    assert (found["total"], found["continue"]) == (4, "")
    answer = toy.get("/tables/nodes?fields=name,pods&format=ndjson")
    assert answer.text.splitlines()[0] == '{"name":"a-1","pods":9}'
    assert answer.headers["xpjob-total"] == "4"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("pool=workers", ["a-1", "a-2"]),
        ("pool=workers&pool=gpu", ["a-1", "a-2", "b-1"]),
        ("pool=", ["new"]),
        ("pool=w*s", ["a-1", "a-2"]),
        ("name=*-1", ["a-1", "b-1"]),
        ("name=*-1&condition=Ready&pool=gpu", ["b-1"]),
        ("cordoned=true", ["new"]),
        ("q=CMD", ["a-2"]),
        ("q=a-+nothing", []),
        ("sort=pods", ["a-1", "a-2", "b-1", "new"]),
        ("sort=-pods", ["b-1", "a-2", "a-1", "new"]),
        ("sort=cpu", ["a-2", "a-1", "b-1", "new"]),
        ("sort=-createdAt", ["a-2", "a-1", "b-1", "new"]),
        ("sort=createdAt", ["b-1", "a-1", "a-2", "new"]),
        ("sort=-pool,name", ["a-1", "a-2", "b-1", "new"]),
        ("sort=-note", ["a-2", "a-1", "b-1", "new"]),
        ("sort=-taints", ["a-1", "a-2", "b-1", "new"]),
        ("sort=-name&limit=2", ["new", "b-1"]),
    ],
)
def test_filters_search_and_order(toy: Reader, question: str, expected: list[str]) -> None:
    """Numbers and times by value; what has none comes last either way."""
    assert names(toy, question) == expected


@pytest.mark.parametrize(
    ("path", "status", "code", "known"),
    [
        ("/tables/node", 404, "no-such-table", ["licences", "nodes"]),
        ("/tables/nodes?pool=wrokers", 400, "unknown-value", ["", "gpu", "workers"]),
        ("/tables/nodes?cordoned=yes", 400, "unknown-value", ["", "false", "true"]),
        ("/tables/nodes?memory=1", 400, "unknown-parameter", None),
        ("/tables/nodes?sort=size", 400, "unknown-value", None),
        ("/tables/nodes/summary?by=memory", 400, "unknown-value", None),
        ("/tables/nodes?cluster=east", 400, "unknown-value", [""]),
        ("/tables/nodes/history", 404, "not-found", None),
    ],
)
def test_what_does_not_exist_is_named(
    toy: Reader, path: str, status: int, code: str, known: list[str] | None
) -> None:
    """With what does."""
    problem = toy.refused(path, status, code)
    if known is not None:
        assert problem["known"] == known


def test_a_table_that_a_user_has_defined(toy: Reader) -> None:
    """Columns that are called as parameters are filtered by under a longer name."""
    found = toy.json("/tables/licences?column.limit=big&q=ea&sort=-q&limit=5")
    assert found["rows"] == [{"host": "east", "q": 3, "limit": "big"}]
    assert toy.json("/tables/licences/summary?by=column.limit")["groups"] == [
        {"column.limit": "big", "total": 1, "sums": {"q": 3}},
        {"column.limit": "small", "total": 1, "sums": {"q": 7}},
    ]


def test_csv_is_safe_and_has_a_column_for_each(toy: Reader) -> None:
    """No cell is a formula; lists and objects are JSON."""
    answer = toy.get("/tables/nodes?format=csv")
    file = "xpjob-nodes-20261121T115950Z.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == [
        *("name", "pool", "condition", "cordoned", "pods", "cpu", "cpuRatio", "memory"),
        *("createdAt", "taints", "labels", "note"),
    ]
    assert rows[1]["note"] == "'=cmd()"
    assert json.loads(rows[0]["taints"]) == ["x", "y"]


def test_a_summary_counts_and_adds_up(toy: Reader) -> None:
    """Most rows first; a ratio has no sum."""
    found = toy.json("/tables/nodes/summary?by=pool")
    assert found["groups"][0] == {
        "pool": "workers",
        "total": 2,
        "sums": {"pods": 19, "cpu": 3.75, "memory": 24 << 30},
    }
    assert [group["pool"] for group in found["groups"]] == ["workers", "", "gpu"]
    assert found["groupCount"] == 3
    (whole,) = toy.json("/tables/nodes/summary?condition=Ready")["groups"]
    assert whole["total"] == 2
    text = toy.get("/tables/nodes/summary?by=pool&format=csv&limit=1").text
    assert text == "pool,total,sums.pods,sums.cpu,sums.memory\r\nworkers,2,19,3.75,25769803776\r\n"


def facets_of(reader: Reader, query: str) -> dict[str, dict[str, int]]:
    """Return the totals of values by facet."""
    found = reader.json(f"/tables/nodes?{query}")["facets"]
    return {
        name: {each["value"]: each["total"] for each in facet["values"]}
        for name, facet in found.items()
    }


def test_facets_are_counted_without_themselves(toy: Reader) -> None:
    """What is chosen stays among them, with 0 where nothing else matches."""
    assert facets_of(toy, "facets=pool,condition") == {
        "pool": {"workers": 2, "": 1, "gpu": 1},
        "condition": {"Ready": 2, "": 1, "NotReady": 1},
    }
    assert facets_of(toy, "facets=pool,condition&pool=workers") == {
        "pool": {"workers": 2, "": 1, "gpu": 1},
        "condition": {"NotReady": 1, "Ready": 1},
    }
    assert facets_of(toy, "facets=pool,condition&pool=workers&condition=Ready") == {
        "pool": {"gpu": 1, "workers": 1},
        "condition": {"NotReady": 1, "Ready": 1},
    }
    assert facets_of(toy, "facets=pool&pool=gpu&condition=NotReady") == {
        "pool": {"workers": 1, "gpu": 0}
    }
    assert facets_of(toy, "facets=pool&pool=g*&q=b-") == {"pool": {"gpu": 1}}
    assert facets_of(toy, "facets=pool&q=nothing") == {"pool": {}}


def test_facets_come_with_sums_of_all_that_matches(toy: Reader) -> None:
    """Not of the page, and how many there are without filters."""
    found = toy.json("/tables/nodes?facets=&pool=workers&limit=1&sort=-name")
    assert [row["name"] for row in found["rows"]] == ["a-2"]
    assert (found["total"], found["of"], found["facets"]) == (2, 4, {})
    assert found["sums"] == {"pods": 19, "cpu": 3.75, "memory": 24 << 30}
    assert found["lateness"] == {}
    whole = toy.json("/tables/nodes?facets=pool&fields=name&limit=1")
    assert whole["sums"] == {"pods": 119, "cpu": 11.75, "memory": 24 << 30}
    assert whole["rows"] == [{"name": "a-1"}]
    none = toy.json("/tables/nodes?facets=pool&q=nothing")
    assert (none["rows"], none["total"], none["of"]) == ([], 0, 4)
    assert none["sums"] == {"pods": 0, "cpu": 0, "memory": 0}


def test_a_facet_may_be_long() -> None:
    """Eight values, or as many as are wanted; the number of all; the chosen one is there."""
    store = FakeStore()
    rows = [Node(name=f"n{n:03d}", pool=f"p{n % 100:02d}") for n in range(250)]
    store.save(toy_snapshot(rows={"nodes": rows}))
    reader = make_reader(store)
    reader.snapshots.refresh()

    def values(query: str) -> list[str]:
        facet = reader.json(f"/tables/nodes?facets=pool&limit=1{query}")["facets"]["pool"]
        assert facet["count"] == 100
        return [each["value"] for each in facet["values"]]

    assert values("") == [f"p{n:02d}" for n in range(8)]
    assert values("&facetLimit=200") == [f"p{n:02d}" for n in range(100)]
    assert values("&facetLimit=3") == ["p00", "p01", "p02"]
    assert values("&pool=p99") == [*(f"p{n:02d}" for n in range(7)), "p99"]
    assert values("&facetLimit=1&pool=p99&pool=p98") == ["p99", "p98"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("facets=memory", "unknown-value"),
        ("facets=pool&format=csv", "bad-value"),
        ("facets=pool&facetLimit=0", "bad-value"),
        ("facets=pool&facetLimit=201", "bad-value"),
        ("facets=pool&pool=nowhere", "unknown-value"),
        ("facets=pool&cluster=*", "unknown-parameter"),
    ],
)
def test_facets_that_there_are_not(toy: Reader, query: str, code: str) -> None:
    """Are refused as all that does not exist."""
    toy.refused(f"/tables/nodes?{query}", 400, code)


def test_an_answer_is_not_sent_twice(toy: Reader) -> None:
    """Also when time passes: the rows carry no ages."""
    for path in (
        *("/tables", "/schema.json", "/tables/nodes", "/tables/nodes/summary?by=pool"),
        *("/tables/nodes?facets=pool", "/tables/nodes?facets=pool&pool=gpu"),
    ):
        first = toy.get(path)
        toy.clock.forward(seconds=1)
        again = toy.get(path, If_None_Match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        packed = toy.get(path, Accept_Encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == first.content


def test_pages_follow_each_other_until_the_snapshot_changes(toy: Reader) -> None:
    """Then the token is gone, with 410; that of another table never was one."""
    first = toy.get("/tables/nodes?limit=3&sort=-name")
    token = first.json()["continue"]
    assert "continue=" in first.headers["link"]
    path = f"/tables/nodes?limit=3&sort=-name&continue={token}"
    assert [row["name"] for row in toy.json(path)["rows"]] == ["a-1"]
    toy.refused(f"/tables/licences?continue={token}", 410, "snapshot-changed")
    toy.refused(f"/tables/nodes?continue={token}", 400, "other-question")
    toy.store.save(toy_snapshot(2, generated_at=at(seconds=5)))
    toy.snapshots.refresh()
    toy.refused(path, 410, "snapshot-changed")


def test_before_the_first_snapshot(empty: Reader) -> None:
    """Nothing is known of tables."""
    empty.refused("/tables", 503, "no-snapshot")
    empty.refused("/tables/nodes", 503, "no-snapshot")
    paths = empty.json("/openapi.json")["paths"]
    assert {"/tables", "/bookkeeping", "/clusters"} <= set(paths)
    assert not [path for path in paths if path.startswith("/tables/")]


def test_openapi_describes_what_is_served(toy: Reader) -> None:
    """Each table with its own parameters and columns."""
    document = toy.json("/openapi.json")
    rows = document["paths"]["/tables/nodes"]["get"]["parameters"]
    assert [item["name"] for item in rows] == [
        *("pool", "condition", "cordoned", "name", "q", "sort", "limit", "continue", "fields"),
        *("format", "cluster", "facets", "facetLimit"),
    ]
    schemas = document["components"]["schemas"]
    assert schemas["table.nodes.row"]["properties"]["memory"]["type"] == ["number", "null"]


def test_views_are_made_when_a_snapshot_is_loaded(
    toy: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, and nobody who asks waits for one."""
    made: list[str] = []
    make = described.outline_of

    def noted(table: TableDescription, *arguments: Any, **options: Any) -> View:
        made.append(table.key)
        return make(table, *arguments, **options)

    monkeypatch.setattr(described, "outline_of", noted)
    toy.store.save(toy_snapshot(2, generated_at=at(seconds=8)))
    assert toy.snapshots.refresh()
    keys = [table["key"] for table in toy.json("/tables")["tables"]]
    assert made == keys
    for key in keys:
        assert toy.get(f"/tables/{key}").status_code == 200
    assert made == keys


def test_documents_of_version_0_1_0_have_tables_too() -> None:
    """What describes them is the collector that made them."""
    store = FakeStore()
    store.save(snapshot())
    reader = make_reader(store)
    reader.snapshots.refresh()
    assert [table["key"] for table in reader.json("/tables")["tables"]] == ["claims", "xrs", "mrs"]
    rows = reader.json("/tables/claims?team=checkout")["rows"]
    assert [row["name"] for row in rows] == ["billing"]


def test_own_metrics_name_routes_not_tables(toy: Reader) -> None:
    """What clients make up does not become series."""
    toy.get("/tables/nodes/summary")
    toy.get("/tables/made-up")
    text = toy.get("/metrics").text
    assert 'route="/tables/{key}/summary"' in text
    assert "made-up" not in text
    assert 'xpjob_reader_table_rows{cluster="",table="nodes"} 4.0' in text


def test_a_document_that_was_indented_has_one_line_a_row(toy: Reader) -> None:
    """In NDJSON."""
    body = json.dumps(json.loads(toy.store.documents["snapshot.json"].body), indent=2)
    toy.store.put("snapshot.json", body.encode(), replacing=None)
    toy.snapshots.refresh()
    lines = toy.get("/tables/nodes?format=ndjson").text.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a-1", "a-2", "b-1", "new"]


def test_changes_since_a_dated_snapshot(toy: Reader) -> None:
    """By identity, with what the columns that count were and are; narrowed by filters."""
    before = [
        *(node for node in nodes() if node.name not in ("a-2", "new")),
        Node(name="a-2", pool="workers", condition="Ready", pods=1),
        Node(name="old", pool="gpu", condition="Ready"),
    ]
    rows = {"nodes": before, "licences": []}
    toy.store.keep(toy_snapshot(7, generated_at=at(hours=30), rows=rows))
    found = toy.json("/tables/nodes/diff")
    assert list(found) == [
        *("cluster", "from", "to", "cameCount", "wentCount", "changedCount"),
        *("came", "went", "changed", "unknown"),
    ]
    assert found["from"]["run"] == f"{7:032x}"
    assert [change["row"]["name"] for change in found["came"]] == ["new"]
    assert [change["row"]["name"] for change in found["went"]] == ["old"]
    assert found["changed"] == [
        {
            "row": {"name": "a-2", "pool": "workers", "condition": "NotReady", "cordoned": False},
            "was": {"condition": "Ready", "cordoned": False},
            "is": {"condition": "NotReady", "cordoned": False},
        }
    ]
    assert toy.json("/tables/nodes/diff?pool=gpu")["wentCount"] == 1
    assert toy.json("/tables/nodes/diff?pool=gpu")["cameCount"] == 0
    assert toy.json("/tables/nodes/diff?name=a*")["changedCount"] == 1
    toy.refused("/tables/nodes/diff?limit=0", 400, "bad-value")
    store = FakeStore()
    store.save(toy_snapshot(targets=[failed_list()]))
    alone = make_reader(store)
    alone.snapshots.refresh()
    alone.refused("/tables/nodes/diff", 404, "no-history")
    assert USERS.key in alone.json("/clusters")["clusters"][0]["tables"]


def test_a_table_that_is_corrupt_takes_no_other_with_it(toy: Reader) -> None:
    """Its endpoints say so."""
    body = toy.store.documents["snapshot.json"].body
    toy.store.put("snapshot.json", body.replace(b'"east"', b'"\xff"'), replacing=None)
    toy.snapshots.refresh()
    toy.refused("/tables/licences", 503, "corrupt-table")
    assert names(toy, "limit=1") == ["a-1"]
    assert toy.json("/tables")["tables"][1]["rows"] == 2
