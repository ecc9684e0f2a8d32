"""Tables that versions describe differently, and descriptions that nobody would write."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at
from support.toy_tables import toy_snapshot
from xpjob.collect.description import Column, Highlight, TableDescription, Usual
from xpjob.collect.findings import Finding
from xpjob.reader import changes

COLUMNS = (Column("name"), Column("team"), Column("cores", "cores"), Column("zone"))
NEW = TableDescription(
    key="machines",
    collector="capacity",
    title="Machines",
    columns=COLUMNS,
    identity=("name",),
    filters=("team", "zone"),
    search=("name", "zone"),
    shown=("name", "cores"),
    sort="zone",
)
OLD = msgspec.structs.replace(
    NEW, columns=COLUMNS[:2], filters=("team",), search=("name",), shown=("name",), sort="name"
)
ROWS: dict[str, list[Any]] = {
    "new": [{"name": "n-1", "team": "a", "cores": 2.0, "zone": "z"}],
    "old": [{"name": "o-1", "team": "b"}],
}


def saved(store: FakeStore, table: TableDescription, rows: list[Any], cluster: str = "") -> None:
    """Store a snapshot with one table."""
    made = toy_snapshot(cluster=cluster, tables=[table], collectors=[], rows={table.key: rows})
    store.save(made, cluster)


@pytest.fixture(params=["the newer first", "the older first"])
def versions(request: pytest.FixtureRequest) -> Reader:
    """A reader of two clusters whose jobs are of two versions."""
    store = FakeStore()
    newer = request.param == "the newer first"
    saved(store, NEW, ROWS["new"], "a" if newer else "z")
    saved(store, OLD, ROWS["old"], "z" if newer else "a")
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("", {"n-1", "o-1"}),
        ("zone=z", {"n-1"}),
        ("team=b", {"o-1"}),
        ("sort=-zone", {"n-1", "o-1"}),
        ("sort=team,zone&fields=name,zone", {"n-1", "o-1"}),
        ("q=z", {"n-1"}),
    ],
)
def test_what_one_version_describes_can_be_asked_of_all(
    versions: Reader, question: str, names: set[str]
) -> None:
    """Whichever cluster comes first; rows of the other have no such value."""
    found = versions.json(f"/tables/machines?cluster=*&{question}")
    assert {row["name"] for row in found["rows"]} == names
    assert found["total"] == len(names)
    versions.refused("/tables/machines?cluster=*&sort=nothing", 400, "unknown-value")
    versions.refused("/tables/machines?cluster=*&nothing=1", 400, "unknown-parameter")


def test_teams_of_two_versions_are_added_up(versions: Reader) -> None:
    """A column that only one version has is the sum of that one."""
    found = versions.json("/teams/?cluster=*")
    assert {team["name"]: team["sums"] for team in found["teams"]} == {"a": {"cores": 2}, "b": {}}
    assert [each["column"] for each in found["sums"]] == ["cores"]
    assert versions.json("/teams/b?cluster=*")["sections"][0]["rows"] == 1


FLAGGED = TableDescription(
    key="orders",
    collector="shop",
    columns=(
        *(Column("name"), Column("kind"), Column("ok", "flag"), Column("since", "time")),
        Column("parent", "ref"),
    ),
    identity=("name",),
    filters=("ok", "kind"),
    shown=("name",),
    ok="ok",
    since="since",
)
LATE = {"name": "x", "kind": "k", "ok": False, "since": at(hours=2), "parent": None}


@pytest.mark.parametrize(
    "said",
    [
        {"usual": Usual(default=1 << 62)},
        {"usual": Usual(default=(1 << 63) + 5)},
        {"usual": Usual("kind", {"k": -(1 << 63)})},
        {"usual": Usual("kind", {"k": (1 << 64) - 1}, -5)},
        {"highlights": (Highlight("of a tree", {"tree": ("x",)}),), "parents": ("parent",)},
        {"highlights": (Highlight("of nothing", {"nothing": ("x",)}),)},
        {"parents": ("parent",), "identity": ()},
    ],
)
def test_a_description_may_say_anything(said: dict[str, Any]) -> None:
    """Its snapshot is served all the same, and so are those of clusters after it."""
    store = FakeStore()
    saved(store, msgspec.structs.replace(FLAGGED, **said), [LATE], "a")
    saved(store, FLAGGED, [LATE], "b")
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    assert reader.json("/overview?cluster=b")["clusters"][1]["needs"]["warning"] == 0
    found = reader.json("/tables/orders?cluster=a&facets=ok,kind,lateness&kind=k")
    assert found["total"] == 1
    assert sum(found["lateness"].values()) == 1


@pytest.mark.parametrize("collector", ["", "unheard of", "capacity"])
def test_a_finding_is_counted_once(collector: str) -> None:
    """Whichever collector it names, and however many there are."""
    finding = Finding(
        finding="x", class_="", group="", kind="K", namespace="", name="a", uid="", team="",
        confirmed=True, collector=collector, severity="critical",
    )  # fmt: skip
    store = FakeStore()
    store.save(toy_snapshot(findings=[finding]))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    entries = reader.json("/overview")["needs"]["entries"]
    assert len([each for each in entries if each["finding"] == "x"]) == 1


def test_an_unknown_flag_is_a_value_like_others() -> None:
    """What a facet counts can be filtered by."""
    store = FakeStore()
    rows = [LATE, {**LATE, "name": "y", "ok": None}, {"name": "z"}]
    saved(store, FLAGGED, rows)
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    for each in reader.json("/tables/orders?facets=ok&limit=1")["facets"]["ok"]["values"]:
        answer = reader.json(f"/tables/orders?ok={quote(each['value'])}")
        assert answer["total"] == each["total"]


def test_a_comparison_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a snapshot is loaded, which may hang."""
    monkeypatch.setattr(changes, "_SECONDS", 0.3)
    store = FakeStore()
    store.keep(toy_snapshot(1, generated_at=at(days=2)))
    store.save(toy_snapshot(2))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    with reader.snapshots.alone:
        reader.refused("/changes", 503, "busy")
    assert reader.get("/changes").status_code == 200
