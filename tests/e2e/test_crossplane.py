"""Crossplane itself writes what the end-to-end tests read: definitions, links, conditions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from harness.cluster import Cluster
from harness.crossplane import MANIFESTS, Crossplane
from harness.job import run, xpjob
from harness.processes import wait_until
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.reader.app import create_app
from xpjob.store.open import open_reader_store

TEAM = "team-a"
SHOP = "team-b"


class Seen(NamedTuple):
    """What came of two runs: the snapshot, the exposition, a reader, and where it is kept."""

    snapshot: dict[str, Any]
    exposition: str
    reader: TestClient
    directory: Path


@pytest.fixture(scope="module")
def samples(crossplane: Crossplane) -> Crossplane:
    """Crossplane with the sample claims and composites before it."""
    crossplane.cluster.apply(MANIFESTS / "samples")
    return crossplane


def condition(item: dict[str, Any], kind: str) -> tuple[str, str] | None:
    """Status and reason of a condition, or None where it is absent."""
    for each in item.get("status", {}).get("conditions", []):
        if each["type"] == kind:
            return each["status"], each["reason"]
    return None


def resources(cluster: Cluster, category: str) -> set[str]:
    """The kinds of a category, as kubectl finds them."""
    return set(
        cluster.kubectl("api-resources", f"--categories={category}", "--output=name").split()
    )


def test_definitions_become_kinds(crossplane: Crossplane) -> None:
    """Crossplane makes CRDs of its definitions, of both generations, with their categories."""
    cluster = crossplane.cluster
    assert resources(cluster, "claim") >= {"databases.platform.example.org"}
    assert resources(cluster, "composite") >= {
        "apps.platform.example.org",
        "xdatabases.platform.example.org",
    }
    assert resources(cluster, "managed") >= {
        "buckets.cloud.example.org",
        "buckets.cloud.m.example.org",
    }
    owner = cluster.get("customresourcedefinition", "databases.platform.example.org")
    assert owner["metadata"]["ownerReferences"][0]["kind"] == "CompositeResourceDefinition"


def test_a_claim_is_bound(samples: Crossplane) -> None:
    """A claim and its composite refer to each other, and managed resources to both."""
    claim = samples.wait_for_condition("database", "orders", "Ready=True", TEAM)
    composite = samples.cluster.get("xdatabase", claim["spec"]["resourceRef"]["name"])
    assert composite["spec"]["claimRef"]["name"] == "orders"
    assert composite["spec"]["compositionRef"] == {"name": "databases-standard"}
    assert composite["metadata"]["labels"]["team"] == "payments"
    assert len(composite["spec"]["resourceRefs"]) == 2
    for reference in composite["spec"]["resourceRefs"]:
        bucket = samples.cluster.get("buckets.cloud.example.org", reference["name"])
        assert bucket["metadata"]["labels"]["crossplane.io/claim-name"] == "orders"
        assert bucket["metadata"]["ownerReferences"][0]["uid"] == composite["metadata"]["uid"]


def test_readiness_reaches_the_claim(samples: Crossplane) -> None:
    """A claim becomes ready when its managed resources do, and not ready when they are no more."""
    cluster = samples.cluster
    samples.wait_for_condition("database", "waiting", "Ready=False", TEAM)
    for outcome, status in (("Ready", "True"), ("Waiting", "False")):
        patch = f'{{"spec": {{"parameters": {{"outcome": "{outcome}"}}}}}}'
        change = ("patch", "database", "waiting", f"--namespace={TEAM}", "--type=merge")
        cluster.kubectl(*change, f"--patch={patch}")
        claim = samples.wait_for_condition("database", "waiting", f"Ready={status}", TEAM)
    assert condition(claim, "Ready") == ("False", "Waiting")
    assert claim["spec"]["compositionRef"] == {"name": "databases-large"}


def test_failures_are_told_apart(samples: Crossplane) -> None:
    """A failing provider shows at the managed resource, a failing function at the composite."""
    labels = ("--selector=crossplane.io/claim-name=failing", "--for=condition=Synced=False")
    samples.wait_for_condition("database", "failing", "Ready=False", TEAM)
    samples.cluster.kubectl("wait", "buckets.cloud.example.org", *labels, "--timeout=60s")
    claim = samples.wait_for_condition("database", "broken", "Ready=False", TEAM)
    composite = samples.wait_for_condition(
        "xdatabase", claim["spec"]["resourceRef"]["name"], "Synced=False"
    )
    assert condition(composite, "Synced") == ("False", "ReconcileError")
    assert condition(composite, "Ready") is None


def test_a_namespaced_composite(samples: Crossplane) -> None:
    """A composite of the newer generation has its links under spec.crossplane."""
    app = samples.wait_for_condition("app", "web", "Ready=True", SHOP)
    links = app["spec"]["crossplane"]
    assert links["compositionRef"] == {"name": "apps-standard"}
    names = {reference["name"] for reference in links["resourceRefs"]}
    buckets = samples.cluster.get(
        "buckets.cloud.m.example.org",
        f"--namespace={SHOP}",
        "--selector=crossplane.io/composite=web",
    )
    assert {item["metadata"]["name"] for item in buckets["items"]} == names
    worker = samples.wait_for_condition("app", "worker", "Ready=False", SHOP)
    assert condition(worker, "Ready") == ("False", "Creating")


def test_a_deleted_claim_takes_its_composite_along(samples: Crossplane) -> None:
    """A claim that is deleted is gone only after its composite."""
    cluster = samples.cluster
    claim = samples.wait_for_condition("database", "failing", "Ready=False", TEAM)
    composite = claim["spec"]["resourceRef"]["name"]
    cluster.kubectl("delete", "database", "failing", f"--namespace={TEAM}", "--timeout=60s")
    cluster.kubectl("wait", "--for=delete", "--timeout=60s", "xdatabase", composite)


def test_xpjob_reads_what_crossplane_wrote(samples: Crossplane, tmp_path: Path) -> None:
    """Owners, compositions, links and states of both generations, with nothing configured."""
    cluster = samples.cluster
    samples.wait_for_condition("database", "orders", "Ready=True", TEAM)
    samples.wait_for_condition("database", "broken", "Ready=False", TEAM)
    samples.wait_for_condition("app", "web", "Ready=True", SHOP)
    samples.wait_for_condition("xdatabase", "shared", "Ready=True")
    finished = run(cluster.kubeconfig, tmp_path)
    assert finished.code == 0, finished.events
    assert finished.snapshot is not None
    claims = {r["name"]: r for r in finished.snapshot["claims"] if r["kind"] == "Database"}
    xrs = {
        r["name"]: r for r in finished.snapshot["xrs"] if r["group"] == claims["orders"]["group"]
    }

    orders = claims["orders"]
    assert (orders["ready"], orders["reason"], orders["synced"]) == (True, "Available", True)
    assert (orders["creator"], orders["team"]) == ("alice", "payments")
    assert orders["composition"] == "databases-standard"
    assert orders["compositionRevision"].startswith("databases-standard-")
    assert claims["waiting"]["composition"] == "databases-large"
    xr = xrs[orders["xr"]["name"]]
    assert (xr["claim"]["namespace"], xr["claim"]["name"]) == (TEAM, "orders")

    broken = claims["broken"]
    assert (broken["readyStatus"], broken["reason"]) == ("False", "Waiting")
    cause = xrs[broken["xr"]["name"]]
    assert (cause["readyStatus"], cause["syncedReason"]) == ("", "ReconcileError")

    assert (xrs["web"]["namespace"], xrs["web"]["ready"]) == (SHOP, True)
    assert xrs["web"]["composition"] == "apps-standard"
    assert xrs["web"]["claim"] is None
    assert (xrs["shared"]["namespace"], xrs["shared"]["claim"]) == ("", None)

    mrs = finished.snapshot["mrs"]
    of_orders = [mr for mr in mrs if mr["claim"] and mr["claim"]["name"] == "orders"]
    assert len(of_orders) == 2
    for mr in of_orders:
        assert mr["parentUid"] == xr["uid"]
        assert mr["root"]["name"] == mr["parent"]["name"] == mr["compositeName"] == xr["name"]
        assert (mr["team"], mr["creator"]) == ("payments", "alice")
        assert (mr["composition"], mr["ready"]) == ("databases-standard", True)
        assert mr["externalName"]
    of_web = [mr for mr in mrs if mr["parentUid"] == xrs["web"]["uid"]]
    assert of_web
    assert {mr["namespace"] for mr in of_web} == {SHOP}


@pytest.fixture(scope="module")
def seen(samples: Crossplane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Two runs over trees, standalone, paused and stuck objects, and a reader of what they saw."""
    cluster = samples.cluster
    samples.wait_for_condition("database", "orders", "Ready=True", TEAM)
    samples.wait_for_condition("app", "suite", "Ready=False", SHOP)
    samples.wait_for_condition("buckets.cloud.example.org", "standalone", "Ready=True")
    samples.wait_for_condition("buckets.cloud.example.org", "paused", "Synced=False")
    nested = "--selector=crossplane.io/composite=suite"
    cluster.kubectl("wait", "apps", nested, f"--namespace={SHOP}", "--for=create", "--timeout=60s")
    cluster.kubectl("delete", "buckets.cloud.example.org", "stuck", "--wait=false")
    directory = tmp_path_factory.mktemp("seen")
    prom = directory / "xpjob.prom"
    for _ in range(2):  # a finding is confirmed by a second run
        finished = run(
            cluster.kubeconfig,
            directory,
            PUBLISH=f"textfile:{prom}",
            STUCK_DELETION_SECONDS="0.001",
        )
        assert finished.code == 0, finished.events
    assert finished.snapshot is not None
    settings = load({"store_backend": "directory", "store_dir": str(directory)}, {}, GROUPS)
    app = create_app(open_reader_store(settings), settings, COLLECTORS, EXTENSIONS)
    with TestClient(app, "http://localhost") as reader:
        wait_until("the snapshot is loaded", lambda: reader.get("/readyz").status_code == 200)
        yield Seen(finished.snapshot, prom.read_text(), reader, directory)


