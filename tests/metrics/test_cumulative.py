"""Counters and histograms that go on from run to run."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.crossplane.state import READY_BOUNDS, TimeToReady
from xpjob.metrics.cumulative import (
    PERSIST_BOUNDS,
    POLL_BOUNDS,
    Counters,
    Histogram,
)


@given(st.lists(st.floats(0, 100)))
def test_buckets_are_cumulative_and_end_with_all(values: list[float]) -> None:
    """As Prometheus wants them."""
    histogram = Histogram.empty(POLL_BOUNDS)
    for value in values:
        histogram.observe(value)
    buckets = histogram.buckets()
    assert [name for name, _ in buckets][-1] == "+Inf"
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(values)
    for bound, count in zip(POLL_BOUNDS, counts, strict=False):
        assert count == sum(value <= bound for value in values)


def test_a_value_on_a_bound_is_within() -> None:
    """The label is le: less or equal."""
    histogram = Histogram.empty((1.0, 2.0))
    histogram.observe(1.0)
    assert histogram.counts == [1, 0, 0]


def test_counters_of_an_older_version_with_other_bounds_start_anew() -> None:
    """Half a histogram would be false; a reset is what Prometheus understands."""
    counters = Counters(poll_errors={"a": 3, "b": -1})
    counters.poll_duration = Histogram([1.0], [5, 5], 9.0)
    counters.persist_duration.observe(0.02)
    usable = counters.usable()
    assert usable.poll_duration == Histogram.empty(POLL_BOUNDS)
    assert usable.persist_duration.sum == 0.02
    assert usable.poll_errors == {"a": 3}
    broken = Counters(persist_duration=Histogram(list(PERSIST_BOUNDS), [1], 1.0))
    assert broken.usable().persist_duration == Histogram.empty(PERSIST_BOUNDS)


@pytest.mark.parametrize(
    ("counts", "total"),
    [(10**400, 1.0), (2**53 + 1, 1.0), (1, -1.0), (1, float("inf")), (1, float("nan")), (1, 1e300)],
    ids=["a huge count", "one too many", "a negative sum", "infinite", "no number", "a huge sum"],
)
def test_numbers_that_nothing_can_have_counted_start_anew(counts: int, total: float) -> None:
    """Metrics are floats: what no float can count on would end this run, and each after it."""
    counters = Counters(poll_errors={"a/v1/b": 10**400, "a/v1/c": 2**53})
    counters.poll_duration.counts[3], counters.poll_duration.sum = counts, total
    assert counters.usable() == Counters(poll_errors={"a/v1/c": 2**53})
    time = TimeToReady("claim", "a", "B", "c", Histogram.empty(READY_BOUNDS))
    time.histogram.counts[0], time.histogram.sum = counts, total
    assert time.usable() == TimeToReady.of(*time.key)


def test_counters_survive_being_stored() -> None:
    """Nothing is lost on the way through the snapshot."""
    counters = Counters(poll_errors={"a/v1/b": 2})
    counters.poll_duration.observe(0.3)
    assert msgspec.json.decode(msgspec.json.encode(counters), type=Counters) == counters
