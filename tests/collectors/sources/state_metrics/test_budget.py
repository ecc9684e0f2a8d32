"""The metrics of a document take a bounded time and memory, whatever it and its objects are."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from support.state_metrics import LIMITS, compiled, one_metric, outcome, problems
from xpjob.collectors.sources.program import Explained, Limits
from xpjob.collectors.sources.state_metrics import budget
from xpjob.collectors.sources.state_metrics.config import Mode
from xpjob.collectors.sources.state_metrics.labels import LabelPaths
from xpjob.kube.discovery import Kind

MODES = pytest.mark.parametrize("mode", ["default", "compat"])
FOO = Kind("ex.io", "v1", "foos", "Foo", namespaced=True)


def thing(name: str, **parts: Any) -> dict[str, Any]:
    """Return an object."""
    return {"metadata": {"name": name, "namespace": "n"}, **parts}


def metrics(count: int, prefix: str = "m") -> list[dict[str, Any]]:
    """Return metrics of the value at ``n``."""
    each = {"type": "Gauge", "gauge": {"path": ["n"]}}
    return [{"name": f"{prefix}{number}", "help": "", "each": each} for number in range(count)]


def document(*resources: dict[str, Any]) -> dict[str, Any]:
    """Return a document with resources, each of its own kind from ``Foo0`` on."""
    base = one_metric(metrics(1)[0]["each"])
    found = [
        {
            **base["spec"]["resources"][0],
            "groupVersionKind": {"group": "ex.io", "version": "v1", "kind": f"Foo{number}"},
            **each,
        }
        for number, each in enumerate(resources)
    ]
    return {**base, "spec": {"resources": found}}


def mistakes(config: dict[str, Any], mode: Mode) -> list[str]:
    """Return the mistakes of a document, each with its path."""
    text = json.dumps(config)
    return [f"{p.path}: {p.message}" for p in problems(text, mode) if not p.warning]


@MODES
def test_labels_and_metrics_are_bounded(mode: Mode) -> None:
    """Each label is computed for each metric: the mistake is at its place, and says what to do."""
    labels = {f"l{number}": ["a"] for number in range(101)}
    texts = {f"l{number}": "a" for number in range(101)}
    found = mistakes(document({"labelsFromPath": labels}, {"commonLabels": texts}), mode)
    assert [each.partition(": remove some")[0] for each in found] == [
        "spec.resources[0].labelsFromPath: 101 labels, more than 100",
        "spec.resources[1].commonLabels: 101 labels, more than 100",
    ]
    found = mistakes(document({"metrics": metrics(201)}), mode)
    assert [each.partition(": move some")[0] for each in found] == [
        "spec.resources[0].metrics: 201 metrics, more than 200"
    ]
    found = mistakes(document(*[{"metrics": metrics(200)}] * 5, {}, {}), mode)
    assert found == [
        "spec.resources[5]: more than 1000 metrics up to here: move resources to another document"
    ]
    fine = {name: labels[name] for name in [*labels][:100]}
    assert not mistakes(document(*[{"metrics": metrics(200), "labelsFromPath": fine}] * 5), mode)


@MODES
def test_metrics_share_the_paths_of_their_resource(mode: Mode) -> None:
    """Many metrics with many long paths take little memory, and are declared once."""
    labels = {f"l{number}": ["a", f"b{number}", *["c"] * 62] for number in range(100)}
    config = document({"metrics": metrics(200), "labelsFromPath": labels})
    text = json.dumps(config)
    tracemalloc.start()
    try:
        source = compiled(text, mode)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(source.families) == 200
    assert kept < 30_000_000


def test_a_path_is_declared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many metrics have it for a label."""
    seen: list[int] = []
    declare = LabelPaths.declare

    def counted(self: LabelPaths, shape: Any, declared: Any = None) -> None:
        before = len(declared) if declared is not None else 0
        declare(self, shape, declared)
        if declared is not None:
            seen.append(len(declared) - before)

    monkeypatch.setattr(LabelPaths, "declare", counted)
    source = compiled(document({"metrics": metrics(5), "labelsFromPath": {"a": ["a"], "b": ["b"]}}))
    outcome(source, [])
    assert seen == [2, 0, 0, 0, 0]