def test_every_kind_of_tree_is_in_the_snapshot(seen: Seen) -> None:
    """v1 with a claim, v2 without, nested, and MRs that belong to nothing."""
    mrs = {mr["name"]: mr for mr in seen.snapshot["mrs"]}
    xrs = {xr["name"]: xr for xr in seen.snapshot["xrs"]}
    (inner,) = [xr for xr in xrs.values() if xr["root"] and xr["root"]["name"] == "suite"]
    assert inner["parent"] == {
        "group": "platform.example.org",
        "kind": "App",
        "namespace": SHOP,
        "name": "suite",
    }
    assert (inner["team"], inner["creator"]) == ("shop", "carol")
    (leaf,) = [mr for mr in mrs.values() if mr["parentUid"] == inner["uid"]]
    assert (leaf["root"]["name"], leaf["parent"]["name"]) == ("suite", inner["name"])
    assert (leaf["team"], leaf["ready"]) == ("shop", False)
    alone = mrs["standalone"]
    assert (alone["parent"], alone["root"], alone["claim"]) == (None, None, None)
    assert (alone["team"], alone["ready"]) == ("ops", True)
    assert (mrs["paused"]["paused"], mrs["paused"]["syncedReason"]) == (True, "ReconcilePaused")
    assert mrs["paused"]["pausedSince"] == mrs["paused"]["syncedSince"]
    stuck = mrs["stuck"]
    assert (stuck["deleting"], stuck["deletingSince"]) == (True, stuck["deletedAt"])
    assert xrs["suite"]["missing"] == xrs["web"]["missing"] == []
    found = {(f["finding"], f["name"]) for f in seen.snapshot["findings"] if f["confirmed"]}
    assert ("StuckDeletion", "stuck") in found
    # What the claim that another test deletes has left behind is without an owner for a while.
    rest = {(kind, name) for kind, name in found if not name.startswith("failing-")}
    assert not {kind for kind, _ in rest} & {"MissingReference", "OwnerGone"}


