"""Custom resource state is exposed as by kube-state-metrics' own code, line by line."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from random import Random
from typing import Any

import pytest
from harness import custom_resource_state

from support.state_metrics import (
    LIMITS,
    InvalidDocumentError,
    Samples,
    compiled,
    number_text,
    one_metric,
    outcome,
)
from xpjob.collectors.sources.state_metrics.lines import lines
from xpjob.kube.discovery import Kind

pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="needs Go"),
    pytest.mark.timeout(900),  # the first time, each version is built
]
versions = pytest.mark.parametrize("version", custom_resource_state.MODFILES)
COUNT = 3000


@versions
def test_lines_are_those_of_kube_state_metrics(version: str) -> None:
    """For any configuration and object. 2.18 has an error as value of an index out of range."""
    samples = Samples(Random(version), indexes=version != "2.18")
    questions = [samples.question() for _ in range(COUNT)]
    theirs = custom_resource_state.ask(version, questions)
    wrong, exposed = [], 0
    for (config, objects), answer in zip(questions, theirs, strict=True):
        expected = Counter(line for each in answer["lines"] for line in each)
        ours = Counter(lines(outcome(compiled(config, "compat"), objects).series))
        exposed += expected.total()
        if ours != expected:
            wrong.append((config, objects, sorted(ours - expected), sorted(expected - ours)))
    assert wrong[:3] == []
    assert exposed > COUNT


@versions
def test_numbers_are_those_of_kube_state_metrics(version: str) -> None:
    """Texts that are nearly numbers; and the same ones are none."""
    random = Random(version)
    texts = [number_text(random) for _ in range(10 * COUNT)]
    config = one_metric({"type": "Gauge", "gauge": {"path": ["spec", "v"]}})
    objects = [
        {"apiVersion": "ex.io/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": {"v": text}}
        for text in texts
    ]
    [answer] = custom_resource_state.ask(version, [(config, objects)])
    source = compiled(config, "compat")
    folder = source.folder(0, Kind("ex.io", "v1", "foos", "Foo", namespaced=True), LIMITS)
    wrong = []
    for text, item, expected in zip(texts, objects, answer["lines"], strict=True):
        before = len(folder.result().series.get("m", ()))
        folder.add(item)
        ours = lines({"m": folder.result().series.get("m", ())[before:]})
        if ours != expected:
            wrong.append((text, ours, expected))
    assert wrong[:10] == []
    assert sum(map(len, answer["lines"])) > COUNT


@pytest.mark.parametrize(
    ("each", "error"),
    [
        ({"type": "Gauges", "gauge": {}}, "unknown metric type"),
        ({"path": ["spec"]}, "unknown metric type"),
        ({"type": "Gauge"}, "to not be nil"),
        ({"type": "Gauge", "gauge": None}, "to not be nil"),
        ({"type": "Info", "gauge": {}}, "to not be nil"),
        ({"type": "Gauge", "gauge": {"path": ["spec", "[x]"]}}, "invalid list lookup"),
        ({"type": "Gauge", "gauge": {"valueFrom": ["[]"]}}, "invalid list lookup"),
        ({"type": "Info", "info": {"labelsFromPath": {"a": ["[x]"]}}}, "invalid list lookup"),
        ({"type": "Gauge", "gauge": {"valueFrom": {"path": ["a"]}}}, "cannot unmarshal"),
        ({"type": "Gauge", "gauge": {"path": "spec"}}, "cannot unmarshal"),
        ({"type": "Gauge", "gauge": {"nilIsZero": "perhaps"}}, "cannot unmarshal"),
        ({"type": "Info", "info": {"labelsFromPath": ["a"]}}, "cannot unmarshal"),
        ({"type": "Info", "info": {"labelFromKey": ["a"]}}, "cannot unmarshal"),
    ],
)
def test_what_kube_state_metrics_refuses_is_a_mistake(each: dict[str, Any], error: str) -> None:
    """And kube-state-metrics does refuse it."""
    config = one_metric(each)
    [answer] = custom_resource_state.ask("2.20", [(config, [])])
    assert error in answer["error"]
    with pytest.raises(InvalidDocumentError):
        compiled(config, "compat")


@pytest.mark.parametrize(
    "each",
    [
        {"type": "gAuGe", "gauge": {"path": None, "valueFrom": None, "labelFromKey": ""}},
        {"type": "Gauge", "gauge": {"path": ["spec", 1, True, 1.50, None], "nilIsZero": True}},
        {"type": "Info", "info": {"labelsFromPath": None, "labelFromKey": None}, "gauge": None},
        {"type": "Info", "info": {"labelsFromPath": {"spec": None, "b": []}, "unknown": 1}},
        {"type": "StateSet", "stateSet": {"path": ["spec", "s"], "list": [True, 1, None, "a"]}},
        {"type": "StateSet", "stateSet": {"path": ["spec", "s"], "labelName": 1, "list": ["True"]}},
    ],
)
@pytest.mark.parametrize("state", ["true", "1", "", "a", "True"])
def test_what_is_written_oddly_is_read_alike(each: dict[str, Any], state: str) -> None:
    """Null is absent, and scalars keep their text."""
    config = json.dumps(one_metric(each)).replace(": 1.5,", ": 1.50,")
    item = {
        "apiVersion": "ex.io/v1",
        "kind": "Foo",
        "metadata": {"name": "a"},
        "spec": {"s": state},
    }
    [answer] = custom_resource_state.ask("2.20", [(config, [item])])
    ours = lines(outcome(compiled(config, "compat"), [item]).series)
    assert Counter(ours) == Counter(answer["lines"][0])
