"""Every fault has one outcome: exit code, gateway, snapshot, phase, log. Real processes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from faults import rows, sources
from faults.done import Done
from faults.rows import EVENTS, ROWS, Row
from faults.world import BEFORE, CARRIED, NEW
from support.docs_pages import generated
from support.snapshots import Snapshot010
from xpjob.snapshot import documents

COUNTS = {
    rows.ALL_NEW: NEW,
    rows.CLAIMS_CARRIED: CARRIED,
    rows.STANDS: BEFORE,
    rows.NO_CLAIMS: (0, NEW[1]),
    rows.CAPACITY_CARRIED: NEW,
    rows.SERVICES_CARRIED: NEW,
    **dict.fromkeys(sources.STATES, NEW),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_costs_what_the_table_says(row: Row, runs: dict[str, Future[Done]]) -> None:
    """Nothing is lost, and nothing is false."""
    done = runs[row.id].result(timeout=100)
    assert done.ran.code == row.code, done.ran.log
    assert "Traceback" not in done.ran.log
    lines = done.ran.log.splitlines()
    if not row.phase:  # the run did not begin: what is wrong is told to people
        lines = [line for line in lines if line.startswith("{")]
    events = [json.loads(line) for line in lines]
    if row.code >= 0:
        told = done.ran.told()
        assert (told["exitCode"], told["phase"]) == (row.code, row.phase)
        assert row.failed in (None, told.get("failed"))
    # Not what sums a run up.
    events = [each for each in events if "exitCode" not in each or each["level"] == "ERROR"]
    errors = " ".join(str(event.get("error", "")) for event in events)
    for word in row.log:
        if word in EVENTS:
            field, value = EVENTS[word]
            found = [event[field] for event in events if field in event]
            assert found if value is None else value in found, (word, done.ran.log)
        else:
            assert re.search(rf"\b{word}\b", errors), (word, done.ran.log)
    if row.gateway != rows.AWAY:
        assert done.inventory == COUNTS[row.gateway]
    if row.gateway in (rows.ALL_NEW, rows.CLAIMS_CARRIED, rows.NO_CLAIMS):
        assert done.success == (row.code not in (1, 4) and row.snapshot != rows.STANDS)
    _check_snapshot(row, done)
    if done.counted is not None:
        usage_before, usage_after = done.counted
        assert (usage_after == usage_before) == (rows.NOT_COUNTED in row.log)


def _check_snapshot(row: Row, done: Done) -> None:
    if row.snapshot == rows.AWAY:
        return
    assert done.document is not None
    if row.snapshot == rows.STANDS:
        found = json.loads(done.document)
        assert (len(found["claims"]), len(found["xrs"])) == BEFORE
        return
    found = documents.decode(done.document, Snapshot010, "store")
    wanted = NEW if row.snapshot == rows.ASIDE else COUNTS[row.snapshot]
    if row.snapshot == rows.ASIDE and row.gateway == rows.NO_CLAIMS:
        wanted = COUNTS[rows.NO_CLAIMS]
    assert (len(found.claims), len(found.xrs)) == wanted
    carried = {record.kind for record in found.claims if record.carried_since}
    assert bool(carried) == (row.snapshot == rows.CLAIMS_CARRIED)
    assert done.aside == (row.snapshot == rows.ASIDE)
    outcomes = {each["collector"]: each for each in json.loads(done.document)["collectors"] or ()}
    carried_sections = {name for name, each in outcomes.items() if each["carriedSince"]}
    assert carried_sections == ({"capacity"} if row.snapshot == rows.CAPACITY_CARRIED else set())
    if carried_sections:
        assert json.loads(done.document)["nodes"]
    _check_services(row, json.loads(done.document).get("podServices", []))
    _check_sources(row, json.loads(done.document).get("sources", []))


def _check_services(row: Row, found: Sequence[dict[str, str]]) -> None:
    """All rows of pods are kept, or none: a Service has gone, and that is seen or unknown."""
    pods = [each for each in found if each["kind"] == "Pod"]
    kept = row.snapshot == rows.SERVICES_CARRIED
    assert {bool(each["carriedSince"]) for each in pods} == ({kept} if pods else set())
    states = {each["state"] for each in pods if each["name"] == "web"}
    assert states == ({"served" if kept else "missing"} if pods else set())
    assert bool(pods) >= kept


def _check_sources(row: Row, found: Sequence[dict[str, Any]]) -> None:
    """The good source counts, and all others have the state that the row says."""
    wanted = sources.STATES.get(row.snapshot)
    if wanted is None:
        return
    states = {each["source"]: each["state"] for each in found}
    assert states.pop(sources.GOOD) == "ok"
    assert set(states.values()) == wanted, list(states.items())[:5]
    assert [each["series"] for each in found if each["source"] == sources.GOOD] == [1]


def test_the_matrix_is_large_and_says_nothing_twice() -> None:
    """Sixty rows at least."""
    assert len(ROWS) >= 60
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_the_documentation_has_the_same_table(request: pytest.FixtureRequest) -> None:
    """It is generated: ``--update-golden`` writes it."""
    write = request.config.getoption("--update-golden")
    generated("tests", "faults", rows.table(), write=write)
