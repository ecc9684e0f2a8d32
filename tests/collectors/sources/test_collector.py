"""Runs with sources: where documents are, what fails, what is kept, and what limits leave out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from support.sources import (
    GADGET,
    METRIC_SOURCE,
    TOKEN,
    WIDGET,
    Site,
    count,
    gauge,
    state_set,
    widget,
)
from support.toy import PodsByNode
from xpjob.collectors.sources.metric_source.fold import ListFolder
from xpjob.collectors.sources.metric_source.source import MetricSource
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import CONFIGMAP, Cluster, Fault

_COUNTED = "clusterpulse_custom_resource_"
OWNED = """
kind: CustomResourceStateMetrics
spec:
  resources:
  - groupVersionKind: {group: example.org, version: v1, kind: Widget}
    metricNamePrefix: owned
    labelsFromPath: {namespace: [spec, ns], name: [spec, app]}
    metrics:
    - name: size
      help: h
      each: {type: Gauge, gauge: {path: [spec, own], valueFrom: [size]}}
"""


def test_documents_of_both_formats_are_counted_from_one_list(site: Site) -> None:
    """Each has its families; a MetricSource has a table, too."""
    site.write("counted", count("widgets"))
    site.write("sized", gauge("size"))
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    asked = [path for path, _ in site.cluster.requests if path.endswith("/widgets")]
    assert asked == ["/apis/example.org/v1/widgets"] * 2  # two pages of one list
    assert site.exposed(_COUNTED) == [f'{_COUNTED}widgets{{source="widgets"}} 6.0']
    assert len(site.exposed("kube_customresource_size{")) == 6
    rows = site.stored()["source.widgets"]
    assert [(row["name"], row["size"]) for row in rows] == [
        *(("w0", 0), ("w2", 2), ("w4", 4)),
        *(("w1", 1), ("w3", 3), ("w5", 5)),
    ]
    assert {name: row["state"] for name, row in site.sources().items()} == {
        "widgets": "ok",
        "sized": "ok",
    }
    assert 'xpjob_source_objects{source="sized"} 6.0' in site.exposed("xpjob_source_objects")


def test_a_tenants_document_counts_only_what_is_its_own(site: Site) -> None:
    """In its namespace, and no cluster-scoped kinds; an admin's counts everything."""
    site.config_map("team-1", "own", count("own"), count("cluster", kind="Gadget"))
    site.config_map("admin", "all", count("all"), count("gadgets", kind="Gadget"))
    site.run_sources(source_admin_namespaces="admin")
    states = {name: (row["state"], row["objects"]) for name, row in site.sources().items()}
    assert states == {
        "team-1/own": ("ok", 3),
        "team-1/cluster": ("noKind", 0),
        "admin/all": ("ok", 6),
        "admin/gadgets": ("ok", 2),
    }
    (message,) = site.sources()["team-1/cluster"]["messages"]
    assert "SOURCE_ADMIN_NAMESPACES" in message


def test_nobody_can_take_a_name_of_another_namespace(site: Site) -> None:
    """Whatever namespace a document names; those of administrators come first."""
    other = count("own").replace("{name: own}", "{name: own, namespace: team-0}")
    site.config_map("team-1", "greedy", other, state_set("clusterpulse_custom_resource_taken"))
    site.config_map("team-0", "own", count("own"))
    site.run_sources()
    states = {name: row["state"] for name, row in site.sources().items()}
    assert states["team-0/own"] == states["team-1/own"] == "ok"


def test_a_tenant_speaks_only_for_its_namespace(site: Site) -> None:
    """It can neither replace series of others nor forge them; its table is its own."""
    site.write("zz", gauge("size"), count("team-1.own"))
    forged = gauge("size").replace("path: [spec, size]", "path: [metadata, no], nilIsZero: true")
    reserved = gauge("clusterpulse_custom_resource_x").replace(
        "      labels", "      metricNamePrefix: ''\n      labels"
    )
    site.config_map("team-1", "a", forged, reserved)
    site.config_map("team-1", "b", count("own"))
    site.run_sources()
    stored = site.stored()
    values = {
        row["labels"]["name"]: row["value"]
        for row in stored["sourceSeries"]
        if row["source"] == "zz"
    }
    assert values == {f"w{n}": float(n) for n in range(6)}
    own = [row for row in stored["sourceSeries"] if row["source"].startswith("team-1/")]
    assert {row["labels"]["namespace"] for row in own} == {"team-1"}
    rows = site.sources()
    assert rows["team-1/a/1.yaml"]["state"] == "invalid"
    assert "that of MetricSources" in rows["team-1/a/1.yaml"]["messages"][0]
    assert rows["team-1/own"]["state"] == "invalid"
    assert len(stored["source.team-1.own"]) == 6


