"""``/runs``: how the last run went, for operators."""

from __future__ import annotations

import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, failed_target, report
from support.toy_tables import failed_list
from support.toy_teams import team_snapshot
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome


def listed(kind: str, seconds: float, records: int = 3) -> TargetOutcome:
    """Return a list that went well."""
    return TargetOutcome(
        class_="", group="apps", version="v1", resource=f"{kind.lower()}s", kind=kind,
        namespace="", source="", collector="shop", seconds=seconds, records=records, pages=2,
    )  # fmt: skip


def served(**changes: object) -> Reader:
    """Return a reader of a snapshot, and of a report with these changes."""
    store = FakeStore()
    targets = [listed("Deployment", 0.5), listed("Pod", 4.25, 900)]
    store.save(team_snapshot(targets=targets))
    store.save(report(**{"targets": [*targets, failed_list("team-a")], **changes}))
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


def test_the_last_run() -> None:
    """Lists that failed first, then the longest; collectors with their lists and rows."""
    outcomes = [
        CollectorOutcome(collector="shop", seconds=0.25),
        CollectorOutcome(
            collector="capacity", success=False, error="no rights", step="plan", carried_since="x"
        ),
    ]
    found = served(collectors=outcomes, partial=True, phases={"list": 4.5}).json("/runs")
    assert [(each["kind"], each["seconds"], each["error"]) for each in found["lists"]] == [
        *(("Node", 0.0, "503"), ("Pod", 4.25, ""), ("Deployment", 0.5, "")),
    ]
    assert found["lists"][0]["namespace"] == "team-a"
    assert found["lists"][1]["gvr"] == "apps/v1/pods"
    assert (found["listCount"], found["failedLists"], found["records"]) == (3, 1, 903)
    assert (found["run"]["partial"], found["run"]["phases"]) == (True, {"list": 4.5})
    shop, capacity = found["collectors"]
    assert (shop["lists"], shop["failedLists"], shop["listSeconds"]) == (2, 0, 4.75)
    assert (shop["rows"], shop["seconds"]) == (4, 0.25)
    assert (capacity["success"], capacity["error"], capacity["step"], capacity["failedLists"]) == (
        *(False, "no rights", "plan"),
        1,
    )
    assert found["snapshot"]["rows"] == 12
    assert found["snapshot"]["run"] != found["run"]["id"]


def test_few_lists() -> None:
    """The gravest, and how many there are in all."""
    found = served().json("/runs?limit=1")
    assert ([each["kind"] for each in found["lists"]], found["listCount"]) == (["Node"], 3)


def test_without_a_report() -> None:
    """Lists and collectors are those of the snapshot."""
    store = FakeStore()
    store.save(team_snapshot(targets=[failed_target()]))
    made = make_reader(store)
    assert made.snapshots.refresh()
    found = made.json("/runs")
    assert (found["run"], found["lists"][0]["error"]) == (None, "403 Forbidden")
    assert [each["collector"] for each in found["collectors"]] == ["shop", "room", "capacity"]


def test_without_a_snapshot(empty: Reader) -> None:
    """A first run that fails can be looked at, too."""
    assert empty.json("/runs")["snapshot"] is None
    store = FakeStore()
    store.save(report(success=False, error="403", targets=[failed_target()]))
    made = make_reader(store)
    made.snapshots.refresh()
    found = made.json("/runs")
    assert (found["run"]["error"], found["snapshot"], found["failedLists"]) == ("403", None, 1)


@pytest.mark.parametrize("path", ["/runs?limit=0", "/runs?limit=x", "/runs?sort=x"])
def test_what_is_not_asked_so(path: str) -> None:
    """Says so."""
    assert served().get(path).status_code == 400


def test_an_unchanged_answer_is_not_sent_again() -> None:
    """Nothing in it changes with the time."""
    made = served()
    tag = made.get("/runs").headers["etag"]
    made.clock.forward(seconds=1)
    assert made.get("/runs", If_None_Match=tag).status_code == 304
