"""Annotations metadata.github.com/…: tags and risks by the rules of the tracker."""

from __future__ import annotations

import pytest

from xpjob.collectors.deployments.annotations import PREFIX, notes_of, relevant

Objects = list[dict[str, str]]


def prefixed(objects: Objects) -> Objects:
    """Return the objects with the prefix before their keys."""
    return [{PREFIX + key: value for key, value in item.items()} for item in objects]


@pytest.mark.parametrize(
    ("objects", "tags"),
    [
        pytest.param([{"team": "a"}], {"team": "a"}, id="one"),
        pytest.param([{"team": "pod"}, {"team": "owner"}], {"team": "pod"}, id="lowest first"),
        pytest.param([{}, {"team": "owner"}], {"team": "owner"}, id="only the owner's"),
        pytest.param(
            [{"f": "6", "a": "1", "c": "3", "b": "2"}, {"e": "5", "d": "4"}],
            {"a": "1", "b": "2", "c": "3", "f": "6", "d": "4"},
            id="five, sorted by key within an object",
        ),
        pytest.param([{"": "x"}], {}, id="an empty key"),
        pytest.param([{"empty": ""}], {"empty": ""}, id="an empty value"),
        pytest.param([{"k" * 100: "é" * 100}], {"k" * 100: "é" * 100}, id="100 characters"),
        pytest.param([{"k" * 101: "x", "k": "é" * 101}], {}, id="101 characters"),
        pytest.param([{"runtime-risks": "internet-exposed"}], {}, id="risks are no tag"),
    ],
)
def test_tags(objects: Objects, tags: dict[str, str]) -> None:
    """At most five over all objects."""
    assert notes_of(prefixed(objects), "").tags == tags


def test_risks_are_the_union_of_all_objects() -> None:
    """In any case, trimmed, sorted; unknown ones are left out."""
    objects = prefixed(
        [
            {"runtime-risks": " Sensitive-Data ,unknown"},
            {"runtime-risks": "critical-resource,sensitive-data"},
        ]
    )
    assert notes_of(objects, "").risks == ("critical-resource", "sensitive-data")


def test_the_repository_is_that_of_the_lowest_object_that_names_one() -> None:
    """It comes from the configured annotation, which does not become a tag."""
    key = "example.org/repository"
    notes = notes_of([{}, {key: " web "}, {key: "other"}], key)
    assert (notes.repository, notes.tags) == ("web", {})


def test_other_annotations_are_not_kept() -> None:
    """They may be large."""
    every = {"x/last-applied": "y" * 1000, PREFIX + "team": "a", "example.org/repository": "web"}
    assert relevant(every, "example.org/repository").keys() == every.keys() - {"x/last-applied"}
    assert relevant(every, "").keys() == {PREFIX + "team"}
    assert relevant(None, "") == {}
