"""``/search``: what is called so, then words, in all tables and clusters."""

from __future__ import annotations

from typing import Any

import pytest

from support.reader import Reader, loaded, make_reader
from support.reader_sample import FakeStore, report, snapshot
from support.toy_tables import Node
from support.toy_teams import Order, team_snapshot


def named(hits: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the table and title of hits."""
    return [(hit["table"], hit["title"]) for hit in hits]


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("u-2", [("orders", "queue")]),
        ("U-2", [("orders", "queue")]),
        ("u-4", [("orders", "lost")]),
        ("QUEUE", [("orders", "queue")]),
        ("10.0.0.1", [("orders", "db")]),
        ("quota exceeded", [("orders", "queue")]),
        ("quota", []),
        ("a-1", [("nodes", "a-1")]),
        ("Payments", [("teams", "payments")]),
        ("  queue ", [("orders", "queue")]),
    ],
)
def test_what_is_called_exactly_so(served: Reader, text: str, exact: list[tuple[str, str]]) -> None:
    """By any column that identifies or is searched, upper or lower case; teams are hits, too."""
    found = served.json(f"/search?q={text}")
    assert named(found["exact"]) == exact
    assert (found["q"], found["exactTotal"]) == (text.strip(), len(exact))


def test_a_hit(served: Reader) -> None:
    """Has what a line needs: address, title, kind, team, and whether and why it is not ok."""
    (hit,) = served.json("/search?q=queue")["exact"]
    assert hit == {
        "table": "orders", "id": "u-2", "title": "queue", "kind": "Order", "team": "payments",
        "ok": False, "why": "quota exceeded", "cluster": "",
    }  # fmt: skip
    (hit,) = served.json("/search?q=payments")["exact"]
    assert (hit["table"], hit["id"], hit["kind"]) == ("teams", "payments", "Team")
    assert served.json(f"/{hit['table']}/{hit['id']}")["team"] == "payments"


def test_words_match_as_in_one_table(served: Reader) -> None:
    """All of them, anywhere in a row; totals are those of the rows behind the link."""
    for text in ("a", "exceeded+QUOTA", "pay", "e", "quota+nothing"):
        found = served.json(f"/search?q={text}")
        for each in found["tables"]:
            rows = served.json(f"/tables/{each['table']}?q={text}")
            assert rows["total"] == each["total"] > 0
            assert len(each["hits"]) <= min(5, each["total"])
        tables = {each["table"] for each in found["tables"]}
        for key in {"orders", "spaces", "nodes"} - tables:
            assert served.json(f"/tables/{key}?q={text}")["total"] == 0
        assert found["total"] == sum(each["total"] for each in found["tables"])


def test_five_of_each_table_and_exact_ones_once() -> None:
    """What was listed as exact is not listed again; rare texts come before common ones."""
    rows = [Order(uid=f"u-{n}", name=f"db-{n}", message="db") for n in range(8)]
    rows.append(Order(uid="u-x", name="db"))
    nodes = [Node(name=f"db-{n}") for n in range(7)]
    served = loaded(team_snapshot(rows={"orders": rows, "spaces": [], "nodes": nodes}))
    found = served.json("/search?q=db")
    assert (len(found["exact"]), found["exactTotal"]) == (5, 9)
    assert found["exact"][0]["title"] == "db"
    by_table = {each["table"]: each for each in found["tables"]}
    assert [by_table[key]["total"] for key in ("orders", "nodes")] == [9, 7]
    ids = [hit["id"] for hit in by_table["orders"]["hits"]]
    assert len(ids) == 4
    assert not set(ids) & {hit["id"] for hit in found["exact"]}
    assert len(by_table["nodes"]["hits"]) == 5


def test_all_clusters() -> None:
    """Each hit says of which cluster it is; five are listed of a table of all."""
    own = {"orders": [Order(uid="u-9", name="db", team="payments")], "spaces": [], "nodes": []}
    served = loaded(team_snapshot(cluster="east"), team_snapshot(cluster="west", rows=own))
    found = served.json("/search?q=db&cluster=*")
    assert [(hit["cluster"], hit["id"]) for hit in found["exact"]] == [
        *(("east", "u-1"), ("west", "u-9")),
    ]
    assert {each["table"]: each["total"] for each in found["tables"]} == {"orders": 2}
    assert [each["name"] for each in found["clusters"]] == ["east", "west"]
    assert len(served.json("/search?q=payments&cluster=*")["exact"]) == 2
    assert served.json("/search?q=db&cluster=west")["exactTotal"] == 1
    served.refused("/search?q=db", 400, "cluster-needed")


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", "missing-parameter"),
        ("?q=", "missing-parameter"),
        ("?q=++", "missing-parameter"),
        ("?q=a&limit=3", "unknown-parameter"),
        (f"?q={'x' * 513}", "value-too-long"),
    ],
)
def test_what_is_no_search(served: Reader, question: str, code: str) -> None:
    """Says so."""
    served.refused(f"/search{question}", 400, code)


@pytest.mark.parametrize("text", ["%00", "%0A", "<img src=x>", "*", "a*", "ß", "ﬃ", "İ", "%FF"])
def test_hostile_texts(served: Reader, text: str) -> None:
    """Are texts: nothing matches, or what has them."""
    assert served.get(f"/search?q={text}").status_code in (200, 400)


def test_folding_makes_texts_longer() -> None:
    """A name is found by what it folds to."""
    rows = [Order(uid="u", name="Straße"), Order(uid="v", name="STRASSE")]
    served = loaded(team_snapshot(rows={"orders": rows, "spaces": [], "nodes": []}))
    for text in ("straße", "strasse", "STRASSE"):
        assert served.json(f"/search?q={text}")["exactTotal"] == 2


def test_the_collectors_own_tables() -> None:
    """Objects of a platform are found by uid, which no search column has."""
    store = FakeStore()
    store.save(snapshot(many=3))
    store.save(report())
    served = make_reader(store)
    assert served.snapshots.refresh()
    (hit,) = served.json("/search?q=UID-orders")["exact"]
    assert (hit["table"], hit["id"], hit["ok"]) == ("claims", "uid-orders", True)


def test_a_search_is_made_once(served: Reader) -> None:
    """The next one who asks gets the same bytes."""
    first, second = served.get("/search?q=db"), served.get("/search?q=db")
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
