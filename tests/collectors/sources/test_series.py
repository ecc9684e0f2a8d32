"""What a Pushgateway takes of the series of sources, and what limits leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.sources.metrics import families
from xpjob.collectors.sources.series import Series, bound, pushable
from xpjob.collectors.sources.tables import SeriesRow
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


EQUAL: list[list[Labels]] = [
    [(("name", "x"), ("namespace", "")), (("name", "x"),)],
    [(("name", "x"),), (("name", "x"), ("namespace", ""))],
    [(("a", ""), ("b", "x")), (("b", "x"), ("c", "")), (("b", "x"),)],
    [(("a", ""),), ()],
    [(("job", ""), ("x", "1")), (("x", "1"),), (("exported_job", ""), ("x", "1"))],
]


@pytest.mark.parametrize("equal", EQUAL)
def test_an_empty_label_tells_no_series_apart(equal: Sequence[Labels]) -> None:
    """To Prometheus it is an absent one: the first stays, and the others are refused."""
    made = pushable({"m": [(labels, float(number)) for number, labels in enumerate(equal)]})
    assert list(made.families["m"].values()) == [0.0]
    assert made.refused == [
        f"{len(equal) - 1} series of m have the labels of another one; add a label that tells "
        "them apart"
    ]


@pytest.mark.parametrize("equal", EQUAL)
def test_an_empty_label_tells_no_series_of_two_sources_apart(equal: Sequence[Labels]) -> None:
    """It is that of the first source, and an error of the others."""
    made = [(str(number), pushable({"m": [(labels, 1.0)]})) for number, labels in enumerate(equal)]
    bound(made, 100, 100, 100)
    assert [series.count for _, series in made] == [1] + [0] * (len(equal) - 1)
    assert all(series.refused == ["1 series of m are also of source '0'"] for _, series in made[1:])


def test_a_label_of_the_grouping_key_replaces_an_empty_one() -> None:
    """Its value is kept, as if there were no label of the new name."""
    made = pushable({"m": [((("exported_job", ""), ("job", "j")), 1.0)]})
    assert made.families == {"m": {(("exported_job", "j"),): 1.0}}


_LABELS = st.dictionaries(
    st.sampled_from(["a", "b", "namespace", "job", "exported_job"]), st.sampled_from(["", "x"])
).map(lambda labels: tuple(sorted(labels.items())))


@given(
    first=st.lists(_LABELS),
    second=st.lists(_LABELS),
    owners=st.tuples(*[st.sampled_from("~n")] * 2),
)
def test_what_is_counted_is_what_prometheus_has(
    first: list[Labels], second: list[Labels], owners: tuple[str, str]
) -> None:
    """Each series is exposed, and no two are one to Prometheus; the others are all refused."""
    made = [
        (source, pushable({"m": [(labels, 1.0) for labels in some]}, owner.strip("~")))
        for source, some, owner in zip("pq", (first, second), owners, strict=True)
    ]
    bound(made, 1000, 1000, 1000)
    rows = [
        SeriesRow(source=source, family="m", series="", labels=dict(labels), value=value)
        for source, series in made
        for labels, value in series.families["m"].items()
    ]
    exposed = [labels for table in families(rows, {}) for labels in table.rows]
    in_prometheus = {frozenset(pair for pair in labels if pair[1]) for labels in exposed}
    assert len(in_prometheus) == len(exposed) == sum(series.count for _, series in made)
    refused = sum(int(text.split()[0]) for _, series in made for text in series.refused)
    assert len(exposed) + refused == len(first) + len(second)


def test_a_family_of_several_sources_above_its_limit_is_left_out_of_all() -> None:
    """A part of it would be a wrong sum."""
    one, other = _series(m=_many(3, s="1"), n=_many(1)), _series(m=_many(3, s="2"))
    bound([("one", one), ("other", other)], 5, 100, 100)
    assert (one.left_out, other.left_out) == ({"m": 3}, {"m": 3})
    assert list(one.families) == ["n"]


def test_a_source_above_its_limit_loses_its_largest_family() -> None:
    """The others stay whole."""
    series = _series(small=_many(2), large=_many(9), middle=_many(5))
    bound([("one", series)], 100, 8, 100)
    assert (series.left_out, sorted(series.families)) == ({"large": 9}, ["middle", "small"])


def test_above_the_limit_of_all_the_largest_family_goes() -> None:
    """It comes back by itself when there is room again: nothing is remembered."""
    for most, left in ((14, {"c": 9}), (23, {})):
        one, other = _series(a=_many(5)), _series(b=_many(9), c=_many(9))
        bound([("one", one), ("other", other)], 100, 100, most)
        assert (one.left_out, other.left_out) == ({}, left)


def test_one_series_of_two_sources_is_that_of_the_first() -> None:
    """A gateway refuses a push that has it twice."""
    one, other = _series(m=_many(2)), _series(m=_many(3))
    bound([("one", one), ("other", other)], 100, 100, 100)
    assert (len(one.families["m"]), len(other.families["m"])) == (2, 1)
    assert other.refused == ["2 series of m are also of source 'one'"]


def test_who_passes_a_limit_loses_and_nobody_else() -> None:
    """A namespace cannot make the families of others disappear; of everybody's it comes last."""
    flux, own = _series(m=_many(4, s="1")), _series(m=_many(3, s="2"))
    own.owner = "team-a"
    bound([("flux", flux), ("own", own)], 5, 100, 100)
    assert (flux.left_out, own.left_out) == ({}, {"m": 3})
    large = _series(p=_many(6))
    greedy = Series({f"f{n}": _many(2, n=str(n)) for n in range(9)}, owner="a")
    modest = Series({"g": _many(3)}, owner="b")
    bound([("large", large), ("greedy", greedy), ("modest", modest)], 100, 100, 11)
    assert (large.left_out, modest.left_out, len(greedy.families)) == ({}, {}, 1)


def test_series_of_an_owner_have_its_namespace() -> None:
    """Whatever an object says, it cannot speak for another."""
    labels: Labels = (("name", "a"), ("namespace", "other"))
    made = pushable({"m": [(labels, 1.0)]}, "own")
    assert made.families == {"m": {(("name", "a"), ("namespace", "own")): 1.0}}


def test_labels_are_bounded() -> None:
    """Of one series, and their names in a family: a row of the store has a cell for each."""
    many: Labels = tuple((f"l{n:03}", "x") for n in range(65))
    made = pushable({"m": [(many, 1.0)], "n": [(((f"l{n}", "x"),), 1.0) for n in range(201)]})
    assert (made.families, made.left_out) == ({"m": {}}, {"n": 201})
    assert "more than 64 labels" in made.refused[0]
    assert "more than 200 names" in made.refused[1]


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
    bound(list(made.items()), *limits)
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
