"""The examples of sources: each compiles, and gives exactly the recorded series and rows."""

from __future__ import annotations

import pytest

from support import source_examples as examples


def test_each_example_has_objects_and_the_other_way_round() -> None:
    """None is only for show."""
    assert sorted(path.stem for path in examples.OBJECTS.glob("*.yaml")) == examples.NAMES
    recorded = {path.stem for path in examples.RECORDED.glob("*.txt")}
    assert recorded - {"queries"} == set(examples.NAMES)


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_compiles_without_a_warning(name: str) -> None:
    """And says which queries to use."""
    made = examples.example(name)
    assert examples.problems(made) == []
    assert made.compiled
    assert examples.queries(name)


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_gives_the_recorded_series_and_rows(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Over objects in several states; ``--update-golden`` records them anew."""
    found = examples.described(examples.example(name), examples.objects(name))
    golden = examples.RECORDED / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)
    assert found == golden.read_text()


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_order_of_objects_does_not_matter(name: str) -> None:
    """Series and rows are the same."""
    given = examples.objects(name)
    made = examples.example(name)
    forth, back = (examples.described(made, some) for some in (given, given[::-1]))
    assert sorted(forth.splitlines()) == sorted(back.splitlines())


@pytest.mark.parametrize("name", ["flux-state-metrics"])
def test_state_metrics_that_are_right_are_the_same_in_both_modes(name: str) -> None:
    """What kube-state-metrics exposes is what xpjob exposes."""
    given = examples.objects(name)
    default, compat = (
        sorted(examples.series(examples.example(name, mode), given))
        for mode in ("default", "compat")
    )
    assert default == compat
