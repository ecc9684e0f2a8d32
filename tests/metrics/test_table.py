"""The ceiling on series: what is rare becomes one, and sums stay exact."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from support.records import to_claim
from support.samples import snapshot
from support.snapshots import inventory
from support.stand_in import claim
from xpjob.collectors.crossplane.state import Shown, TimeToReady
from xpjob.metrics.table import OTHER, Column, Key, Table, fold

_keys = st.dictionaries(
    st.tuples(*[st.sampled_from(["a", "b", "c", "d", OTHER])] * 3), st.integers(0, 9), min_size=1
)


def table(objects: dict[Key, int]) -> Table:
    """Return a table of totals, half of them ready, and an age."""
    made = Table(
        ("x", "y", "z"), (Column("n", "N."), Column("ready", "R."), Column("oldest", "O.", max))
    )
    for key, count in objects.items():
        made.add(key, count, count / 2, count * 10, objects=count)
    return made


@given(_keys, st.integers(1, 30))
def test_sums_stay_exact_under_any_ceiling(objects: dict[Key, int], ceiling: int) -> None:
    """The number of rows is kept, and so are the sums and the greatest."""
    whole, folded = table(objects), table(objects).under(ceiling)
    assert len(folded.rows) <= max(ceiling, 1)
    for position in (0, 1):
        before = sum(row[position] for row in whole.rows.values())
        assert sum(row[position] for row in folded.rows.values()) == before
    assert max(r[2] for r in folded.rows.values()) == max(r[2] for r in whole.rows.values())


@given(_keys, st.integers(1, 30))
def test_only_as_much_is_folded_as_needs_be(objects: dict[Key, int], ceiling: int) -> None:
    """What fits stays as it is; what is folded differs only in labels that became one."""
    becomes = fold(objects, ceiling)
    assert set(becomes) == set(objects)
    if len(objects) <= ceiling:
        assert all(key == to for key, to in becomes.items())
    for key, to in becomes.items():
        assert all(new in (old, OTHER) for old, new in zip(key, to, strict=True))


def test_the_rarest_values_of_the_widest_label_go_first() -> None:
    """The big ones keep their names."""
    objects: dict[Key, int] = {("ns", f"team-{n:02}"): n + 1 for n in range(20)}
    becomes = fold(objects, 5)
    left = Counter[Key]()
    for key, to in becomes.items():
        left[to] += objects[key]
    assert set(left) == {("ns", OTHER), *(("ns", f"team-{n}") for n in (16, 17, 18, 19))}
    assert left["ns", OTHER] == sum(range(1, 17))


def test_where_one_label_is_not_enough_the_next_follows() -> None:
    """Down to a single row."""
    objects: dict[Key, int] = {(f"a{n % 7}", f"b{n}"): 1 for n in range(50)}
    assert len(set(fold(objects, 3).values())) <= 3
    assert set(fold(objects, 1).values()) == {(OTHER, OTHER)}


def by_name(families: list[Metric]) -> dict[str, Metric]:
    """Return families by their name."""
    return {family.name: family for family in families}


def test_families_that_belong_together_are_folded_alike() -> None:
    """A ratio of two must not compare what is not the same; a gauge tells of it."""
    template = to_claim(claim())
    claims = [
        msgspec.structs.replace(template, creator=f"person-{n}", ready=n % 3 == 0)
        for n in range(100)
        for _ in range(1 + n % 2)
    ]
    found = by_name(inventory(snapshot(claims=claims, shown=Shown(max_series=20))))
    total, ready = found["crossplane_claims_total"], found["crossplane_claims_ready"]
    assert [s.labels for s in total.samples] == [s.labels for s in ready.samples]
    assert len(total.samples) == 20
    assert sum(s.value for s in total.samples) == 150
    assert sum(s.value for s in ready.samples) == sum(c.ready for c in claims)
    folded = {s.labels["family"]: s.value for s in found["xpjob_folded_series"].samples}
    assert folded["crossplane_claims_total"] == folded["crossplane_claims_ready"] == 80
    assert folded["crossplane_xr_total"] == 0


def test_under_the_ceiling_nothing_is_folded() -> None:
    """And the gauge says so."""
    found = by_name(inventory(snapshot()))
    assert {s.value for s in found["xpjob_folded_series"].samples} == {0}


def test_a_histogram_is_under_the_ceiling_too() -> None:
    """Its label sets have many series each; observations are added up."""
    times = [TimeToReady.of("composite", "g", "App", f"comp-{n}") for n in range(50)]
    for number, time in enumerate(times):
        for _ in range(number + 1):
            time.histogram.observe(7.0)
    found = by_name(inventory(snapshot(time_to_ready=times, shown=Shown(max_series=60))))
    family = found["crossplane_time_to_ready_seconds"]
    assert len(family.samples) <= 60
    counts = {s.labels["composition"]: s.value for s in family.samples if s.name.endswith("_count")}
    assert sum(counts.values()) == sum(range(1, 51))
    assert {"comp-49", OTHER} <= set(counts)
    folded = {s.labels["family"]: s.value for s in found["xpjob_folded_series"].samples}
    assert folded[family.name] == 50 - len(counts)


def test_without_a_memory_times_to_ready_are_a_gap() -> None:
    """A reset that the next run takes back would look like many new ones."""
    found = by_name(inventory(snapshot(time_to_ready=None)))
    assert found["crossplane_time_to_ready_seconds"].samples == []