def ticking(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Let each look at the clock take some seconds."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    monkeypatch.setattr(budget, "perf_counter", clock)


@MODES
def test_the_time_of_a_list_ends(monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    """Its families are left out, for they would lack objects, and the reason comes first."""
    ticking(monkeypatch, 1.0)
    source = compiled(document({"metrics": metrics(2)}), mode)
    objects = [thing(f"a{number}", n=number) for number in range(5)]
    assert {name: len(found) for name, found in outcome(source, objects).series.items()} == {
        "m0": 5,
        "m1": 5,
    }
    objects += [thing(f"b{number}", n=number) for number in range(20)]
    found = outcome(source, objects)
    assert (found.series, found.tally.over, found.tally.objects) == ({}, {}, 25)
    assert found.tally.errors == 15
    example = found.tally.examples[0]
    assert (example.object, example.where) == ("Foo0", "metrics")
    assert example.message.startswith(
        "computing them took more than 30 s for one list: none of its families is exposed"
    )
    halves = outcome(source, objects[::-1], parts=2)
    assert (halves.series, halves.tally.errors > 0) == ({}, True)


def test_families_of_other_lists_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for one that both lists have: it would be a part of itself."""
    ticking(monkeypatch, 4.0)
    many = {"metrics": [*metrics(9), *metrics(1, "both")]}
    few = {"metrics": [*metrics(1, "few"), *metrics(1, "both")]}
    found = outcome(compiled(document(many, few)), [thing("a", n=1)])
    assert list(found.series) == ["few0"]


def test_a_large_value_of_a_label_does_not_outlast_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of the labels of one metric of one object may be the text of the whole object."""
    written: list[Any] = []

    def text(value: Any) -> str:
        written.append(value)
        return "x"

    monkeypatch.setattr("xpjob.collectors.sources.state_metrics.labels.go_text", text)
    ticking(monkeypatch, 1.0)
    labels = {f"l{number}": ["spec"] for number in range(100)}
    source = compiled(document({"metrics": metrics(1), "labelsFromPath": labels}))
    found = outcome(source, [thing("a", n=1, spec={"a": 1})])
    assert (found.series, found.tally.errors) == ({}, 1)
    assert len(written) < 40


@MODES
def test_the_entries_of_a_map_do_not_outlast_the_time(
    monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """The clock is looked at between samples, too."""
    ticking(monkeypatch, 1.0)
    source = compiled(one_metric({"type": "Gauge", "gauge": {"path": ["n"], "labelFromKey": "k"}}))
    found = outcome(source, [thing("a", n={f"k{number}": 1 for number in range(5000)})])
    assert (found.series, found.tally.errors) == ({}, 1)


@MODES
def test_labels_of_samples_are_bounded(monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    """Those of families that are left out do not count."""
    monkeypatch.setattr(budget, "MAX_LABELS_KEPT", 100)
    source = compiled(one_metric({"type": "Gauge", "gauge": {"path": ["n"]}}), mode)
    objects = [thing(f"a{number}", n=number) for number in range(26)]
    assert len(outcome(source, objects[:25]).series["m"]) == 25
    found = outcome(source, objects)
    assert (found.series, found.tally.errors) == ({}, 1)
    assert "their samples have more than 100 labels" in found.tally.examples[0].message
    each = {"type": "Gauge", "gauge": {"path": ["n"], "labelFromKey": "k"}}
    many = [{"name": f"m{number}", "help": "", "each": each} for number in range(10)]
    item = thing("a", n={f"k{number}": 1 for number in range(8)})
    limits = Limits(now=0, family_series=7)
    found = outcome(compiled(document({"metrics": many}), mode), [item], limits)
    assert (len(found.tally.over), found.tally.errors) == (10, 0)


def test_explain_says_that_the_time_was_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of samples."""
    ticking(monkeypatch, 31.0)
    source = compiled(document({"metrics": metrics(1)}))
    found: list[Explained] = list(source.explain(0, FOO, thing("a", n=1), LIMITS))
    assert "left out: computing them took more than 30 s" in found[0].why[0]
