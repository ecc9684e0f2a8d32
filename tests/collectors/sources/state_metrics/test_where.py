"""Documents are found wherever people keep them."""

from __future__ import annotations

import textwrap

import pytest

from support.state_metrics import compiled, problems
from xpjob.collectors.sources.state_metrics.document import read_custom_resource_state
from xpjob.collectors.sources.state_metrics.where import find_custom_resource_state
from xpjob.config.located import Checker
from xpjob.config.yaml_documents import from_json, read_yaml

BODY = """\
spec:
  resources:
    - groupVersionKind: {group: ex.io, version: v1, kind: Foo}
      labelsFromPath: {name: [metadata, name]}
      metrics:
        - name: m
          each: {type: Gauge, gauge: {path: [spec, TYPO]}}
"""


def inside(head: str, body: str, levels: int) -> str:
    """Return a document below a head, indented."""
    return head + textwrap.indent(body, "  " * levels)


PLACES: list[tuple[str, str]] = [
    ("alone", BODY),
    ("with a kind", f"kind: CustomResourceStateMetrics\n{BODY}"),
    ("in the chart", inside("customResourceState:\n  enabled: true\n  config:\n", BODY, 2)),
    (
        "in kube-prometheus-stack",
        inside("kube-state-metrics:\n  customResourceState:\n    config:\n", BODY, 3),
    ),
    (
        "in k8s-monitoring",
        inside(
            "clusterMetrics:\n  kube-state-metrics:\n    customResourceState:\n      config:\n",
            BODY,
            4,
        ),
    ),
    ("as a string in the chart", inside("customResourceState:\n  config: |\n", BODY, 2)),
    (
        "in a ConfigMap",
        inside("kind: ConfigMap\ndata:\n  custom-resource-state.yaml: |\n", BODY, 2),
    ),
    (
        "in a HelmRelease",
        inside(
            "kind: HelmRelease\nspec:\n  values:\n    customResourceState:\n      config:\n",
            BODY,
            4,
        ),
    ),
    (
        "in openmcp's configuration",
        inside("kind: KubeStateMetricsConfig\nspec:\n  customResourceStateConfig:\n", BODY, 2),
    ),
    (
        "as a string in it",
        inside("kind: KubeStateMetricsConfig\nspec:\n  customResourceStateConfig: |\n", BODY, 2),
    ),
    (
        "in an argument",
        inside(
            "kind: Pod\nspec:\n  containers:\n    - args:\n        - |\n",
            f"--custom-resource-state-config=\n{BODY}",
            5,
        ),
    ),
]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in PLACES])
def test_a_document_is_found(text: str) -> None:
    """And its mistakes have the line of the whole text, also within a string."""
    assert [each.name for each in compiled(text).families] == ["kube_customresource_m"]
    broken = text.replace("[spec, TYPO]", "TYPO")
    [found] = [each for each in problems(broken) if not each.warning]
    lines = broken.splitlines()
    assert "TYPO" in lines[found.line - 1]
    assert found.message.startswith("expected a list of keys")


def test_several_are_found_in_their_order() -> None:
    """In one ConfigMap."""
    text = "data:\n" + "".join(
        inside(f"  {name}.yaml: |\n", BODY.replace("Foo", name), 2) for name in ("One", "Two")
    )
    checker = Checker("file")
    [root] = read_yaml(text, checker)
    kinds = [
        read_custom_resource_state(node, checker).resources[0].kind
        for node in find_custom_resource_state(root)
    ]
    assert (kinds, checker.problems) == (["One", "Two"], [])


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "kind: ConfigMap\ndata: {a: b}",
        "customResourceState: {enabled: false, config: {}}",
        "customResourceState: {config: ''}",
        "customResourceState:",
        "kind: Pod\nspec: {containers: [{resources: {limits: {cpu: 1}}}]}",
        "kind: MetricSource\nspec: {source: {kind: Pod}, fields: [{name: a}]}",
    ],
)
def test_what_is_none_is_not_taken_for_one(text: str) -> None:
    """Nor are the empty defaults of the charts."""
    [root] = read_yaml(text, Checker("file"))
    assert find_custom_resource_state(root) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customResourceState: {config: {resources: []}}", "resources must be below spec"),
        ("customResourceState: {config: {spec: {}}}", "resources is missing"),
        ("customResourceState: {config: 'spec: ['}", "invalid YAML"),
        ("customResourceState: {config: '# nothing'}", "got an empty text"),
        ("customResourceState: {config: 'text'}", "expected a map, got 'text'"),
        (f"customResourceState:\n  config: |\n{textwrap.indent(BODY, '    ')}    x: [", "YAML"),
    ],
)
def test_a_place_that_holds_none_is_a_mistake(text: str, message: str) -> None:
    """For its values are configured, and yield nothing."""
    [found] = [each for each in problems(text) if not each.warning]
    assert message in found.message
    assert 1 <= found.line <= len(text.splitlines()) + 1


def test_an_object_of_the_api_has_no_lines() -> None:
    """The path says where the mistake is."""
    checker = Checker("ns/name")
    root = from_json({"data": {"a.yaml": BODY.replace("[spec, TYPO]", "TYPO")}})
    [node] = find_custom_resource_state(root)
    read_custom_resource_state(node, checker)
    [found] = checker.problems
    assert str(found).startswith("ns/name")
    assert found.path == "data.a.yaml.spec.resources[0].metrics[0].each.gauge.path"
