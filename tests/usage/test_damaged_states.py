"""States that were damaged, or edited by hand: refused when they are read, or counted on."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis
import msgspec
from hypothesis import strategies as st

from support.sampling import looking
from support.usage import DAY, START, History, Thing, at, count
from xpjob.run.counting import usage_metrics
from xpjob.snapshot.documents import UNREADABLE
from xpjob.usage import files, fold
from xpjob.usage.rules import BRIDGED, OBSERVED
from xpjob.usage.state import Closed, Open, UsageState

ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["", "2026-11-31", "2026-3-1", "20260301", "0001-01-01", "9999-12-31"]),
    st.sampled_from([OBSERVED, BRIDGED, "objects", "2026-03-02", "2026-03-09"]),
    st.sampled_from([-1, 0, 2**63, 2**64, -(2**70), 10**18, 10**61, 10**400]),
    st.sampled_from([START, START + 30 * DAY, None, True, 0.5, 1e308, [], {}, [""]]),
)


def good() -> Any:
    """Return a state with all that there can be, as JSON: a day of each sort, and a correction."""
    history = History()
    for moment, second in ((at("23:00:00"), True), (at("07:00:00", 2), False)):
        things = {"a": [Thing()], "b": [Thing()] if second else None}
        history.run(moment, things)
    history.run(at("07:01:00", 2), {"a": [Thing()], "b": [Thing()]})
    document = msgspec.json.decode(msgspec.json.encode(history.state))
    assert all(document[name] for name in ("lists", "totals", "open", "closed", "pending"))
    assert document["open"][0]["corrections"]
    return document


GOOD = good()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return where the values of a document are: each with its container."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in items:
        found.append((value, key))
        if isinstance(item, (dict, list)):
            found += places(item)
    return found


@looking(200)
@hypothesis.given(data=st.data())
def test_a_damaged_state_is_refused_or_counted_on(data: st.DataObject) -> None:
    """Nothing fails on it after it was read: not the counting, metrics, files, nor reports."""
    document = copy.deepcopy(GOOD)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(document)))
        container[key] = data.draw(ODD)
    try:
        state = msgspec.json.decode(msgspec.json.encode(document), type=UsageState)
    except UNREADABLE:
        return
    for moment in (at("07:02:00", 2), at("06:30:00", 3)):
        state = count(state, moment, {"a": [Thing()], "b": [Thing()]})
        usage_metrics(state)
        days: list[Open | Closed] = [*state.open, *state.pending]
        for day in days:
            fold.of_day(day, ())
        for closed in state.pending:
            files.encode(closed, "east")
    assert msgspec.json.decode(msgspec.json.encode(state), type=UsageState) == state
