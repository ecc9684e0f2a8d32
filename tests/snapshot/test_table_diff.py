"""What came, went and changed in any table, as it is described."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.reader_sample import at
from support.toy_tables import NODES, Node, failed_list, nodes, toy_snapshot
from xpjob.collect.description import Column
from xpjob.collect.outcome import CollectorOutcome
from xpjob.snapshot import documents
from xpjob.snapshot.diff import RowChange, TableDiff, diff, tables
from xpjob.snapshot.documents import RawSnapshot, Snapshot

PLACED = msgspec.structs.replace(
    NODES, columns=(*NODES.columns, *(Column(name) for name in ("group", "resource", "namespace")))
)
"""The same table, with the columns that say which list a row was in."""


def raw(made: Snapshot) -> RawSnapshot:
    """Return a snapshot as it is read."""
    return documents.decode_raw(documents.encode(made), "a snapshot")


def compared(old: Snapshot, new: Snapshot) -> TableDiff:
    """Compare the nodes of two snapshots."""
    return diff(raw(old), raw(new), "nodes")


def names(changes: list[RowChange]) -> list[Any]:
    """Return the names of the rows, in order."""
    return [change.row["name"] for change in changes]


def placed(*wanted: str) -> list[dict[str, Any]]:
    """Return the nodes of these names with their list."""
    return [
        {**msgspec.to_builtins(node), "group": "", "resource": "nodes", "namespace": ""}
        for node in nodes()
        if node.name in wanted
    ]


def test_the_same_twice_is_no_change() -> None:
    """Also where columns differ whose change does not count."""
    after = [msgspec.structs.replace(node, cpu=1.0, note="new", pods=1) for node in nodes()]
    found = compared(toy_snapshot(), toy_snapshot(2, rows={"nodes": after}))
    assert (found.came, found.went, found.changed, found.unknown) == ([], [], [], [])
    assert (found.key, found.title) == ("nodes", "Nodes")


def test_what_came_went_and_changed() -> None:
    """With the columns to narrow it by, and both states."""
    after = [
        *nodes()[:2],
        msgspec.structs.replace(nodes()[2], cordoned=True),
        Node(name="c-1", pool="gpu"),
    ]
    found = compared(toy_snapshot(), toy_snapshot(2, rows={"nodes": after}))
    assert (names(found.came), names(found.went)) == (["c-1"], ["new"])
    assert found.came[0].was is None
    assert found.went[0].is_ is None
    (changed,) = found.changed
    assert changed.row["pool"] == "gpu"
    assert changed.was == {"condition": "Ready", "cordoned": False}
    assert changed.is_ == {"condition": "Ready", "cordoned": True}


@pytest.mark.parametrize("side", ["old", "new"])
def test_rows_of_a_list_that_failed_have_not_come_or_gone(side: str) -> None:
    """Where what was carried is whole, they have."""
    for failed, went, unknown in (
        (failed_list(), [], ["/v1/nodes"]),
        (msgspec.structs.replace(failed_list(), carried=3), ["b-1", "new"], []),
        (msgspec.structs.replace(failed_list(), carried=3, let_go=1), [], ["/v1/nodes"]),
        (msgspec.structs.replace(failed_list(), gone=True), ["b-1", "new"], []),
        (msgspec.structs.replace(failed_list(), collector="other"), ["b-1", "new"], []),
    ):
        whole = toy_snapshot(tables=[PLACED], rows={"nodes": placed("a-1", "a-2", "b-1", "new")})
        part = toy_snapshot(
            2, tables=[PLACED], targets=[failed], rows={"nodes": placed("a-1", "a-2")}
        )
        found = compared(*((whole, part) if side == "new" else (part, whole)))
        assert names(found.went if side == "new" else found.came) == went
        assert found.unknown == unknown


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_collector_that_failed_lets_nothing_come_or_go(side: str) -> None:
    """But for a section that was carried over: that is as it was then."""
    for since, went in (("", []), (at(hours=2), ["a-1", "a-2", "b-1", "new"])):
        outcome = CollectorOutcome(collector="capacity", success=False, carried_since=since)
        part = toy_snapshot(2, collectors=[outcome], rows={"nodes": []})
        pair = (toy_snapshot(), part) if side == "new" else (part, toy_snapshot())
        found = compared(*pair)
        assert names(found.went if side == "new" else found.came) == went
        assert found.unknown == ([] if since else ["collector capacity"])


def test_a_table_that_one_of_them_does_not_have() -> None:
    """Its collector did not run then, so nothing is known of it."""
    without = toy_snapshot(tables=[], rows={})
    found = compared(without, toy_snapshot(2))
    assert (found.came, found.went) == ([], [])
    assert found.unknown == [f"the snapshot of {at(seconds=10)} has no table nodes"]
    with pytest.raises(ValueError, match="neither snapshot has a table"):
        compared(without, without)


def test_which_tables_there_are_to_compare() -> None:
    """Those of either, but those of some collectors."""
    heads = toy_snapshot().head, toy_snapshot(tables=[]).head
    assert tables(*heads) == ["nodes", "licences"]
    assert tables(*heads, without=["capacity"]) == ["licences"]
