"""Cases whose lines were made with kube-state-metrics' own code."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from support.state_metrics import exposed, one_metric
from xpjob.collectors.sources.state_metrics.config import Mode

GVK = (
    'customresource_group="ex.io"',
    'customresource_kind="Foo"',
    'customresource_version="v1"',
)
METADATA = {
    "name": "a",
    "namespace": "n",
    "labels": {"app.io/x": "1", "foo": "bar"},
    "annotations": {"b-c": "2", "foo": "ann"},
}


def thing(**parts: Any) -> dict[str, Any]:
    """Return an object with some parts."""
    return {"apiVersion": "ex.io/v1", "kind": "Foo", "metadata": METADATA, **parts}


def line(number: str, *labels: str, gvk: bool = True, named: bool = True) -> str:
    """Return the line of a sample with these labels, and those that all have."""
    every = [*labels, *(GVK if gvk else ()), *(['name="a"'] if named else ())]
    return f"m{{{','.join(sorted(every))}}} {number}"


def gauge(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of a gauge."""
    return {"type": "Gauge", "gauge": {"path": list(path), **more}}


def info(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of an info."""
    return {"type": "Info", "info": {"path": list(path), **more}}


def stateset(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of a stateSet."""
    return {"type": "StateSet", "stateSet": {"path": list(path), **more}}


READY = {"type": "Ready", "status": "True", "reason": "ok"}
TIMED = {**READY, "lastTransitionTime": "2024-01-15T10:30:00Z", "observedGeneration": 7}
SUB = {
    "b": {"active": 1, "ready": 2},
    "a": {"active": 3, "ready": 4},
    "c": {"active": 5},
}
LEAK = {"p": {"n": 1, "active": "in"}, "active": {"n": 5, "active": "x"}}
FIELDS = {
    "v": 1,
    "i": 3,
    "f": 2.5,
    "big": 1e21,
    "b": True,
    "l": ["p", 1, None],
    "mm": {"k": 1, "a": {"x": "y"}},
    "nul": None,
    "e": "",
}
IDS = [{"id": 2, "v": 20}, {"id": 1, "v": 10}, {"id": True, "v": 30}, {"id": "1", "v": 40}]
PHASE = stateset("status", "phase", labelName="phase", list=["Up", "Down"])
UP, DOWN = 'phase="Up"', 'phase="Down"'
KEYED = {"labelFromKey": "k", "labelsFromPath": {"v": ["v"], "w": ["w"]}}

Vector = tuple[str, dict[str, Any], dict[str, Any], list[str]]
VECTORS: list[Vector] = [
    (
        "1 conditions",
        {"status": {"conditions": [{"type": "Synced", "status": "Unknown"}, READY, {"type": "X"}]}},
        gauge("status", "conditions", valueFrom=["status"], labelsFromPath={"type": ["type"]}),
        [line("0", 'type="Synced"'), line("1", 'type="Ready"')],
    ),
    (
        "2 a map of maps",
        {"status": {"sub": SUB}},
        gauge(
            *("status", "sub"),
            labelFromKey="type",
            valueFrom=["ready"],
            labelsFromPath={"active": ["active"]},
        ),
        [line("2", 'active="1"', 'type="b"'), line("4", 'active="3"', 'type="a"')],
    ),
    (
        "3 one condition",
        {"status": {"conditions": [READY]}},
        gauge(
            *("status", "conditions", "[type=Ready]"),
            valueFrom=["status"],
            labelsFromPath={"reason": ["reason"]},
        ),
        [line("1", 'reason="ok"')],
    ),
    (
        "4 a map is expanded",
        {"status": {"replicas": 3, "phase": "Up", "sub": {"replicas": 9}}},
        gauge("status", valueFrom=["replicas"], labelsFromPath={"phase": ["phase"]}),
        [line("3", UP), line("9", UP)],
    ),
    (
        "5 nilIsZero of entries",
        {"status": {"replicas": 3, "phase": "Up"}},
        gauge("status", valueFrom=["replicas"], nilIsZero=True),
        [line("3"), line("0")],
    ),
    (
        "6 no valueFrom",
        {"status": {"conditions": [TIMED]}},
        gauge("status", "conditions", "[type=Ready]", labelsFromPath={"reason": ["reason"]}),
        [line(number, 'reason="ok"') for number in ("1", "1.7053146e+09", "7")],
    ),
    ("7 missing", {"status": {}}, gauge("status", "n", nilIsZero=True), [line("0")]),
    ("7 null", {"status": {"n": None}}, gauge("status", "n", nilIsZero=True), [line("0")]),
    ("7 no status", {}, gauge("status", "n", nilIsZero=True), [line("0")]),
    ("7 without nilIsZero", {"status": {"n": None}}, gauge("status", "n"), []),
    (
        "8 a list of scalars",
        {"spec": {"refs": ["x", 3, True, 1.5]}},
        info("spec", "refs", labelsFromPath={"ref": []}),
        [line("1", f'ref="{text}"') for text in ("x", "3", "true", "1.5")],
    ),
    (
        "9 maps are copied",
        {},
        {
            "type": "Info",
            "info": {
                "labelsFromPath": {
                    "*": ["metadata", "labels"],
                    "ann_*": ["metadata", "annotations"],
                }
            },
        },
        [line("1", 'ann_b_c="2"', 'ann_foo="ann"', 'app_io_x="1"', 'foo="bar"')],
    ),
    (
        "10 labelFromKey",
        {"spec": {"m": {"p": {"v": 1}, "q": {"w": 2}}}},
        info("spec", "m", **KEYED),
        [line("1", 'k="p"', 'v="1"'), line("1", 'k="q"', 'w="2"')],
    ),
    (
        "11 and the map itself",
        {"spec": {"m": {"v": "top", "p": {"v": 1}}}},
        info("spec", "m", **KEYED),
        [line("1", 'k="p"', 'v="1"'), line("1", 'k="v"'), line("1", 'v="top"')],
    ),
    ("12 a state", {"status": {"phase": "Up"}}, PHASE, [line("0", DOWN), line("1", UP)]),
    ("12 another", {"status": {"phase": "Other"}}, PHASE, [line("0", DOWN), line("0", UP)]),
    ("12 none", {"status": {}}, PHASE, []),
    ("12 a number", {"status": {"phase": 1}}, PHASE, []),
    (
        "14 texts of values",
        {"spec": {"v": FIELDS}},
        gauge(
            *("spec", "v"),
            valueFrom=["v"],
            labelsFromPath={key: [key] for key in FIELDS if key not in ("v", "nul")},
        ),
        [
            line(
                "1",
                *('b="true"', 'big="1e+21"', 'e=""', 'f="2.5"', 'i="3"', 'l="[p 1 <nil>]"'),
                'mm="map[a:map[x:y] k:1]"',
            )
        ],
    ),
    (
        "15 labels of the parent",
        {"status": {"sub": LEAK}},
        gauge(
            *("status", "sub"),
            labelFromKey="k",
            valueFrom=["n"],
            labelsFromPath={"active": ["active"]},
        ),
        [
            line("5", 'active="map[active:x n:5]"', 'k="active"'),
            line("1", 'active="map[active:x n:5]"', 'k="p"'),
        ],
    ),
    ("16 a lookup", {"spec": {"l": IDS}}, gauge("spec", "l", "[id=1]", "v"), [line("10")]),
    ("16 of true", {"spec": {"l": IDS}}, gauge("spec", "l", "[id=true]", "v"), [line("10")]),
    ("17 from the end", {"spec": {"l": [1, 2, 3]}}, gauge("spec", "l", "-1"), [line("3")]),
    ("17 beyond the end", {"spec": {"l": [1, 2, 3]}}, gauge("spec", "l", "5"), []),
    ("17 lists of lists", {"spec": {"l": [[1, 2], [3]]}}, gauge("spec", "l"), []),
    (
        "18 reserved labels",
        {"metadata": {"labels": {"name": "fromlabel", "customresource_kind": "evil"}}},
        info(labelsFromPath={"*": ["metadata", "labels"]}),
        [
            'm{customresource_group="ex.io",customresource_kind="evil",'
            'customresource_version="v1",name="fromlabel"} 1'
        ],
    ),
]
BOTH = [each for each in VECTORS if each[0].split()[0] not in ("4", "5", "6", "18")]
"""Those that default mode does not change."""


@pytest.mark.parametrize(
    ("mode", "parts", "each", "expected"),
    [
        pytest.param(mode, *rest, id=f"{mode} {name}")
        for mode, vectors in (("compat", VECTORS), ("default", BOTH))
        for name, *rest in vectors
    ],
)
def test_the_lines_are_those_of_kube_state_metrics(
    mode: Mode, parts: dict[str, Any], each: dict[str, Any], expected: list[str]
) -> None:
    """Also in default mode, but for series that fail a scrape and reserved labels."""
    assert Counter(exposed(one_metric(each), [thing(**parts)], mode)) == Counter(expected)


def test_labels_override_each_other_in_layers() -> None:
    """Vector 13: of the resource, reserved, of the metric, of the object, of the element."""
    config = one_metric(
        gauge(
            *("spec", "v"),
            valueFrom=["n"],
            labelsFromPath={"name": ["x"], "foo": ["y"], "customresource_kind": ["x"]},
        ),
        commonLabels={"foo": "metric", "both": "metric"},
        labelsFromPath={"both": ["metadata", "name"]},
        resource_commonLabels={"customresource_group": "zzz", "foo": "res", "both": "res"},
    )
    item = thing(spec={"v": [{"n": 1, "x": "inner", "y": "in2"}, {"n": 2}]})
    group, kind, version = GVK
    second = f'm{{both="a",{group},{kind},{version},foo="metric",name="a"}} 2'
    assert set(exposed(config, [item], "compat")) == {
        second,
        f'm{{both="a",{group},customresource_kind="inner",{version},foo="in2",name="inner"}} 1',
    }
    assert set(exposed(config, [item])) == {
        second,
        f'm{{both="a",{group},{kind},{version},foo="in2",name="inner"}} 1',
    }
