"""What scripts/bench concludes from pairs of measurements."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from random import Random
from typing import Any

import pytest

from support.paths import ROOT


@pytest.fixture(scope="module")
def pairs() -> Any:
    """The module, which is no part of a package."""
    spec = spec_from_file_location("bench_pairs", ROOT / "scripts" / "bench_pairs.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


def test_the_same_numbers_have_no_noise_and_no_difference(pairs: Any) -> None:
    """What does not change is not said to have changed."""
    same = [1.5, 1.6, 1.4, 1.5, 1.7]
    assert pairs.noise_of(same, same) == 0
    assert pairs.compared(same, same, 0.0) == (1, 0, 0)
    assert not pairs.compared(same, same, 0.0).resolved


def test_ratio_and_change_are_medians_of_pairs(pairs: Any) -> None:
    """A machine that gets slower during the measurement makes no difference."""
    base = [1.0, 2.0, 4.0, 8.0, 16.0]
    slow = [each * 1.5 for each in base]
    assert pairs.ratio_of(base, slow) == 1.5
    found = pairs.compared(base, slow, 0.0)
    assert (found.ratio, found.change) == (1.5, 2.0)


def test_one_outlier_changes_nothing(pairs: Any) -> None:
    """One run of seven during which the machine did something else."""
    base = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0]
    other = [1.2, 1.21, 1.19, 9.0, 1.22, 1.18, 1.2]
    found = pairs.compared(base, other, 0.01)
    assert found.resolved
    assert found.change == pytest.approx(0.2)


def test_a_shift_of_the_same_code_is_noise(pairs: Any) -> None:
    """If the same code differs by 0.1 s each time, no difference of 0.1 s means anything."""
    first = [1.0] * 7
    noise = pairs.noise_of(first, [1.1] * 7)
    assert noise > 0.1
    assert not pairs.compared(first, [0.9] * 7, noise).resolved
    assert pairs.compared(first, [0.7] * 7, noise).resolved


def test_more_pairs_resolve_smaller_differences(pairs: Any) -> None:
    """Noise falls with the square root of their number."""
    seven = pairs.noise_of([1.0, 1.1] * 4, [1.1, 1.0] * 4)
    assert pairs.noise_of([1.0, 1.1] * 16, [1.1, 1.0] * 16) == pytest.approx(seven / 2)


def test_a_contender_that_varies_is_not_resolved(pairs: Any) -> None:
    """However steady the same code was."""
    found = pairs.compared([1.0] * 7, [0.5, 1.6, 0.6, 1.7, 1.2, 0.4, 1.9], 0.001)
    assert not found.resolved
    assert found.cell("s", 2) == "not resolved (+0.20 s, noise 0.84)"


def test_chance_is_seldom_resolved_and_a_real_difference_mostly_is(pairs: Any) -> None:
    """Over 2,000 tables of seven rounds: of the same code, and of one that is a quarter slower."""
    random = Random(7)

    def runs(mean: float) -> list[float]:
        return [random.gauss(mean, 0.05) for _ in range(7)]

    tables = [(runs(1), runs(1), runs(1), runs(1.25)) for _ in range(2000)]
    wrong = found = 0
    for base, again, same, slower in tables:
        noise = pairs.noise_of(base, again)
        wrong += pairs.compared(base, same, noise).resolved
        found += pairs.compared(base, slower, noise).resolved
    assert wrong / len(tables) < 0.05
    assert found / len(tables) > 0.95


def test_nothing_is_concluded_from_a_few_pairs(pairs: Any) -> None:
    """However large the difference is."""
    assert pairs.noise_of([1.0] * 4, [1.0] * 4) == float("inf")
    found = pairs.compared([1.0] * 4, [9.0] * 4, 0.0)
    assert not found.resolved
    assert found.cell("s", 1) == "not resolved (+8.0 s, fewer than 5 pairs)"


def test_cells_say_the_ratio_only_if_there_is_a_difference(pairs: Any) -> None:
    """Otherwise what was measured, and the noise."""
    assert pairs.Difference(0.7512, -0.4012, 0.1).cell("s", 2) == "0.75 (-0.40 s)"
    assert pairs.Difference(0.97, -0.04, 0.1).cell("s", 2) == ("not resolved (-0.04 s, noise 0.10)")
    assert pairs.Difference(1.5, 50.0, 1.0).cell("MB", 0) == "1.50 (+50 MB)"


@pytest.mark.parametrize(("base", "other"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
def test_what_has_no_pairs_is_refused(pairs: Any, base: list[float], other: list[float]) -> None:
    """Half a round would compare different times."""
    for function in (pairs.noise_of, lambda a, b: pairs.compared(a, b, 0.0)):
        with pytest.raises(ValueError, match=r"pairs|zip"):
            function(base, other)
