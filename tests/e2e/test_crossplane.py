"""Crossplane itself writes what the end-to-end tests read: definitions, links, conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.cluster import Cluster
from harness.crossplane import MANIFESTS, Crossplane
from harness.job import run

TEAM = "team-a"
SHOP = "team-b"


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
