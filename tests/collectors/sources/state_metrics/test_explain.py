"""For one object it is said what comes of each metric, and why."""

from __future__ import annotations

from typing import Any

import pytest

from support.state_metrics import LIMITS, compiled, one_metric
from xpjob.collectors.sources.program import Explained
from xpjob.kube.discovery import Kind

KIND = Kind("ex.io", "v1", "foos", "Foo", namespaced=True)
READY = ("status", "conditions", "[type=Ready]", "status")


def explained(each: dict[str, Any], **parts: Any) -> Explained:
    """Return what a metric makes of an object with some parts."""
    item = {"metadata": {"name": "a", "namespace": "n"}, **parts}
    [found] = compiled(one_metric(each)).explain(0, KIND, item, LIMITS)
    return found


def gauge(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of a gauge."""
    return {"type": "Gauge", "gauge": {"path": list(path), **more}}


def test_a_series_has_path_raw_value_and_line() -> None:
    """From the text of the object to the number."""
    found = explained(gauge(*READY), status={"conditions": [{"type": "Ready", "status": "False"}]})
    assert (found.family, found.of, found.raw, found.why) == (
        *("m", "status.conditions.[type=Ready].status", "False"),
        (),
    )
    assert [number for _, number in found.samples] == [0]


@pytest.mark.parametrize(
    ("each", "parts", "note"),
    [
        (gauge(*READY), {}, "there is no status"),
        (gauge(*READY), {"status": {}}, "there is no conditions in status"),
        (
            gauge(*READY),
            {"status": {"conditions": []}},
            "there is no [type=Ready] in status.conditions",
        ),
        (gauge("a", "b"), {"a": [{"b": 1}]}, "a is a list: use an index"),
        (gauge("a", "3"), {"a": [{"b": 1}]}, "a has no element 3"),
        (gauge("a", "b"), {"a": "x"}, "a is neither a map nor a list"),
        (gauge("a", "*", "b"), {"a": []}, "no element of a has b"),
        (gauge("a"), {"a": "30s"}, "a: '30s' is not a number"),
        (gauge("a"), {"a": []}, "no value has a label or number of its own"),
        (gauge("a", valueFrom=["n"]), {"a": [{}] * 9}, "and 4 more"),
    ],
)
def test_without_a_series_there_is_a_reason(
    each: dict[str, Any], parts: dict[str, Any], note: str
) -> None:
    """Which says where in the object it is."""
    found = explained(each, **parts)
    assert not found.samples
    assert [text for text in found.why if note in text] != []