def test_documents_that_are_hostile_cost_only_themselves(site: Site) -> None:
    """Nested without end, with keys that no field can have, with names that are none."""
    site.config_map("team-0", "bomb", "[" * 100_000)
    site.config_map("team-0", "quoted", count("q").replace("path: spec.size", "path: [d, 'a\"b']"))
    site.config_map("team-0", "named", count("x").replace("{name: x}", "{name: '../x'}"))
    site.write("good", count("good"))
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    states = {name: row["state"] for name, row in site.sources().items()}
    assert states == {
        "good": "ok",
        "team-0/bomb": "invalid",
        "team-0/q": "ok",
        "team-0/named": "invalid",
    }


def test_a_source_with_a_bug_costs_only_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is compiled, or while it counts: what it had is kept."""
    site.write("counted", count("widgets"))
    site.write("sized", gauge("size"))
    site.run_sources()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ListFolder, "add", broken)
    result = site.run_sources()
    assert [outcome.success for outcome in result.report.collectors] == [True]
    rows = site.sources()
    assert (rows["widgets"]["state"], rows["sized"]["state"]) == ("stale", "ok")
    assert "internal error (ZeroDivisionError)" in rows["widgets"]["messages"][0]
    assert len(site.exposed(_COUNTED)) == 1
    monkeypatch.setattr(MetricSource, "declare", broken)
    site.run_sources()
    assert site.sources()["counted"]["state"] == "invalid"
    assert site.sources()["sized"]["state"] == "ok"


def test_a_twin_changes_nothing_of_the_source_with_its_name(site: Site) -> None:
    """Neither its limits nor what is kept of it."""
    site.write("a", gauge("size"), count("own"))
    site.write("b", count("own", "other"), count("gadgets", kind="Gadget"))
    site.run_sources(max_series="5")
    assert site.sources()["a"]["leftOut"] == ["kube_customresource_size"]
    site.run_sources()
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/widgets") else None
    site.run_sources()
    row = site.sources()["own"]
    assert (row["state"], row["objects"], len(site.stored()["source.own"])) == ("stale", 6, 6)
    assert [name for name in site.sources() if name.startswith("own (")] != []


def test_what_is_left_out_stays_so_while_a_list_fails(site: Site) -> None:
    """It is not said to be whole."""
    site.write("a", gauge("size"))
    site.write("c", count("gadgets", kind="Gadget"))
    site.run_sources(max_series="5")
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/widgets") else None
    site.run_sources()
    assert site.sources()["a"]["leftOut"] == ["kube_customresource_size"]
    assert 'xpjob_source_truncated{source="a"} 1.0' in site.exposed("xpjob_source_truncated")


def test_a_file_that_cannot_be_read_keeps_its_sources(site: Site) -> None:
    """It may be as it was; one that is removed takes them along."""
    site.write("f", count("own"), count("more"))
    site.write("g", count("gadgets", kind="Gadget"))
    site.run_sources()
    (site.documents / "f.yaml").write_bytes(b"\xff\xfe")
    site.run_sources()
    rows = site.sources()
    assert {name: row["state"] for name, row in rows.items()} == {
        "f": "invalid",
        "own": "stale",
        "more": "stale",
        "gadgets": "ok",
    }
    assert len(site.exposed(_COUNTED)) == 3
    (site.documents / "f.yaml").unlink()
    site.run_sources()
    assert list(site.sources()) == ["gadgets"]


@pytest.mark.parametrize("group", ["clusterpulse.io/v1alpha1", "example.org/v1"])
def test_discovery_that_does_not_answer_is_no_absence(site: Site, group: str) -> None:
    """Neither of the documents nor of the kinds."""
    spec = {
        "source": {"apiVersion": "example.org/v1", "kind": "Widget"},
        "fields": [{"name": "size", "path": "spec.size"}],
        "aggregations": [{"name": "objects", "function": "count"}],
    }
    metadata = {"namespace": "team-0", "name": "own"}
    site.cluster.apply(METRIC_SOURCE, {"metadata": metadata, "spec": spec})
    site.write(
        "g",
        count("gadgets", kind="Gadget"),
        count("pods", kind="Pod").replace("example.org/v1", "v1"),
    )
    site.cluster.aggregated = False
    site.run_sources()
    exposed = site.exposed(_COUNTED)
    assert len(exposed) == 3
    site.cluster.fault = lambda path, _: Fault(503) if path == f"/apis/{group}" else None
    result = site.run_sources()
    assert result.report.partial
    assert site.exposed(_COUNTED) == exposed
    stale = {name for name, row in site.sources().items() if row["state"] == "stale"}
    assert stale == ({"team-0/own"} if "pulse" in group else {"team-0/own", "gadgets"})


def test_many_lists_of_one_namespace_become_one_of_it(site: Site) -> None:
    """A tenant's documents never make a list of the cluster."""
    for number in range(25):
        labels = f"labelSelector: {{matchLabels: {{app: a{number}}}}}"
        text = count(f"s{number}").replace("scope: Namespaced", f"scope: Namespaced, {labels}")
        site.config_map("team-1", f"c{number}", text)
    site.run_sources()
    asked = {path for path, _ in site.cluster.requests if path.endswith("/widgets")}
    assert asked == {"/apis/example.org/v1/namespaces/team-1/widgets"}


