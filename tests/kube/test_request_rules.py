"""Rule sets are chosen by the server's version, or by name."""

from __future__ import annotations

import pytest

from xpjob.kube.request_rules import Rules, rules_for, rules_named


@pytest.mark.parametrize(
    ("minor", "expected"),
    [
        ("29", Rules("A", pod_level=False)),
        (32, Rules("A", pod_level=False)),
        ("33", Rules("B", pod_level=False)),
        ("34+", Rules("B")),
        (35, Rules("B")),
        ("36+", Rules("B", pod_level_resize=True)),
        ("37", Rules("C", pod_level_resize=True)),
        ("40", Rules("C", pod_level_resize=True)),
    ],
)
def test_the_version_decides(minor: str | int, expected: Rules) -> None:
    """With the default feature gates of each."""
    assert rules_for(minor) == expected


@pytest.mark.parametrize("minor", ["", "x", "v36", "-1"])
def test_another_version_is_an_error(minor: str) -> None:
    """Which quotes it."""
    with pytest.raises(ValueError, match="expected a number"):
        rules_for(minor)


def test_rule_sets_have_names() -> None:
    """Letters, or versions."""
    assert rules_named("A") == Rules("A")
    assert rules_named("b") == rules_for(35)
    assert rules_named("C") == rules_for(37)
    assert rules_named("1.33") == rules_for(33)
    assert rules_named("1.36+") == rules_for(36)


@pytest.mark.parametrize("name", ["", "D", "auto", "36", "1.x", "1.36.2"])
def test_another_name_is_an_error(name: str) -> None:
    """Which lists those there are."""
    with pytest.raises(ValueError, match=r"expected auto, A, B, C, or a server version"):
        rules_named(name)
