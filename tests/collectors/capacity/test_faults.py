"""A list that fails: the section is kept as it was, marked with its age; half a list is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.capacity import POD, container, pod
from support.capacity_cluster import CapacityCluster, capacity_cluster
from support.toy import PodsByNode
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Plan, Section, World
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.demo.cluster import Fault
from xpjob.run import job
from xpjob.terminal.progress import Silent

TABLES = ("nodes", "nodeGroups", "namespaces", "pending", "capacity")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CapacityCluster]:
    """A cluster after one run, in which a pod has come since."""
    with capacity_cluster(tmp_path) as made:
        assert made.run().report.success
        made.cluster.apply(POD, pod("late", "node-0", container("1")))
        yield made


def stored(site: CapacityCluster) -> dict[str, Any]:
    """Return the stored snapshot."""
    document: dict[str, Any] = json.loads((site.store / "snapshot.json").read_bytes())
    return document


class Fresh(PodsByNode):
    """Another collector, which lists nothing and has no rows."""

    name = "other"

    def plan(self, world: World) -> Plan:
        """Want nothing."""
        return Plan()

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Have no rows."""
        return Section({"nodePods": []})


def break_list(site: CapacityCluster, resource: str, fault: Fault, page: int = 1) -> None:
    """Let a page of a list fail from now on."""
    asked = 0

    def answer(path: str, query: dict[str, str]) -> Fault | None:
        nonlocal asked
        if path != f"/api/v1/{resource}":
            return None
        asked = asked + 1 if query.get("continue") else 1
        return fault if asked == page else None

    site.cluster.fault = answer


FAULTS = {
    "403": (Fault(403), 1),
    "404": (Fault(404), 1),
    "500": (Fault(500), 1),
    "503": (Fault(503), 1),
    "second page 403": (Fault(403), 2),
    "second page 410": (Fault(410), 2),
    "connection dropped": (Fault(200, b'{"items": [', cut=True), 1),
    "an HTML page": (Fault(200, b"<html>"), 1),
    "another document": (Fault(200, b'{"kind": "Status"}'), 1),
    "half a document": (Fault(200, b'{"items": [{"metadata": {"name":'), 2),
    "an empty answer": (Fault(200), 1),
}


@pytest.mark.parametrize("resource", ["pods", "nodes"])
@pytest.mark.parametrize("name", FAULTS)
def test_the_section_is_kept_with_its_age(site: CapacityCluster, name: str, resource: str) -> None:
    """Rows, state and metrics; the other collector is fresh."""
    before = stored(site)
    fault, page = FAULTS[name]
    break_list(site, resource, fault, page)
    result = job.run(site.config(page_size="2"), (CapacityCollector(), Fresh()), Silent())
    assert (result.report.success, result.report.partial) == (True, True)
    after = stored(site)
    for key in TABLES:
        assert after[key] == before[key], key
    own, known = (
        [table for table in document["metrics"] if table["collector"] == "capacity"]
        for document in (after, before)
    )
    assert own == known
    (outcome,) = [each for each in after["collectors"] if each["collector"] == "capacity"]
    assert outcome["carriedSince"] == before["generatedAt"]
    assert (outcome["success"], outcome["step"]) == (False, "list")
    assert after["generatedAt"] > before["generatedAt"]
    site.cluster.fault = lambda _path, _query: None
    assert site.run().report.partial is False
    row = next(row for row in stored(site)["nodes"] if row["node"] == "node-0")
    assert row["pods"] == next(r for r in before["nodes"] if r["node"] == "node-0")["pods"] + 1


def test_a_list_of_namespaces_that_fails_keeps_the_section(site: CapacityCluster) -> None:
    """Teams would be missing else."""
    assert site.run(namespace_team_key="example.org/team").report.success
    before = stored(site)
    break_list(site, "namespaces", Fault(403))
    site.run(namespace_team_key="example.org/team")
    assert stored(site)["namespaces"] == before["namespaces"]


def test_without_rights_on_nodes_there_is_nothing(tmp_path: Path) -> None:
    """The exit code is that of refused rights, and the message says what to grant."""
    with capacity_cluster(tmp_path) as site:
        break_list(site, "nodes", Fault(403))
        result = site.run()
        (outcome,) = result.report.collectors
        assert "GET /api/v1/nodes" in outcome.error
        assert "grant get and list on it" in outcome.error
        assert not (site.store / "snapshot.json").exists()


def test_a_cluster_without_pods(tmp_path: Path) -> None:
    """Its nodes are empty."""
    with capacity_cluster(tmp_path) as site:
        for item in site.cluster.objects(POD):
            site.cluster.delete(POD, item["metadata"]["namespace"], item["metadata"]["name"])
        assert site.run().report.success
        found = stored(site)
        assert len(found["nodes"]) == 7
        assert {row["pods"] for row in found["nodes"]} == {0}
        assert (found["namespaces"], found["pending"]) == ([], [])


def test_a_server_without_a_version_gets_the_newest_rules(site: CapacityCluster) -> None:
    """The run succeeds."""
    site.cluster.fault = lambda path, _: Fault(403) if path == "/version" else None
    assert site.run().report.success
    assert (stored(site)["capacity"]["rules"], stored(site)["capacity"]["serverVersion"]) == (
        "C",
        "",
    )
