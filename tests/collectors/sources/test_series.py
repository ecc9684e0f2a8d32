"""What a Pushgateway takes of the series of sources, and what limits leave out."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.sources.series import Series, bound, pushable
from xpjob.metrics.series import Labels


def _many(count: int, **labels: str) -> dict[Labels, float]:
    return {tuple(sorted({**labels, "n": str(n)}.items())): 1.0 for n in range(count)}


def _series(**families: dict[Labels, float]) -> Series:
    return Series(dict(families))


def test_what_no_gateway_takes_is_left_out_and_said() -> None:
    """Names that are invalid, values that are not finite, and second series with equal labels."""
    a, b = (("name", "a"),), (("name", "b"),)
    made = pushable(
        {
            "good": [(a, 1.0), (b, 2.0), (a, 1.0), (a, 3.0)],
            "foo-bar": [(a, 1.0)],
            "odd": [((("a-b", "x"),), 1.0), ((("__name__", "x"),), 1.0), (a, math.inf)],
        }
    )
    assert made.families == {"good": {a: 1.0, b: 2.0}, "odd": {}}
    assert made.refused == [
        "2 series of good have the labels of another one; add a label that tells them apart",
        "metric 'foo-bar' has no valid name; set another one",
        "2 series of odd have a label without a valid name",
        "1 series of odd have no finite value",
    ]


def test_labels_of_the_grouping_key_are_renamed() -> None:
    """As Prometheus renames those of a target; a gateway refuses a push with others."""
    made = pushable({"m": [((("cluster", "c"), ("job", "j"), ("x", "")), 1.0)]})
    assert made.families == {
        "m": {(("exported_cluster", "c"), ("exported_job", "j"), ("x", "")): 1.0}
    }


def test_a_family_of_several_sources_above_its_limit_is_left_out_of_all() -> None:
    """A part of it would be a wrong sum."""
    one, other = _series(m=_many(3, s="1"), n=_many(1)), _series(m=_many(3, s="2"))
    bound({"one": one, "other": other}, 5, 100, 100)
    assert (one.left_out, other.left_out) == ({"m": 3}, {"m": 3})
    assert list(one.families) == ["n"]


def test_a_source_above_its_limit_loses_its_largest_family() -> None:
    """The others stay whole."""
    series = _series(small=_many(2), large=_many(9), middle=_many(5))
    bound({"one": series}, 100, 8, 100)
    assert (series.left_out, sorted(series.families)) == ({"large": 9}, ["middle", "small"])


def test_above_the_limit_of_all_the_largest_family_goes() -> None:
    """It comes back by itself when there is room again: nothing is remembered."""
    for most, left in ((14, {"b": 9}), (23, {})):
        one, other = _series(a=_many(5)), _series(b=_many(9), c=_many(9))
        bound({"one": one, "other": other}, 100, 100, most)
        assert (one.left_out, other.left_out) == ({}, left)


def test_one_series_of_two_sources_is_that_of_the_first() -> None:
    """A gateway refuses a push that has it twice."""
    one, other = _series(m=_many(2)), _series(m=_many(3))
    bound({"one": one, "other": other}, 100, 100, 100)
    assert (len(one.families["m"]), len(other.families["m"])) == (2, 1)
    assert other.refused == ["2 series of m are also of source 'one'"]


_SIZES = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from("mnop"), st.integers(0, 8))
)


@given(sizes=_SIZES, limits=st.tuples(*[st.integers(1, 20)] * 3))
def test_no_limit_is_passed(sizes: dict[str, dict[str, int]], limits: tuple[int, int, int]) -> None:
    """Whatever there is; and every family is whole, or left out."""
    made = {
        source: _series(**{name: _many(count, s=source) for name, count in families.items()})
        for source, families in sizes.items()
    }
    bound(made, *limits)
    totals: dict[str, int] = {}
    for source, series in made.items():
        assert series.count <= limits[1]
        for name, rows in series.families.items():
            assert len(rows) == sizes[source][name]
            totals[name] = totals.get(name, 0) + len(rows)
        assert {**series.left_out, **dict.fromkeys(series.families, 0)}.keys() == sizes[
            source
        ].keys()
    assert all(count <= limits[0] for count in totals.values())
    assert sum(totals.values()) <= limits[2]
