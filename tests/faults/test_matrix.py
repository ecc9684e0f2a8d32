"""Every fault has one outcome: exit code, gateway, snapshot, log. Each row runs real processes."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path

import pytest

from faults import rows
from faults.conftest import Done
from faults.rows import ROWS, Row
from faults.world import BEFORE, CARRIED, NEW
from xpjob.snapshot import documents

COUNTS = {
    rows.ALL_NEW: NEW,
    rows.CLAIMS_CARRIED: CARRIED,
    rows.STANDS: BEFORE,
    rows.NO_CLAIMS: (0, NEW[1]),
}
README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- faults: pytest tests/faults --update-golden -->\n", "<!-- /faults -->\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_costs_what_the_table_says(row: Row, runs: dict[str, Future[Done]]) -> None:
    """Nothing is lost, and nothing is false."""
    done = runs[row.id].result(timeout=100)
    assert done.ran.code == row.code, done.ran.log
    assert row.log in done.ran.log + done.ran.termination
    assert "Traceback" not in done.ran.log
    for line in done.ran.log.splitlines():
        json.loads(line)
    if row.code >= 0:
        assert done.ran.told()["exitCode"] == row.code
    if row.gateway != rows.AWAY:
        assert done.inventory == COUNTS[row.gateway]
    if row.gateway in (rows.ALL_NEW, rows.CLAIMS_CARRIED, rows.NO_CLAIMS):
        assert done.success == (row.code not in (1, 4) and row.snapshot != rows.STANDS)
    _check_snapshot(row, done)


def _check_snapshot(row: Row, done: Done) -> None:
    if row.snapshot == rows.AWAY:
        return
    assert done.document is not None
    if row.snapshot == rows.STANDS:
        found = json.loads(done.document)
        assert (len(found["claims"]), len(found["xrs"])) == BEFORE
        return
    found = documents.decode(done.document, documents.Snapshot, "store")
    wanted = NEW if row.snapshot == rows.ASIDE else COUNTS[row.snapshot]
    if row.snapshot == rows.ASIDE and row.gateway == rows.NO_CLAIMS:
        wanted = COUNTS[rows.NO_CLAIMS]
    assert (len(found.claims), len(found.xrs)) == wanted
    carried = {record.kind for record in found.claims if record.carried_since}
    assert bool(carried) == (row.snapshot == rows.CLAIMS_CARRIED)
    assert done.aside == (row.snapshot == rows.ASIDE)


def test_the_matrix_is_large_and_says_nothing_twice() -> None:
    """Sixty rows at least."""
    assert len(ROWS) >= 60
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_the_readme_has_the_same_table(request: pytest.FixtureRequest) -> None:
    """It is generated: ``--update-golden`` writes it."""
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    wanted = f"{head}{BEGIN}{rows.table()}{END}{tail}"
    if request.config.getoption("--update-golden"):
        README.write_text(wanted)
    assert README.read_text() == wanted
