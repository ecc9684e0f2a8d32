"""How many documents are read, and how large they may be: of one namespace, and of all."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from support.sources import METRIC_SOURCE, Site, count, labelled
from xpjob.collectors.sources import compile as compiling
from xpjob.collectors.sources.compile import compile_documents
from xpjob.collectors.sources.documents import places
from xpjob.collectors.sources.documents.places import Document
from xpjob.demo.cluster import CONFIGMAP


def _document(name: str, text: str, namespace: str = "") -> Document:
    return Document(name, f"{name}.yaml", "configmap", namespace, text)


def test_a_namespace_has_so_many_sources_however_they_are_cut() -> None:
    """Also where one document has several; others have their own room."""
    many = "---\n".join(count(f"a{number}") for number in range(105))
    documents = [
        _document("many", many, "a"),
        *(_document(f"b{number}", count(f"b{number}"), "b") for number in range(103)),
        _document("file", "---\n".join(count(f"c{number}") for number in range(105))),
    ]
    made = compile_documents(documents, "default")
    found = Counter(each.document.namespace for each in made.compiled)
    assert found == {"a": 100, "b": 100, "": 105}
    assert [each.name for each in made.refused] == ["a/a100", "b100", "b101", "b102"]
    first = str(made.refused[0].problems[0])
    assert first.startswith("many.yaml: there are 100 sources of namespace a already")


def test_a_run_has_so_many_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond them is refused without being looked at."""
    monkeypatch.setattr(compiling, "MAX_SOURCES", 3)
    documents = [_document(f"s{number}", count(f"s{number}")) for number in range(4)]
    documents.append(_document("broken", "a: b: c"))
    made = compile_documents(documents, "default")
    assert len(made.compiled) == 3
    assert [each.name for each in made.refused] == ["s3", "broken"]
    for each in made.refused:
        assert "there are 3 sources already, and no more are counted" in str(each.problems[0])


def test_the_texts_of_a_namespace_are_bounded_together(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that is too large leaves its room to others, and so does a namespace."""
    monkeypatch.setattr(places, "MAX_TEXT", 2000)
    monkeypatch.setattr(places, "MAX_ALL_TEXT", 3000)
    padding = "# " + "x" * 1800 + "\n"
    site.config_map("a", "a1", count("a1"))
    site.config_map("a", "a2", padding + count("a2"))
    site.config_map("a", "a3", count("a3"))
    site.config_map("b", "b1", padding + "kind: x\n")
    site.config_map("c", "c1", padding)
    site.run_sources()
    rows = site.sources()
    assert {name: row["state"] for name, row in rows.items()} == {
        "a/a1": "ok",
        "a/a2": "invalid",
        "a/a3": "ok",
        "b/b1": "invalid",
        "c/c1": "invalid",
    }
    assert "the documents of namespace a are larger than" in rows["a/a2"]["messages"][0]
    assert "neither a MetricSource" in rows["b/b1"]["messages"][0]
    assert "the documents of all namespaces are larger than" in rows["c/c1"]["messages"][0]


def test_an_object_that_is_nested_without_end_costs_itself(site: Site) -> None:
    """Of kind MetricSource, where no text bounds its depth."""
    spec: Any = "x"
    for _ in range(400):
        spec = {"a": [spec]}
    for name, value in (("deep", spec), ("shallow", {"a": "b"})):
        item = {"metadata": {"namespace": "team-0", "name": name}, "spec": value}
        site.cluster.apply(METRIC_SOURCE, item)
    site.config_map("team-1", "own", count("own"))
    result = site.run_sources()
    assert [outcome.success for outcome in result.report.collectors] == [True]
    states = {name: row["state"] for name, row in site.sources().items()}
    assert states == {"team-0/deep": "invalid", "team-0/shallow": "invalid", "team-1/own": "ok"}


def test_a_config_map_that_kubectl_prints_is_read_as_in_the_cluster(site: Site) -> None:
    """In a file, with its label: as that of a tenant, with its name."""
    item = {"kind": "ConfigMap", "apiVersion": "v1", **labelled("team-1", "x", count("own"))}
    site.documents.joinpath("map.json").write_text(json.dumps({"kind": "List", "items": [item]}))
    site.cluster.apply(CONFIGMAP, labelled("team-0", "y", count("other")))
    site.run_sources()
    found = {name: (row["objects"], row["namespace"]) for name, row in site.sources().items()}
    assert found == {"team-1/own": (3, "team-1"), "team-0/other": (3, "team-0")}
