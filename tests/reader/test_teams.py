"""``/teams/`` and ``/teams/<name>``: what each team has in every table with a team."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec
import pytest

from support.reader import Reader, loaded
from support.toy_tables import NODES
from support.toy_teams import HOSTILE, ORDERS, Order, Space, finding, orders, spaces, team_snapshot
from xpjob.collect.description import Column, TableDescription
from xpjob.collect.tables import row_id

GIB = 1 << 30


def test_all_teams(served: Reader) -> None:
    """By name, with rows of each table, what is late, findings, and sums of requests and money."""
    found = served.json("/teams/")
    assert found["teams"] == [
        {"name": "", "rows": {"orders": 1, "spaces": 1}, "late": 0, "findings": 0,
         "sums": {"price": 0, "cpuRequested": 0, "memoryRequested": 0}},
        {"name": "checkout", "rows": {"orders": 1, "spaces": 1}, "late": 0, "findings": 1,
         "sums": {"price": 0, "cpuRequested": 2, "memoryRequested": 3 * GIB}},
        {"name": "payments", "rows": {"orders": 2, "spaces": 2}, "late": 1, "findings": 1,
         "sums": {"price": 3.5, "cpuRequested": 2, "memoryRequested": GIB}},
    ]  # fmt: skip
    assert [table["key"] for table in found["tables"]] == ["orders", "spaces"]
    assert (found["total"], found["stale"], found["cluster"]) == (3, False, "")
    assert found["generatedAt"]


@pytest.mark.parametrize(
    ("question", "names", "total"),
    [
        ("q=PAY", ["payments"], 1),
        ("q=e+k", ["checkout"], 1),
        ("q=nobody", [], 0),
        ("limit=2", ["", "checkout"], 3),
    ],
)
def test_some_teams(served: Reader, question: str, names: list[str], total: int) -> None:
    """By words in the name; a list that is cut says how many there are."""
    found = served.json(f"/teams/?{question}")
    assert ([each["name"] for each in found["teams"]], found["total"]) == (names, total)


def test_one_team(served: Reader) -> None:
    """Sections of the tables in which it has rows, with states, sums and what is late first."""
    found = served.json("/teams/payments")
    assert found["team"] == "payments"
    first, second = found["sections"]
    assert (first["table"], first["title"], first["collector"]) == ("orders", "Orders", "shop")
    assert (first["rows"], first["late"], first["sort"]) == (2, 1, "well,wellSince,name")
    assert (first["state"], first["states"]) == (
        *("phase",),
        [{"value": "Done", "total": 1}, {"value": "Wait", "total": 1}],
    )
    assert [row["name"] for row in first["first"]] == ["queue", "db"]
    assert first["columns"] == ["kind", "name", "phase", "wellSince", "message", "price"]
    assert second["sort"] == "-cpuRequested"
    assert [row["space"] for row in second["first"]] == ["pay", "pay-dev"]
    assert found["findings"]["total"] == 1
    assert found["findings"]["entries"][0]["name"] == "queue"
    assert found["notRunning"] == ["Crossplane"]
    assert found["sentence"] == "payments has orders: 2, spaces: 2, 1 late, 1 finding"


def test_what_needs_a_human(served: Reader) -> None:
    """The entries of the overview that are the team's own, of one cluster or all."""
    every = served.json("/overview")["needs"]["entries"]
    for team in ("payments", "checkout", ""):
        own = [each for each in every if each["team"] == team and each["kind"]]
        found = served.json(f"/teams/?name={team}")["needs"]
        assert (found["entries"], found["total"]) == (own, len(own))
    assert served.json("/teams/checkout")["needs"]["critical"] == 1
    several = loaded(team_snapshot(cluster="east"), team_snapshot(cluster="west"))
    found = several.json("/teams/payments?cluster=*")["needs"]
    assert {each["cluster"] for each in found["entries"]} == {"east", "west"}


def test_the_share_of_a_sum(served: Reader) -> None:
    """Of all rows of the table, or the sum of the table's own shares of requests."""
    sums = served.json("/teams/payments")["sections"][1]["sums"]
    assert sums["cpuRequested"] == {
        "value": 2,
        "share": pytest.approx(0.2),
        "shareOf": "cpuShare",
    }
    assert sums["memoryRequested"] == {"value": GIB, "share": 0.25, "shareOf": ""}
    assert sums["pods"] == {"value": 3, "share": pytest.approx(3 / 17), "shareOf": ""}
    assert "cpuShare" not in sums
    without = served.json("/teams/~")["sections"][1]["sums"]
    assert without["memoryRequested"] == {"value": 0, "share": 0, "shareOf": ""}


