"""Documents become MetricSources, and what cannot be said is a comment."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.state_metrics import Samples, one_metric, read
from xpjob.collectors.sources.documents.metric_source import read_metric_source
from xpjob.collectors.sources.metric_source.spec import MetricSourceSpec
from xpjob.collectors.sources.state_metrics.convert import convert
from xpjob.config.located import Checker
from xpjob.config.yaml_documents import read_yaml

FILES = Path(__file__).parent / "files"


def converted(text: str) -> tuple[str, list[MetricSourceSpec]]:
    """Return the output, and what it is read as, without a mistake."""
    output = convert(read(text), "My file.yaml")[0]
    checker = Checker("converted")
    specs = [read_metric_source(node, checker) for node in read_yaml(output, checker)]
    assert [str(each) for each in checker.problems if not each.warning] == []
    return output, [spec for spec in specs if spec]


def of_one(each: dict[str, Any], **more: Any) -> tuple[str, MetricSourceSpec]:
    """Return what becomes of a document with one metric."""
    output, [spec] = converted(json.dumps(one_metric(each, **more)))
    return output, spec


def test_the_example_of_flux_becomes_a_source_for_each_kind() -> None:
    """With its labels as fields."""
    _, specs = converted((FILES / "flux.yaml").read_text())
    assert len({spec.name for spec in specs}) == len(specs) == 13
    assert (specs[0].target.group, specs[0].target.kind) == (
        "kustomize.toolkit.fluxcd.io",
        "Kustomization",
    )
    assert {"name", "ready", "suspended", "revision"} <= set(specs[0].types)
    [aggregation] = specs[0].aggregations
    assert (aggregation.name, aggregation.function) == ("gotk_resource_info", "count")
    assert aggregation.group_by == "name"


def test_cluster_api_is_converted_but_for_its_lists() -> None:
    """Conditions and owner references are several of each object."""
    output, [cluster, machine] = converted((FILES / "cluster-api.yaml").read_text())
    made = {each.name: (each.function, each.group_by) for each in cluster.aggregations}
    assert made == {
        "capi_cluster_info": ("count", "name"),
        "capi_cluster_created": ("sum", "name"),
        "capi_cluster_annotation_paused": ("count", "name"),
        "capi_cluster_status_phase": ("count", "capi_cluster_status_phase"),
        "capi_cluster_owner": ("count", "name"),
    }
    assert cluster.types["capi_cluster_created"].name == "auto"
    assert "cannot be said: the value: it has labels of each element of status.conditions" in output
    assert "cannot be said: owner_kind: ownerReferences is a list" in output
    assert set(machine.types) == {"name", "namespace", "node_name", "node_uid"}


@pytest.mark.parametrize(
    ("each", "more", "reason"),
    [
        ({"type": "Gauge", "gauge": {"labelFromKey": "k"}}, {}, "labelFromKey k: keys of a map"),
        ({"type": "Gauge", "gauge": {"path": ["a", "k=v"]}}, {}, "m: k=v compares the value"),
        ({"type": "Gauge", "gauge": {"path": ["a", ""]}}, {}, "m: an empty key"),
        ({"type": "Gauge", "gauge": {}}, {}, "m: it is the whole object"),
        ({"type": "Gauge", "gauge": {"path": ["a", "[x=y]"]}}, {}, "the value: a.[x=y] is a map"),
        ({"type": "Gauge", "gauge": {"path": ["a"] * 40}}, {}, "m: a path has at most 32 steps"),
        (
            {"type": "Info", "info": {"labelsFromPath": {"*": ["metadata", "labels"]}}},
            {},
            "each.labelsFromPath '*': a MetricSource names each field",
        ),
        (
            {"type": "Gauge", "gauge": {"path": ["a"]}},
            {"commonLabels": {"team": "x"}},
            "label team: a MetricSource has no constant labels",
        ),
    ],
)
def test_what_cannot_be_said_is_a_comment(
    each: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    """With the reason."""
    output, _ = of_one(each, **more)
    assert f"# cannot be said: {reason}" in output


def test_values_keep_path_type_and_default() -> None:
    """A gauge is a sum, and nilIsZero a default."""
    each = {
        "type": "Gauge",
        "gauge": {"path": ["status", "[type=Ready]"], "valueFrom": ["a/b"], "nilIsZero": True},
    }
    output, spec = of_one(each)
    field = next(field for field in spec.fields if field.name == "m")
    assert (field.path.source, field.type.name, field.default) == (
        "[status, [type=Ready], a/b]",
        "auto",
        0,
    )
    assert [(each.function, each.field, each.group_by) for each in spec.aggregations] == [
        ("sum", "m", "name")
    ]
    assert "null stays null" in output
    assert "objects of one name in several namespaces are one series" in output


@pytest.mark.parametrize("seed", range(20))
def test_any_document_is_converted(seed: int) -> None:
    """Into one that is valid, in which each metric is an aggregation or a comment."""
    samples = Samples(Random(seed))
    for _ in range(10):
        config, _ = samples.question()
        document = read(json.dumps(config), "compat")
        output = convert(document, "x")[0]
        checker = Checker("converted")
        specs = [read_metric_source(node, checker) for node in read_yaml(output, checker)]
        assert [str(each) for each in checker.problems if not each.warning] == []
        for resource, spec in zip(document.resources, specs, strict=True):
            metrics = len(resource.metrics)
            assert spec is not None
            assert len(spec.aggregations) + output.count("cannot be said") >= metrics
