"""Mistakes in a document are named with line, column and remedy, all at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.state_metrics import compiled, one_metric, problems
from xpjob.collectors.sources.state_metrics.config import Mode

HEAD = """\
kind: CustomResourceStateMetrics
spec:
  resources:
    - groupVersionKind: {group: ex.io, version: v1, kind: Foo}
      labelsFromPath: {name: [metadata, name]}
      metrics:
        - name: m_info
          each:
"""


def each(text: str) -> str:
    """Return a document with this text as ``each`` of its only metric, from line 9 on."""
    return HEAD + "".join(f"            {line}\n" for line in text.splitlines())


MISTAKES: list[tuple[str, str, list[tuple[int, int, str]]]] = [
    (
        "unknown type",
        each("type: Counter\ngauge: {path: [a]}"),
        [(9, 19, "unknown metric type 'Counter'; expected one of Gauge, Info, StateSet")],
    ),
    (
        "before 2.6",
        each("path: [status]\nlabelsFromPath: {a: [b]}"),
        [(9, 13, "before 2.6: write each: {type: Gauge, gauge: {path: [...], ...}}")],
    ),
    ("no type", each("gauge: {path: [a]}"), [(9, 13, "type is missing")]),
    ("no each", HEAD.replace("          each:\n", ""), [(7, 11, "each is missing")]),
    (
        "no struct",
        each("type: Gauge\ngauge: null"),
        [(9, 13, "each.gauge is missing: the type is Gauge")],
    ),
    (
        "lookup without =",
        each("type: Gauge\ngauge:\n  path: [status, '[Ready]', x]"),
        [(11, 30, "invalid list lookup '[Ready]': expected [key=value]")],
    ),
    (
        "index in brackets",
        each("type: Gauge\ngauge:\n  path: [status, '[0]']"),
        [(11, 30, "for an index write '0' without brackets")],
    ),
    (
        "valueFrom as a map",
        each("type: Gauge\ngauge:\n  path: [status]\n  valueFrom:\n    path: [a, b]"),
        [(13, 17, "expected a list of keys, got a map: write valueFrom: [a, b]")],
    ),
    (
        "a dotted path",
        each("type: Gauge\ngauge: {path: .status.n}"),
        [(10, 27, "expected a list of keys, got '.status.n': write path: [status, n]")],
    ),
    (
        "no map",
        each("type: Info\ninfo: {labelsFromPath: [a]}"),
        [(10, 36, "expected a map, got a list")],
    ),
    (
        "a text as flag",
        each("type: Gauge\ngauge: {path: [a], nilIsZero: perhaps}"),
        [(10, 43, "expected true or false, got 'perhaps'")],
    ),
    (
        "an unknown key",
        each("type: Gauge\ngauge: {path: [a], nilAsZero: true}"),
        [(10, 43, "unknown key 'nilAsZero'; did you mean 'nilIsZero'?")],
    ),
    (
        "a reserved label",
        each("type: Info\ninfo: {labelFromKey: customresource_kind}"),
        [(10, 19, "the label customresource_kind is reserved: choose another name")],
    ),
    (
        "no labelName",
        each("type: StateSet\nstateSet: {path: [a], list: [b]}"),
        [(10, 23, "labelName is missing: each state needs the label that names it")],
    ),
    (
        "bare resources",
        "resources:\n  - groupVersionKind: {group: ex.io}\n",
        [(2, 3, "resources must be below spec: write spec: {resources: [...]}")],
    ),
    (
        "no spec",
        "kind: CustomResourceStateMetrics\n",
        [(1, 1, "spec is missing")],
    ),
    (
        "no kind",
        "spec:\n  resources:\n    - metrics: []\n",
        [(3, 7, "groupVersionKind is missing")],
    ),
    (
        "any group",
        "spec: {resources: [groupVersionKind: {group: '*'}]}\n",
        [(1, 46, "a group is required; only version and kind may be *")],
    ),
    (
        "no name",
        HEAD.replace("- name: m_info", "- help: x") + "            {type: Info, info: {}}\n",
        [(7, 11, "name is missing")],
    ),
    (
        "a path without end",
        each(f"type: Gauge\ngauge: {{path: {json.dumps(['a'] * 65)}}}"),
        [(10, 27, "a path of more than 64 segments")],
    ),
    (
        "several",
        each(
            "type: Gauge\n"
            "gauge: {path: {}, valueFrom: a, labelFromKey: [b], labelsFromPath: {x: 1}}"
        ),
        [
            (10, 27, "expected a list of keys, got a map"),
            (10, 42, "expected a list of keys, got 'a'"),
            (10, 59, "expected a string, got a list"),
            (10, 84, "expected a list of keys, got '1'"),
        ],
    ),
    ("no YAML", "spec: [", [(2, 1, "invalid YAML")]),
]


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(*rest, id=name) for name, *rest in MISTAKES]
)
def test_mistakes_have_line_column_and_remedy(
    text: str, expected: list[tuple[int, int, str]]
) -> None:
    """Nothing else is a mistake."""
    found = [each for each in problems(text) if not each.warning]
    assert sorted((each.line, each.column) for each in found) == [each[:2] for each in expected]
    for line, column, message in expected:
        assert any(
            message in each.message for each in found if (each.line, each.column) == (line, column)
        ), found


def test_in_compat_mode_unknown_keys_are_warnings() -> None:
    """kube-state-metrics ignores them in silence."""
    text = each("type: Gauge\ngauge: {path: [a], nilAsZero: true}")
    [found] = [each for each in problems(text, "compat") if "unknown key" in each.message]
    assert found.warning
    assert compiled(text, "compat").families[0].name == "kube_customresource_m_info"


def gauge(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of a gauge."""
    return {"type": "Gauge", "gauge": {"path": list(path), **more}}