def test_every_kind_of_tree_is_in_the_metrics(seen: Seen) -> None:
    """By state and by team, and the platform's own definitions with them."""
    samples_of = {
        family.name: [
            (s.labels, s.value) for s in family.samples if s.labels.get("group", "") != ""
        ]
        for family in text_string_to_metric_families(seen.exposition)
    }

    def total(family: str, **labels: str) -> float:
        return sum(v for given, v in samples_of[family] if labels.items() <= given.items())

    bucket = {"class": "managed", "group": "cloud.example.org", "kind": "Bucket"}
    assert total("crossplane_mr_total", namespace=SHOP, team="shop") >= 5
    assert total("crossplane_mr_total", group="cloud.example.org", team="ops") == 1
    assert total("crossplane_resources_by_state", paused="true", **bucket) == 1
    assert total("crossplane_resources_by_state", deleting="true", **bucket) == 1
    assert total("crossplane_oldest_deleting_seconds", **bucket) > 0
    assert total("crossplane_findings", finding="StuckDeletion") >= 1
    part = {"name": "apps.platform.example.org", "condition": "Established"}
    assert total("crossplane_platform_condition", **part) == 1
    offered = {"name": "xdatabases.platform.example.org", "condition": "Offered"}
    assert total("crossplane_platform_condition", **offered) == 1


def test_every_kind_of_tree_is_in_the_reader(seen: Seen) -> None:
    """With what blocks it, from the root down."""
    asked = {"kind": "App", "namespace": SHOP, "name": "suite"}
    found = seen.reader.get("/bookkeeping/tree", params=asked).json()
    assert [(node["kind"], node["depth"]) for node in found["nodes"]] == [
        ("App", 0), ("App", 1), ("Bucket", 2), ("Bucket", 1),
    ]  # fmt: skip
    assert {node["kind"] for node in found["nodes"] if node["blocks"]} == {"Bucket"}
    asked = {"kind": "Database", "namespace": TEAM, "name": "orders"}
    found = seen.reader.get("/bookkeeping/tree", params=asked).json()
    assert [node["class"] for node in found["nodes"]] == [
        "claim", "composite", "managed", "managed",
    ]  # fmt: skip
    names = {mr["name"]: mr for mr in seen.reader.get("/bookkeeping?class=managed").json()["mrs"]}
    assert (names["paused"]["paused"], names["stuck"]["deleting"]) == (True, True)


def test_explain_says_what_is_in_the_way(seen: Seen) -> None:
    """For a nested tree, a standalone, a paused and a stuck object."""
    store = {"STORE_BACKEND": "directory", "STORE_DIR": str(seen.directory)}

    def explained(target: str) -> str:
        done = xpjob("explain", target, **store)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert explained(f"app/{SHOP}/suite").count("Bucket") >= 2
    assert "paused" in explained("buckets.cloud.example.org/paused")
    assert "delet" in explained("buckets.cloud.example.org/stuck")
    assert "standalone" in explained("buckets.cloud.example.org/standalone")
    assert "ReconcileError" in explained(f"database/{TEAM}/broken")