def test_numbers_are_those_of_the_rows_behind_the_links(served: Reader) -> None:
    """The rows of a section, and the findings, as their own addresses count them."""
    for team in ("", "payments", "checkout"):
        found = served.json(f"/teams/?name={team}")
        for section in found["sections"]:
            path = f"/tables/{section['table']}?team={team}&sort={section['sort']}"
            rows = served.json(path)
            assert rows["total"] == section["rows"]
            identity = {"orders": "uid", "spaces": "space"}[section["table"]]
            listed = [row[identity] for row in section["first"]]
            assert [row[identity] for row in rows["rows"]][:10] == listed
        assert served.json(f"/findings?team={team}")["total"] == found["findings"]["total"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    """Whatever a team is called, it has an address, and is not taken for another."""
    rows = [Order(uid="u", name="one", team=name), Order(uid="v", name="two", team="x")]
    served = loaded(team_snapshot(rows={"orders": rows, "spaces": [], "nodes": []}, findings=[]))
    assert name in [each["name"] for each in served.json("/teams/")["teams"]]
    found = served.json(f"/teams/{row_id((name,))}")
    assert (found["team"], [each["rows"] for each in found["sections"]]) == (name, [1])
    if len(quote(name)) < 4000:
        again = served.json(f"/teams/?name={quote(name, safe='')}")
        assert again == found
    metrics = served.get("/metrics").text
    routes = set(re.findall(r'route="(/teams[^"]*)"', metrics))
    assert routes <= {"/teams/", "/teams/{name}"}


def test_slashes_that_are_not_encoded_are_of_the_name() -> None:
    """Some clients, and proxies, decode them."""
    rows = [Order(uid="u", name="one", team="a/b")]
    served = loaded(team_snapshot(rows={"orders": rows, "spaces": [], "nodes": []}))
    assert served.json("/teams/a/b")["team"] == "a/b"


def test_a_team_that_does_not_exist(served: Reader) -> None:
    """Is a 404 that says which there are; a misspelt one has a hint."""
    problem = served.refused("/teams/paiments", 404, "no-such-team")
    assert problem["known"] == ["", "checkout", "payments"]
    assert "did you mean 'payments'" in problem["detail"]
    served.refused("/teams/?name=PAYMENTS", 404, "no-such-team")
    served.refused("/teams/?name=payments&q=x", 400, "bad-value")
    served.refused("/teams/?name=a&name=b", 400, "repeated")
    served.refused("/teams/payments?limit=1", 400, "unknown-parameter")
    served.refused("/teams/?limit=0", 400, "bad-value")


def test_a_team_with_findings_only(served: Reader) -> None:
    """Is a team, too: its objects are in no table."""
    served = loaded(team_snapshot(findings=[finding("x", team="ghosts", severity="")]))
    found = served.json("/teams/ghosts")
    assert (found["sections"], found["findings"]["total"]) == ([], 1)
    assert found["findings"]["entries"][0]["severity"] == "warning"
    listed = {each["name"]: each for each in served.json("/teams/")["teams"]}
    assert (listed["ghosts"]["rows"], listed["ghosts"]["findings"]) == ({}, 1)


def test_all_clusters_together() -> None:
    """Rows, sums and findings are added up; sections say of which cluster they are."""
    own = {"orders": orders()[:1], "spaces": spaces()[:1], "nodes": []}
    served = loaded(team_snapshot(cluster="east"), team_snapshot(cluster="west", rows=own))
    listed = {each["name"]: each for each in served.json("/teams/?cluster=*")["teams"]}
    assert listed["payments"]["rows"] == {"orders": 3, "spaces": 3}
    assert listed["payments"]["sums"]["cpuRequested"] == 3.5
    assert listed["payments"]["findings"] == 2
    found = served.json("/teams/payments?cluster=*")
    assert [(each["cluster"], each["table"]) for each in found["sections"]] == [
        *(("east", "orders"), ("east", "spaces"), ("west", "orders"), ("west", "spaces")),
    ]
    assert [each["name"] for each in found["clusters"]] == ["east", "west"]
    assert found["findings"]["total"] == 2
    assert [each["cluster"] for each in found["findings"]["entries"]] == ["east", "west"]
    assert served.json("/teams/checkout?cluster=*")["sections"][0]["cluster"] == "east"
    served.refused("/teams/checkout?cluster=west&name=x", 400, "unknown-parameter")
    served.refused("/teams/", 400, "cluster-needed")


def test_any_table_with_a_team_takes_part() -> None:
    """Also one that a user has defined, that filters by nothing and identifies nothing."""
    bare = msgspec.structs.replace(
        ORDERS, filters=(), search=(), identity=(), sort="", ok="", since="", why=(), name=(),
        columns=(Column("team"), Column("size", "bytes")), shown=("team", "size"),
    )  # fmt: skip
    rows = [{"team": "a", "size": 5}, {"size": 7}, {"team": None}, {"team": "a", "size": "x"}]
    served = loaded(team_snapshot(rows={"orders": rows}, tables=[bare], findings=[]))
    listed = {each["name"]: each for each in served.json("/teams/")["teams"]}
    assert listed["a"]["rows"] == {"orders": 2}
    assert (listed["a"]["sums"], listed[""]["sums"]) == ({"size": 5}, {"size": 7})
    (section,) = served.json("/teams/a")["sections"]
    assert (section["state"], section["states"], section["sort"]) == ("", [], "")
    assert [row.get("size") for row in section["first"]] == [5, "x"]


def test_tables_with_namespaces_have_those_of_a_teams_namespaces() -> None:
    """If a table of namespaces says whose each is: images have no team of their own."""
    columns = (Column("namespace"), Column("team"))
    owners = TableDescription(
        key="rooms", collector="room", title="Rooms", columns=columns, identity=("namespace",),
        filters=("namespace", "team"), shown=("namespace",),
    )  # fmt: skip
    further = (Column("namespace"), Column("image"), Column("size", "bytes"))
    images = TableDescription(
        key="images", collector="ship", title="Images", columns=further, identity=("image",),
        filters=("namespace",), shown=("image", "size"),
    )  # fmt: skip
    rows = {
        "rooms": [{"namespace": n, "team": t} for n, t in (("a", "x"), ("b", "x"), ("c", "y"))],
        "images": [{"namespace": n, "image": f"i-{n}", "size": 5} for n in ("a", "c", "b", "d")],
        "nodes": [],
    }
    served = loaded(team_snapshot(rows=rows, tables=[owners, images, NODES], findings=[]))
    first, second = served.json("/teams/x")["sections"]
    assert (first["table"], first["filters"]) == ("rooms", {"team": ["x"]})
    assert (second["table"], second["rows"]) == ("images", 2)
    assert second["filters"] == {"namespace": ["a", "b"]}
    assert second["sums"]["size"] == {"value": 10, "share": 0.5, "shareOf": ""}
    assert served.json("/tables/images?namespace=a&namespace=b")["total"] == second["rows"]
    assert [row["image"] for row in second["first"]] == ["i-a", "i-b"]
    assert "images: 2" in served.json("/teams/x")["sentence"]
    many = [{"namespace": f"n-{n}", "team": "x"} for n in range(51)]
    own = [{"namespace": f"n-{n}", "image": f"i-{n}"} for n in range(51)]
    many_rows = {"rooms": many, "images": own, "nodes": []}
    served = loaded(team_snapshot(rows=many_rows, tables=[owners, images, NODES], findings=[]))
    assert [each["table"] for each in served.json("/teams/x")["sections"]] == ["rooms"]


def test_numbers_that_do_not_add_up() -> None:
    """Infinite and absent ones cost their sum, not the answer."""
    rows = [Space(space=f"s-{n}", team="a", cpu_requested=1e308) for n in range(3)]
    served = loaded(team_snapshot(rows={"orders": [], "spaces": rows, "nodes": []}))
    (section,) = served.json("/teams/a")["sections"]
    assert section["sums"]["cpuRequested"]["value"] == 0
    assert section["sums"]["memoryRequested"] == {"value": 0, "share": None, "shareOf": ""}


def test_before_a_snapshot(empty: Reader) -> None:
    """There is nothing to say yet."""
    empty.refused("/teams/", 503, "no-snapshot")
    empty.refused("/teams/x?cluster=*", 503, "no-snapshot")


def test_an_unchanged_answer_is_not_sent_again(served: Reader) -> None:
    """A new snapshot has another ETag."""
    for path in ("/teams/", "/teams/payments", "/search?q=db", "/findings"):
        tag = served.get(path).headers["etag"]
        assert served.get(path, If_None_Match=tag).status_code == 304
        served.store.save(team_snapshot(2, generated_at="2026-11-21T11:59:55Z"))
        assert served.snapshots.refresh()
        assert served.get(path, If_None_Match=tag).status_code == 200
        served.store.save(team_snapshot())
        assert served.snapshots.refresh()


def test_the_page_of_a_team_that_does_not_exist_is_a_404(served: Reader) -> None:
    """As the answer in JSON."""
    html = "text/html,*/*;q=0.8"
    for path, status in (
        *(("/teams/", 200), ("/teams/payments", 200), ("/teams/~", 200), ("/teams/?name=", 200)),
        *(("/teams/nobody", 404), ("/teams/?name=nobody", 404), ("/teams/x?cluster=y", 200)),
    ):
        answer = served.get(path, Accept=html)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
        assert "Accept" in answer.headers["vary"]