def info(**more: Any) -> dict[str, Any]:
    """Return ``each`` of an info."""
    return {"type": "Info", "info": more}


NAMED = {"labelsFromPath": {"type": ["type"]}}
READY = ("status", "conditions", "[type=Ready]")
STATES = {"path": ["status", "phase"], "labelName": "phase", "list": ["Up"]}
WARNINGS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("E1", gauge(*READY), {}, "the value is a map, of which each entry is a sample: set valueFrom"),
    (
        "E2",
        gauge("status", "parents", "conditions", **NAMED),
        {},
        "the path crosses a list at parents",
    ),
    ("E3", info(), {}, "nothing will be exposed: an info metric needs labels of its own"),
    (
        "conditions without type",
        gauge("status", "conditions", valueFrom=["status"]),
        {},
        "the samples of all conditions have equal labels: add labelsFromPath: {type: [type]}",
    ),
    (
        "labelFromKey on a list",
        gauge("status", "conditions", labelFromKey="k", **NAMED),
        {},
        "labelFromKey has no effect: conditions is a list",
    ),
    ("no states", {"type": "StateSet", "stateSet": {**STATES, "list": []}}, {}, "list is empty"),
    (
        "overridden state",
        {"type": "StateSet", "stateSet": {**STATES, "labelsFromPath": {"phase": ["x"]}}},
        {},
        "labelsFromPath overrides phase, which tells the states apart",
    ),
    ("two structs", {**gauge("a"), "info": {}}, {}, "info is ignored: the type is Gauge"),
    (
        "metric name",
        gauge("a"),
        {"name": "1-m"},
        "invalid metric name '1-m': it is exposed as '_1_m'",
    ),
    ("info name", info(**NAMED), {"name": "m"}, "should end in _info: 'm'"),
    (
        "label name",
        gauge("a", labelFromKey="a-b"),
        {},
        "invalid label name 'a-b': it is exposed as 'a_b'",
    ),
    (
        "common label name",
        gauge("a"),
        {"commonLabels": {"1": "x"}},
        "invalid label name '1': it is exposed as '_1'",
    ),
    (
        "two labels of one name",
        gauge("a", labelsFromPath={"a-b": ["a"], "a.b": ["b"]}),
        {},
        "'a-b' and 'a.b' both give the label a_b",
    ),
    (
        "reserved label",
        gauge("a"),
        {"labelsFromPath": {"customresource_kind": ["kind"]}},
        "the label customresource_kind is reserved, and has the value of the kind",
    ),
    (
        "objects that look alike",
        gauge("a"),
        {"resource_labelsFromPath": None},
        "no label comes from the object",
    ),
    (
        "core kinds",
        gauge("a"),
        {"resource_groupVersionKind": {"group": "", "version": "v1", "kind": "Node"}},
        "kube-state-metrics has no kinds of the core group",
    ),
    ("no metrics", gauge("a"), {"resource_metrics": []}, "no metrics: nothing will be exposed"),
]


@pytest.mark.parametrize(
    ("body", "more", "message"), [pytest.param(*rest, id=name) for name, *rest in WARNINGS]
)
def test_what_is_probably_not_meant_is_a_warning(
    body: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    """The document is accepted."""
    found = problems(json.dumps(one_metric(body, **more), indent=1))
    assert [each for each in found if not each.warning] == []
    assert [each.message for each in found if message in each.message] != []
    assert all(each.line for each in found)


@pytest.mark.parametrize("mode", ["default", "compat"])
def test_a_good_document_has_no_warning(mode: Mode) -> None:
    """Of each type one metric."""
    conditions = gauge("status", "conditions", valueFrom=["status"], **NAMED)
    config = one_metric(conditions)
    metrics = config["spec"]["resources"][0]["metrics"]
    metrics += [
        {"name": "x_info", "help": "", "each": info(labelsFromPath={"a": ["spec", "a"]})},
        {"name": "phase", "help": "", "each": {"type": "StateSet", "stateSet": STATES}},
    ]
    assert problems(json.dumps(config), mode) == []


def test_resources_of_one_kind_and_families_of_two_types_are_named() -> None:
    """kube-state-metrics takes the last resource only."""
    one = one_metric(gauge("a"))
    one["spec"]["resources"].append(one_metric(info(**NAMED))["spec"]["resources"][0])
    messages = [each.message for each in problems(json.dumps(one))]
    assert any("spec.resources[0] is of the same group, version and kind" in m for m in messages)
    assert any("'m' is also of type gauge: both become gauges" in m for m in messages)
    source = compiled(one)
    assert [(each.name, each.type) for each in source.families] == [("m", "gauge")]
    assert len(source.targets) == 2


def test_only_the_first_document_is_read() -> None:
    """As kube-state-metrics does."""
    text = json.dumps(one_metric(gauge("a")))
    assert len(compiled(f"{text}\n---\n{text}").targets) == 1


def test_core_kinds_are_left_out_in_compat_mode() -> None:
    """Version and kind may be any."""
    core = one_metric(gauge("a"), resource_groupVersionKind={"group": "", "kind": "Node"})
    assert compiled(core, "compat").targets == []
    [target] = compiled(core).targets
    assert (target.group, target.version, target.kind) == ("", "*", "Node")