def test_a_text_with_a_key_twice_counts_nothing(site: Site) -> None:
    """What is meant is not known."""
    site.write("twice", count("twice") + "metadata: {name: other}\n", count("good"))
    site.write("other", count("other"))
    site.run_sources()
    states = {name: row["state"] for name, row in site.sources().items()}
    assert states == {"twice": "invalid", "other": "ok"}


def test_several_configurations_of_one_text_have_names_of_their_own(site: Site) -> None:
    """As in the values of a chart that has two of them."""
    site.write("values", "a:\n" + _indented(gauge("x")) + "b:\n" + _indented(gauge("y")))
    site.run_sources()
    assert {name: row["state"] for name, row in site.sources().items()} == {
        "values": "ok",
        "values-2": "ok",
    }


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def test_objects_of_kind_metric_source_are_read(site: Site) -> None:
    """Where the API serves them."""
    spec = {
        "source": {"apiVersion": "example.org/v1", "kind": "Widget"},
        "fields": [{"name": "size", "path": "spec.size", "type": "integer"}],
        "aggregations": [{"name": "total", "function": "sum", "field": "size"}],
    }
    metadata = {"namespace": "team-0", "name": "sizes"}
    site.cluster.apply(METRIC_SOURCE, {"metadata": metadata, "spec": spec})
    site.run_sources()
    assert site.exposed(_COUNTED) == [
        f'{_COUNTED}total{{namespace="team-0",source="team-0/sizes"}} 6.0'
    ]
    assert site.sources()["team-0/sizes"]["origin"] == "MetricSource team-0/sizes"
    assert len(site.stored()["source.team-0.sizes"]) == 3


def test_a_source_without_a_name_is_named_as_its_document_is(site: Site) -> None:
    """Its file, here; never with an empty name."""
    site.write("unnamed", count("x").replace("metadata: {name: x}\n", ""))
    site.run_sources()
    assert list(site.sources()) == ["unnamed"]
    assert site.exposed(_COUNTED) == [f'{_COUNTED}x{{source="unnamed"}} 6.0']
    assert len(site.stored()["source.unnamed"]) == 6


