"""What a MetricSource counts as usage: which documents are right, and what objects have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.metric_sources import LIMITS, compiled, fold, problems
from xpjob.base import times
from xpjob.collectors.sources.program import Used

FIELDS = """\
fields:
  - {name: size, path: .spec.size, type: quantity}
  - {name: team, path: .metadata.labels.team}
  - {name: zone, path: .spec.zone}
  - {name: since, path: .spec.since, type: timestamp}
usage: %s
"""


@pytest.mark.parametrize(
    ("usage", "problem"),
    [
        ("{meter: databases}", ""),
        ("{meter: database_bytes, amount: size, team: team}", ""),
        ("{amount: size}", "11:10 spec.usage: meter is missing"),
        ("{meter: Databases}", "11:18 spec.usage.meter: expected lower-case"),
        ("{meter: objects}", "11:18 spec.usage.meter: 'objects' is a name of xpjob's own"),
        ("{meter: gpu_requests}", "11:18 spec.usage.meter: 'gpu_requests' is a name"),
        ("{meter: m, amount: sise}", "11:29 spec.usage.amount: invalid value 'sise'"),
        ("{meter: m, amount: zone}", "11:29 spec.usage.amount: 'zone' is of type string"),
        ("{meter: m, amount: since}", "11:29 spec.usage.amount: 'since' is of type timestamp"),
        ("{meter: m, team: size}", "11:27 spec.usage.team: 'size' is of type quantity"),
        ("{meter: m, unit: B}", "11:27 spec.usage.unit: unknown key"),
        ("[databases]", "11:10 spec.usage: expected a map"),
    ],
)
def test_mistakes_are_located(usage: str, problem: str) -> None:
    """Each error names the field and says what is wrong."""
    found = problems(FIELDS % usage)
    assert [text[: len(problem)] for text in found] == ([problem] if problem else [])


CREATED = "2024-01-15T09:00:00Z"
SINCE = times.epoch(CREATED) or 0
VALUES = [
    {"name": "size", "path": ".spec.size", "type": "quantity"},
    {"name": "few", "path": ".spec.few", "type": "integer", "default": "2"},
    {"name": "team", "path": ".metadata.labels.team"},
]


def item(created: str = CREATED, team: str = "web", **spec: Any) -> dict[str, Any]:
    """Return an object of a namespace."""
    metadata = {
        "name": "a", "namespace": "shop", "labels": {"team": team}, "creationTimestamp": created
    }  # fmt: skip
    return {"metadata": metadata, "spec": spec}


def used(usage: Mapping[str, str], *items: dict[str, Any], **spec: Any) -> list[Used]:
    """Return what is counted of objects."""
    return fold(compiled(fields=VALUES, usage=usage, **spec), items).used


@pytest.mark.parametrize(
    ("usage", "spec", "amount"),
    [
        ({"meter": "databases"}, {}, 1),
        ({"meter": "database_bytes", "amount": "size"}, {"size": "1Gi"}, 1 << 30),
        ({"meter": "database_bytes", "amount": "size"}, {"size": "1500m"}, 2),
        ({"meter": "database_cores", "amount": "size"}, {"size": "250m"}, 250),
        ({"meter": "database_cores", "amount": "size"}, {"size": "0.1"}, 100),
        ({"meter": "database_cores", "amount": "size"}, {"size": "1u"}, 1),
        ({"meter": "licences", "amount": "few"}, {"few": 3}, 3),
        ({"meter": "licences", "amount": "few"}, {}, 2),
        ({"meter": "licences", "amount": "few"}, {"few": None}, None),
        ({"meter": "licences", "amount": "few"}, {"few": "many"}, None),
        ({"meter": "licences", "amount": "few"}, {"few": -3}, None),
        ({"meter": "licences", "amount": "few"}, {"few": 0}, None),
    ],
)
def test_amounts(usage: dict[str, str], spec: dict[str, Any], amount: int | None) -> None:
    """In the unit that the meter's name says, rounded up; without one, nothing is counted."""
    found = used({**usage, "team": "team"}, item(**spec))
    assert found == ([] if amount is None else [Used("shop", "web", SINCE, amount)])


def test_objects_that_are_alike_are_one_amount() -> None:
    """By namespace, team and creation; how long what is old has been there does not matter."""
    old = [item("2023-01-01T00:00:00Z"), item("2022-01-01T00:00:00Z")]
    made = used({"meter": "m", "team": "team"}, item(), item(), item(team="data"), *old)
    assert sorted(made) == [
        Used("shop", "data", SINCE, 1),
        Used("shop", "web", int(LIMITS.now) - 8 * 86_400, 2),
        Used("shop", "web", SINCE, 2),
    ]


@pytest.mark.parametrize("created", ["", "yesterday", None, 7])
def test_an_object_without_creation_is_not_counted(created: Any) -> None:
    """It is not known since when it exists."""
    assert used({"meter": "m"}, item(created)) == []


def test_what_is_counted_does_not_depend_on_the_time_that_expressions_take() -> None:
    """A source whose time is over counts on: a list that was made is counted as a whole."""
    source = compiled(
        fields=VALUES,
        usage={"meter": "m"},
        computed=[{"name": "twice", "expression": "few * 2"}],
        collection={"timeoutSeconds": 5},
    )
    object.__setattr__(source._spec, "timeout_seconds", 0)
    found = fold(source, [item()] * 9)
    assert found.errors > 0
    assert found.used == [Used("shop", "", SINCE, 9)]
