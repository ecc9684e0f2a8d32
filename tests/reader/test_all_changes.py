"""``/changes``: what changed in all tables between two snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at
from support.toy_tables import nodes
from support.toy_teams import Order, spaces, team_snapshot
from xpjob.collect.outcome import CollectorOutcome
from xpjob.reader import everywhere


def before() -> list[Order]:
    """Return the orders of a day before: one was well, one was not, one has gone since."""
    return [
        Order(uid="u-1", name="db", team="payments", phase="Start", well=False),
        Order(uid="u-2", name="queue", team="payments", phase="Done"),
        Order(uid="u-3", name="bucket", team="checkout", kind="payments", phase="Old"),
        Order(uid="u-0", name="gone", team="checkout"),
    ]


def lived(**changes: Any) -> Reader:
    """Return a reader with two dated snapshots."""
    store = FakeStore()
    store.save(team_snapshot(9))
    rows = {"orders": before(), "spaces": spaces()[1:], "nodes": nodes()}
    store.keep(team_snapshot(1, generated_at=at(days=1, hours=1), rows=rows, **changes))
    store.keep(team_snapshot(2, generated_at=at(hours=2)))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    return reader


def test_since_yesterday() -> None:
    """By table: what broke, went, came, healed and changed, with what differs."""
    found = lived().json("/changes")
    assert found["from"]["run"] == f"{1:032x}"
    assert found["to"]["run"] == f"{9:032x}"
    own, rooms = found["tables"]
    assert (own["table"], own["title"], own["collector"]) == ("orders", "Orders", "shop")
    counts = {what: own[what] for what in ("broke", "went", "came", "healed", "changed")}
    assert counts == dict.fromkeys(counts, 1)
    assert [(each["what"], each["title"]) for each in own["entries"]] == [
        *(("broke", "queue"), ("went", "gone"), ("came", "lost"), ("healed", "db")),
        ("changed", "bucket"),
    ]
    assert own["entries"][0] == {
        "id": "u-2", "title": "queue", "kind": "Order", "team": "payments", "what": "broke",
        "was": {"phase": "Done", "well": True}, "is": {"phase": "Wait", "well": False},
    }  # fmt: skip
    assert [each["was"] == {} for each in own["entries"]] == [False, False, True, False, False]
    assert (rooms["table"], rooms["came"], rooms["entries"][0]["title"]) == ("spaces", 1, "pay")
    assert found["unknown"] == []


def test_what_is_ok_counts_though_no_column_of_changes_has_it() -> None:
    """A row that broke is reported, whatever else its table compares."""
    store = FakeStore()
    rows = {"orders": [Order(uid="u", name="x", well=False)], "spaces": [], "nodes": []}
    store.save(team_snapshot(9, rows=rows))
    rows = {**rows, "orders": [Order(uid="u", name="x", well=True)]}
    store.keep(team_snapshot(1, generated_at=at(days=2), rows=rows))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    (own,) = reader.json("/changes")["tables"]
    assert (own["broke"], own["changed"]) == (1, 0)
    assert reader.json("/tables/orders/diff")["changedCount"] == 0


@pytest.mark.parametrize(
    ("team", "expected"),
    [
        ("payments", {"orders": ["queue", "db"], "spaces": ["pay"]}),
        ("checkout", {"orders": ["gone", "bucket"]}),
        ("", {"orders": ["lost"]}),
        ("nobody", {}),
    ],
)
def test_of_a_team(team: str, expected: dict[str, list[str]]) -> None:
    """Only its rows, of tables that have teams; one that is gone has no more rows now."""
    found = lived().json(f"/changes?team={team}")
    assert {
        each["table"]: [entry["title"] for entry in each["entries"]] for each in found["tables"]
    } == expected


def test_moments_and_limits() -> None:
    """As of the comparison of one table; the gravest are listed, all are counted."""
    reader = lived()
    found = reader.json("/changes?limit=1")
    assert [each["title"] for each in found["tables"][0]["entries"]] == ["queue"]
    assert found["tables"][0]["healed"] == 1
    assert reader.json("/changes?since=1h")["tables"] == []
    assert reader.json(f"/changes?from={at(days=9)}&to={at(hours=2)}")["tables"]
    reader.refused("/changes?since=1d&from=" + at(days=1), 400, "bad-value")
    reader.refused("/changes?since=soon", 400, "bad-value")


def test_one_comparison_is_made_for_all_questions() -> None:
    """Of other teams, and other limits: the store is asked once."""
    reader = lived()
    reader.json("/changes")
    asked = len(reader.store.asked)
    for question in ("limit=2", "team=payments", "team="):
        reader.json(f"/changes?{question}")
    assert len(reader.store.asked) == asked


def test_what_failed_is_not_known() -> None:
    """What came and went there is left out, and said."""
    outcomes = [CollectorOutcome(collector="shop", success=False, error="no rights")]
    found = lived(collectors=outcomes).json("/changes")
    (own, _) = found["tables"]
    assert (own["came"], own["went"], own["broke"]) == (0, 1, 1)
    assert found["unknown"] == ["collector shop"]


def test_without_dated_snapshots() -> None:
    """Is a 404 that says how there are some."""
    store = FakeStore()
    store.save(team_snapshot())
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    reader.refused("/changes", 404, "no-history")


def test_a_slow_comparison_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer snapshot is compared only after some time; the answer says which one was."""
    reader = lived()
    monkeypatch.setattr(everywhere, "_SLOW_SECONDS", 0)
    monkeypatch.setattr(everywhere, "_LASTS", 1e9)
    first = reader.json("/changes")
    reader.store.save(team_snapshot(10, generated_at=at(seconds=5)))
    assert reader.snapshots.refresh()
    assert reader.json("/changes") == first
    assert reader.json("/changes?since=2h")["to"]["run"] == f"{10:032x}"
    monkeypatch.setattr(everywhere, "_LASTS", 0)
    assert reader.json("/changes")["to"]["run"] == f"{10:032x}"


def test_a_quick_comparison_is_always_of_what_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of most platforms."""
    reader = lived()
    monkeypatch.setattr(everywhere, "_SLOW_SECONDS", 1e9)  # also on a machine that is busy
    assert reader.json("/changes")["to"]["run"] == f"{9:032x}"
    reader.store.save(team_snapshot(10, generated_at=at(seconds=5)))
    assert reader.snapshots.refresh()
    assert reader.json("/changes")["to"]["run"] == f"{10:032x}"