def test_a_document_with_mistakes_costs_only_itself(site: Site) -> None:
    """It is a row and a finding with every mistake and its place; the run is complete."""
    site.write("bad", count("bad").replace("path: spec.size", "pth: x"), count("good"))
    site.write("empty", "# nothing\n")
    site.write("other", "kind: Deployment\n")
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    assert result.report.malformed_configs == 3
    rows = site.sources()
    assert rows["good"]["state"] == "ok"
    assert {rows[name]["state"] for name in ("bad", "empty", "other")} == {"invalid"}
    messages = rows["bad"]["messages"]
    assert any(":6:" in text and "pth" in text for text in messages), messages
    assert any("path is missing" in text for text in messages), messages
    found = {item["name"]: item["finding"] for item in site.stored()["findings"]}
    assert found == dict.fromkeys(("bad", "empty", "other"), "SourceInvalid")
    assert 'xpjob_source_success{source="bad"} 0.0' in site.exposed("xpjob_source_success")


def test_no_name_and_no_family_has_two_meanings(site: Site) -> None:
    """The first is kept, and the other says which one that is."""
    site.write("a", count("one"))
    site.write("b", count("one", "other"))
    site.write("c", gauge("size"))
    site.write("d", state_set("size"))
    site.write(
        "e",
        gauge("x")
        .replace("- name: x", "- name: build_info")
        .replace("      labels", "      metricNamePrefix: xpjob\n      labels"),
    )
    site.run_sources()
    rows = site.sources()
    assert len(site.exposed(_COUNTED)) == 1
    stored = site.stored()["sources"]
    invalid = [(row["source"], row["messages"]) for row in stored if row["state"] == "invalid"]
    assert [name.partition(" (")[0] for name, _ in invalid] == ["d", "e", "one"]
    assert "a stateset here, but a gauge in source 'c'" in invalid[0][1][0]
    assert "reserved" in invalid[1][1][0]
    assert "already defined in" in invalid[2][1][0]
    assert rows["c"]["state"] == "ok"


def test_a_family_of_another_collector_is_not_taken(site: Site) -> None:
    """The other collector keeps it, and sources do not fail."""
    text = gauge("pods").replace("      labels", "      metricNamePrefix: toy\n      labels")
    site.write("toy", text)
    site.write("counted", count("widgets"))
    result = site.run_sources(PodsByNode())
    assert [outcome.success for outcome in result.report.collectors] == [True, True]
    assert site.exposed(_COUNTED) != []
    assert not any("customresource" in line for line in site.exposed("toy_pods"))


@pytest.mark.parametrize("mode", ["default", "compat"])
def test_series_that_differ_in_an_empty_label_are_one(site: Site, mode: str) -> None:
    """As they are to Prometheus: the other is an error of the source, not lost without a word."""
    site.write("owned", OWNED)
    specs: dict[str, dict[str, Any]] = {
        "w0": {"ns": "", "own": {"size": 1}},
        "w1": {"own": {"size": 5}},
    }
    for name, spec in specs.items():
        widget = {"metadata": {"namespace": "team-9", "name": name}, "spec": {"app": "x", **spec}}
        site.cluster.apply(WIDGET, widget)
    site.run_sources(state_metrics_mode=mode)
    row = site.sources()["owned"]
    assert (row["state"], row["series"], row["errors"]) == ("errors", 1, 1)
    (exposed,) = site.exposed("owned_size{")
    assert 'name="x",namespace=""' in exposed
    assert exposed.endswith(" 1.0")


def test_a_kind_that_is_not_served_is_no_failure(site: Site) -> None:
    """Its CRD may come later; until then a finding says so."""
    site.write("absent", count("absent", kind="Gizmo"))
    site.write("counted", count("widgets"))
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    row = site.sources()["absent"]
    assert (row["state"], row["lastSuccessAt"]) == ("noKind", "")
    (finding,) = site.stored()["findings"]
    assert finding["finding"] == "SourceKindNotServed"
    assert "example.org/v1/Gizmo" in finding["message"]


