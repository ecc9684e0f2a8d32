"""The documented sixteen questions, asked where it says, over a platform with all troubles."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.collectors import CROSSPLANE
from support.docs_pages import section
from support.processes import POOL, prometheus, pushgateway, scraping
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    KINDS,
    NOP,
    REVISION,
    TOKEN,
    claim,
    condition,
    fill,
    managed,
    modern_xr,
    owner,
    revision,
)
from xpjob.base.times import now, rfc3339
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.kube.discovery import Kind
from xpjob.reader.app import create_app as create_reader
from xpjob.run import job
from xpjob.store.open import open_reader_store
from xpjob.terminal.progress import Silent

PROVIDER = Kind("pkg.crossplane.io", "v1", "providers", "Provider", False)
EMPTY = Kind("sns.aws.m.upbound.io", "v1", "topics", "Topic", True, frozenset({"managed"}))
ASLEEP = Kind("sqs.aws.m.upbound.io", "v1", "queues", "Queue", True)


def trouble(cluster: Cluster) -> None:
    """Add one object for each thing that can be wrong."""
    broken = condition("Healthy", "False", "UnhealthyPackageRevision")
    named = {"metadata": {"name": "provider-aws-s3"}, "status": {"conditions": [broken]}}
    cluster.apply(PROVIDER, named)
    cluster.apply(REVISION, revision("s3-2", "provider-aws-s3", BUCKET, ASLEEP, EMPTY))
    cluster.apply(NOP, managed("paused", annotations={"crossplane.io/paused": "true"}))
    stuck = managed("stuck")
    stuck["metadata"]["deletionTimestamp"] = "2026-08-21T10:00:00Z"
    cluster.apply(NOP, stuck)
    for name in ("one", "two"):
        cluster.apply(NOP, managed(name, annotations={"crossplane.io/external-name": "same"}))
    drifting = modern_xr("drifting", "team-a")
    drifting["metadata"]["generation"] = 3
    synced = condition("Synced", "False", "ReconcileError", "cannot compose")
    drifting["status"]["conditions"] = [
        {**synced, "observedGeneration": 2},
        condition("Ready", "True", "Available"),
        condition("Responsive", "False", "WatchCircuitOpen"),
    ]
    reference = {"apiVersion": f"{BUCKET.group}/{BUCKET.version}", "kind": "Bucket", "name": "gone"}
    drifting["spec"]["crossplane"]["resourceRefs"] = [reference]
    cluster.apply(APP, drifting)
    bucket = managed("slow", "team-a", owned_by=owner(APP, drifting), ready=False)
    cluster.apply(BUCKET, bucket)


class Place:
    """A Prometheus, a reader and a store that have seen two runs."""

    def __init__(self, url: str, reader: str, directory: Path) -> None:
        self._url, self._reader, self._directory = url, reader, directory

    def answer(self, question: str) -> Any:
        """Ask as the documentation does; return what came, in a form that can be compared."""
        if question.startswith("curl "):
            url = shlex.split(question)[2].replace("localhost:8080", self._reader)
            return json.loads(POOL.request("GET", f"http://{url}").data)
        if question.startswith("xpjob "):
            store = ["--store-backend", "directory", "--store-dir", str(self._directory)]
            command = [sys.executable, "-m", *shlex.split(question), *store]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = POOL.request("GET", f"{self._url}/api/v1/query", fields={"query": question})
        document = json.loads(found.data)
        assert document["status"] == "success", document
        return {
            tuple(
                value for name, value in sorted(item["metric"].items()) if not name.startswith("__")
            ): float(item["value"][1])
            for item in document["data"]["result"]
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two runs over the troubled platform; between them an object gets ready."""
    path = tmp_path_factory.mktemp("questions")
    cluster = Cluster((*KINDS, PROVIDER, EMPTY), token=TOKEN)
    fill(cluster)
    trouble(cluster)
    soon = claim("soon", "team-b", ready=False)
    soon["metadata"]["creationTimestamp"] = rfc3339(now())
    cluster.apply(CLAIM, soon)
    with pushgateway(path) as gateway, Server(create_app(cluster)) as server:
        given = {
            "kubeconfig": str(write_kubeconfig(path / "k", server.url, TOKEN)),
            "creator_annotation_key": "example.org/creator",
            "team_annotation_key": "example.org/team",
            "pushgateway_url": gateway,
            "store_backend": "directory",
            "store_dir": str(path / "store"),
        }
        config = load(given, {}, GROUPS)
        assert job.run(config, CROSSPLANE, Silent()).errors == []
        ready = claim("soon", "team-b")
        ready["metadata"]["creationTimestamp"] = soon["metadata"]["creationTimestamp"]
        cluster.apply(CLAIM, ready)
        assert job.run(config, CROSSPLANE, Silent()).errors == []
        serving = load(given, {}, GROUPS)
        app = create_reader(open_reader_store(serving), serving, COLLECTORS, EXTENSIONS)
        app.state.snapshots.refresh()
        with prometheus(path, **scraping(gateway)) as url, Server(app) as reading:
            made = Place(url, reading.url.removeprefix("http://"), path / "store")
            deadline = time.monotonic() + 30
            while not made.answer("crossplane_claims_total"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            yield made


def names(document: dict[str, Any]) -> set[str]:
    """Return the names of all records of an answer."""
    return {item["name"] for of in ("claims", "xrs", "mrs") for item in document[of]}


def groups(document: dict[str, Any], *by: str) -> set[tuple[Any, ...]]:
    """Return the groups of a summary, each with its total."""
    return {(*(group[key] for key in by), group["total"]) for group in document["groups"]}


def rows() -> list[tuple[str, str, str]]:
    """Return number, question and answer of each row."""
    text = section("crossplane", "## Sixteen questions")
    return re.findall(r"^\| (\d+) \| ([^|]+) \| `([^`]+)` \|$", text, re.MULTILINE)


ROWS = {question: answer for _, question, answer in rows()}


def check(question: str, found: Any) -> None:
    """Hold what came against what the platform has."""
    match question:
        case "What is not ready right now, and why?":
            assert {"db-1", "db-4", "web", "slow"} <= names(found)
            assert {item["reason"] for item in found["claims"]} == {"Waiting"}
        case "What is not synced, and why?":
            assert [xr["syncedReason"] for xr in found["xrs"]] == ["ReconcileError"]
        case "What has not been ready for over half an hour?":
            assert {"db-1", "db-4"} <= names(found)
            assert all(item["notReadySince"] for item in found["claims"])
        case "Who owns what is not ready?":
            assert ("a", "team-a", 1) in groups(found, "team", "namespace")
        case "Did failures start with a new revision of a composition?":
            assert found[("apps.aws",)] == 1
        case (
            "How many MRs are in each combination of Ready and Synced, missing conditions included?"
        ):
            assert found[("False", "True")] == 3
        case "And the MRs of one claim?":
            assert "db-0-x7k2p-nop" in found
        case "What is paused, and for how long?":
            assert set(found) == {("managed", "NopResource")}
        case "What is ready, although its latest state is not applied?":
            assert names(found) == {"drifting"}
        case "How long does it take to get ready?":
            assert set(found) == {("PostgreSQLInstance",)}
        case "What is being deleted, and since when?":
            assert [mr["deletingSince"] for mr in found["mrs"]] == ["2026-08-21T10:00:00Z"]
        case "Which deletions are stuck?":
            assert found == {("managed", "NopResource"): 1}
        case "Which external names are used twice?":
            assert found == {("NopResource",): 1}
        case "Where do parent and child disagree, which references dangle, which owners are gone?":
            assert found[("ChildNotReady", "App")] == 1
            assert found[("MissingReference", "App")] == 1
            assert found[("ParentNotReady", "PostgreSQLInstance")] == 2
        case "Which provider config do failing MRs share?":
            key = ("provider", "providerConfig")
            assert ("provider-nop", "default", 2) in groups(found, *key)
        case "Has the controller seen the latest spec?":
            assert found == {("composite", "App"): 1}
        case "How many are there, by kind and team?":
            assert ("claim", "PostgreSQLInstance", "b", 2) in groups(found, "class", "kind", "team")
        case "Which installed kinds are unused?":
            assert [labels for labels in found if "topics" in labels]
        case "How many kinds are not activated?":
            assert found == {("provider-aws-s3",): 1}
        case "Is the platform itself healthy?":
            assert {labels[0] for labels in found} == {"Healthy", "Installed"}
        case "Whose circuit breaker is open?":
            assert found == {("App", "WatchCircuitOpen"): 1}
        case "Do all these series stay within bounds?":
            assert len(found) == 1
        case _:
            raise AssertionError(f"nobody checks the answer to {question!r}")


@pytest.mark.parametrize("question", ROWS)
def test_the_answer_is_right(place: Place, question: str) -> None:
    """From the place that the documentation names."""
    check(question, place.answer(ROWS[question]))


def test_there_are_sixteen() -> None:
    """None is left out."""
    assert {int(number) for number, _, _ in rows()} == set(range(1, 17))
