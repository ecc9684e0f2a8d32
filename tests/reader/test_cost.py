"""What a thousand records cost in memory where a snapshot is loaded, and what is kept of them.

Counted, not timed. ``--update-golden`` writes the numbers anew, on the oldest Python.
"""

from __future__ import annotations

import io
import json

import pytest

from support.costs import Costs, of_now, risen
from support.forest import trees
from support.paths import GOLDEN
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.reader import handover, loading

BASELINE = GOLDEN / "reader-cost.json"
THOUSANDS = 8
NOISE = 1024
MAKERS = {extension.name: extension.view for extension in EXTENSIONS}


def measure() -> dict[str, int]:
    """Return bytes by what they are for, for a thousand records."""
    found = Costs()
    body = trees(250 * THOUSANDS)

    raw = found.measured("read", lambda: loading.read(body, "here", ()))
    made = found.measured("views", lambda: loading.contents(raw, "e", "here", MAKERS, views=True))
    passed = io.BytesIO()
    handover.dump(made, passed)
    found["bytes handed over"], found["bytes stored"] = passed.tell(), len(body)
    return {name: number // THOUSANDS for name, number in found.items()}


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> dict[str, int]:
    """The numbers of now, written down where that is asked for."""
    return of_now(measure, BASELINE, update=request.config.getoption("--update-golden"))


def test_a_thousand_records_cost_no_more_than_they_did(measured: dict[str, int]) -> None:
    """A change that makes them cost more says so, by writing the numbers anew."""
    baseline = json.loads(BASELINE.read_text())
    assert measured.keys() == baseline.keys()
    more = risen(baseline, measured, lambda _: NOISE)
    assert not more, f"cost more than before (then, now): {more}"


def test_the_numbers_do_not_depend_on_chance(measured: dict[str, int]) -> None:
    """A second measurement gives the same, or else this guard could not be trusted."""
    for name, count in measure().items():
        assert count == pytest.approx(measured[name], rel=0.02, abs=NOISE), name