def test_an_object_that_is_served_in_two_versions_is_counted_once(tmp_path: Path) -> None:
    """If a MetricSource takes any version: the preferred one is listed."""
    versions = (WIDGET, replace(WIDGET, version="v1beta1"))
    cluster = Cluster(versions, token=TOKEN)
    for kind in versions:
        cluster.apply(kind, widget("team-0", "w0"))
    with Server(create_app(cluster)) as server:
        site = Site(tmp_path, server.url, cluster)
        site.write("any", count("any").replace("example.org/v1", "example.org/*"))
        site.write("each", count("each", kind="'*'").replace("example.org/v1", "example.org/*"))
        site.run_sources()
        assert {name: row["objects"] for name, row in site.sources().items()} == {
            "any": 1,
            "each": 1,
        }
        asked = {path for path, _ in site.cluster.requests if path.endswith("/widgets")}
    assert asked == {"/apis/example.org/v1/widgets"}


def test_a_list_that_fails_keeps_what_its_sources_had(site: Site) -> None:
    """With its age; the others are fresh. When it succeeds again, nothing is left of that."""
    site.write("counted", count("widgets"), count("gadgets", kind="Gadget"))
    site.write("sized", gauge("size"))
    site.run_sources()
    before = site.stored()
    site.cluster.delete(WIDGET, "team-0", "w0")
    site.cluster.delete(GADGET, "", "g0")
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/widgets") else None
    for _ in range(2):
        result = site.run_sources()
        assert (list(result.errors), result.report.partial) == ([], True)
        rows = site.sources()
        for name in ("widgets", "sized"):
            assert rows[name]["state"] == "stale"
            assert rows[name]["carriedSince"] == before["generatedAt"]
            assert "403" in rows[name]["messages"][0]
        assert rows["gadgets"]["state"] == "ok"
        assert site.exposed(_COUNTED) == [
            f'{_COUNTED}gadgets{{source="gadgets"}} 1.0',
            f'{_COUNTED}widgets{{source="widgets"}} 6.0',
        ]
        assert len(site.exposed("kube_customresource_size{")) == 6
        kept = site.stored()["source.widgets"]
        assert {row["carriedSince"] for row in kept} == {before["generatedAt"]}
        assert [row["name"] for row in kept] == [r["name"] for r in before["source.widgets"]]
    site.cluster.fault = lambda _path, _query: None
    site.run_sources()
    assert {row["state"] for row in site.sources().values()} == {"ok"}
    assert len(site.stored()["source.widgets"]) == 5
    assert not any(row["carriedSince"] for row in site.stored()["source.widgets"])


def test_what_failed_for_too_long_is_let_go(site: Site) -> None:
    """A number that old is no longer shown."""
    site.write("counted", count("widgets"), count("gadgets", kind="Gadget"))
    site.run_sources()
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/widgets") else None
    site.run_sources(carry_max_age_seconds="0")
    assert site.sources()["widgets"]["state"] == "stale"
    assert site.stored()["source.widgets"] == []
    assert len(site.exposed(_COUNTED)) == 1


@pytest.mark.parametrize("place", ["configmaps", "metricsources"])
def test_documents_that_cannot_be_read_are_not_gone(site: Site, place: str) -> None:
    """Their sources are kept; those of files are fresh."""
    site.write("counted", count("gadgets", kind="Gadget"))
    site.config_map("team-1", "own", count("own"))
    spec = {
        "source": {"apiVersion": "example.org/v1", "kind": "Widget"},
        "fields": [{"name": "size", "path": "spec.size"}],
        "aggregations": [{"name": "objects", "function": "count"}],
    }
    site.cluster.apply(
        METRIC_SOURCE, {"metadata": {"namespace": "team-0", "name": "own"}, "spec": spec}
    )
    site.run_sources()
    exposed = site.exposed(_COUNTED)
    assert len(exposed) == 3
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith(f"/{place}") else None
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], True)
    assert site.exposed(_COUNTED) == exposed
    stale = [row["source"] for row in site.stored()["sources"] if row["state"] == "stale"]
    assert stale == (["team-1/own"] if place == "configmaps" else ["team-0/own"])
    tables = [table["key"] for table in site.stored()["tables"]]
    assert {"source.team-1.own", "source.team-0.own", "source.gadgets"} <= set(tables)


def test_a_document_that_is_removed_takes_its_series_along(site: Site) -> None:
    """Its table is no longer described either."""
    site.write("counted", count("widgets"), count("more"))
    site.run_sources()
    site.write("counted", count("more"))
    site.run_sources()
    assert list(site.sources()) == ["more"]
    assert "source.widgets" not in site.stored()
    assert [table["key"] for table in site.stored()["tables"]] == [
        *("sources", "sourceSeries", "source.more"),
    ]


def test_a_family_above_the_limit_is_left_out_whole_and_comes_back(site: Site) -> None:
    """Row, finding and metric say so."""
    site.write("sized", gauge("size"))
    site.run_sources(max_series="5")
    row = site.sources()["sized"]
    assert (row["state"], row["leftOut"], row["series"]) == (
        *("truncated", ["kube_customresource_size"], 0),
    )
    assert site.exposed("kube_customresource_size") == []
    assert [item["finding"] for item in site.stored()["findings"]] == ["SourceTruncated"]
    assert site.exposed("xpjob_source_truncated") == ['xpjob_source_truncated{source="sized"} 1.0']
    site.run_sources(max_series="6")
    assert site.sources()["sized"]["state"] == "ok"
    assert len(site.exposed("kube_customresource_size{")) == 6


def test_namespaces_and_labels_select_before_the_limit_of_rows(site: Site) -> None:
    """A wildcard is matched here, a name has a list of its own, labels are the server's."""

    def selecting(name: str, text: str) -> str:
        return count(name).replace("scope: Namespaced", f"scope: Namespaced, {text}")

    site.write("exact", selecting("exact", "namespaces: {include: [team-1]}"))
    wild = "namespaces: {include: ['t*m-?'], exclude: ['*-0']}"
    site.write("wild", selecting("wild", wild))
    labels = "labelSelector: {matchLabels: {app: web}}"
    site.write("labelled", selecting("labelled", labels) + "  collection: {maxResources: 2}\n")
    site.run_sources()
    counts = {name: row["objects"] for name, row in site.sources().items()}
    assert counts == {"exact": 3, "wild": 3, "labelled": 5}
    row = site.sources()["labelled"]
    assert (row["state"], row["rowsLeftOut"]) == ("ok", 3)
    assert len(site.stored()["source.labelled"]) == 2


def test_two_thousand_documents_are_bounded_by_namespace(site: Site) -> None:
    """A hundred of each namespace are read; further ones are refused, not forgotten."""
    for number in range(20):
        texts = [count(f"s{number}x{each}", "same") for each in range(110)]
        site.config_map(f"team-{number}", "many", *texts)
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    states: dict[str, int] = {}
    for row in site.stored()["sources"]:
        states[row["state"]] = states.get(row["state"], 0) + 1
    assert states == {"ok": 2000, "invalid": 200}


def test_hostile_objects_cost_only_themselves(site: Site) -> None:
    """Any type at any place is missing or invalid, and counted."""
    site.write(
        "sized",
        gauge("size"),
    )
    site.write("counted", count("widgets"))
    odd: list[Any] = [None, "x", [1], {"a": 1}, 1e300, "2E6024865272343", True]
    for number, size in enumerate(odd):
        site.cluster.apply(WIDGET, widget("team-9", f"odd{number}", size))
    site.cluster.apply(WIDGET, {"metadata": {"name": "bare", "namespace": "team-9"}, "spec": 3})
    result = site.run_sources()
    assert (list(result.errors), result.report.partial) == ([], False)
    assert site.sources()["widgets"]["objects"] == 6 + len(odd) + 1
    row = site.sources()["sized"]
    assert row["state"] == "errors"
    assert (row["missing"], row["invalid"], row["errors"]) == (2, 2, 0)
    assert json.dumps(site.stored())


def test_configmaps_without_the_label_are_nothing(site: Site) -> None:
    """Whatever they hold."""
    metadata = {"namespace": "team-0", "name": "other"}
    site.cluster.apply(CONFIGMAP, {"metadata": metadata, "data": {"a.yaml": count("widgets")}})
    site.write("counted", count("gadgets", kind="Gadget"))
    site.run_sources()
    assert list(site.sources()) == ["gadgets"]
