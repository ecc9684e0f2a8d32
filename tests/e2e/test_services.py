"""The collector services over a real control plane, which mirrors Endpoints to EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from harness.capacity import rules
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.headless import ADDRESSES, MANAGED_BY, NAMESPACE, SYSTEM, Headless
from harness.job import Finished, run
from harness.processes import wait_until

Json = dict[str, Any]


class Site(NamedTuple):
    """The objects, the account of the job, and a run over them."""

    headless: Headless
    user: Path
    run: Finished
    store: Path
    metrics: str


@pytest.fixture(scope="module")
def headless(cluster: Cluster) -> Iterator[Headless]:
    """Pods and Services in every state that a control plane can have."""
    made = Headless(cluster)
    made.load()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def site(headless: Headless, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One run of the collector with its own rights."""
    store = tmp_path_factory.mktemp("services")
    user = headless.cluster.service_account(SYSTEM, "xpjob", rules("services"))
    ended = collect(user, store)
    assert ended.code == 0, ended.events
    return Site(headless, user, ended, store, (store / "xpjob.prom").read_text())


def collect(user: Path, store: Path, **options: str) -> Finished:
    """Do a run."""
    return run(
        user,
        store,
        COLLECTORS="services",
        SERVICE_OPERATOR=f"{SYSTEM}/headless",
        PUBLISH=f"textfile:{store / 'xpjob.prom'}",
        **options,
    )


def rows(ended: Finished) -> dict[tuple[str, str], Json]:
    """Return the rows of the namespace by kind and name."""
    assert ended.snapshot is not None
    return {
        (row["kind"], row["name"]): row
        for row in ended.snapshot["podServices"]
        if row["namespace"] == NAMESPACE
    }


STATES = {
    ("Pod", "web"): ("served", ""),
    ("Pod", "lacks"): ("missing", ""),
    ("Pod", "silent"): ("noAddress", "skipMirror"),
    ("Pod", "wrong"): ("wrongAddress", ""),
    ("Pod", "former"): ("wrongAddress", ""),
    ("Pod", "done"): ("stale", "ended"),
    ("Pod", "api"): ("foreign", "selector"),
    ("Pod", "dual"): ("familyMissing", ""),
    ("Pod", "0digit"): ("served", ""),
    ("Pod", "with.dot"): ("impossible", "dot"),
    ("Pod", "truly"): ("suspicious", ""),
    ("Pod", "waits"): ("waiting", ""),
    ("Pod", "db-0"): ("redundant", ""),
    ("Service", "left"): ("orphan", ""),
    ("StatefulSet", "queue"): ("noGoverningService", "absent"),
}


def test_each_object_is_in_its_state(site: Site) -> None:
    """Nothing else is, although the cluster has other Services."""
    found = {key: (row["state"], row.get("reason", "")) for key, row in rows(site.run).items()}
    assert found == STATES


def test_addresses_are_those_of_the_mirrored_slices(site: Site) -> None:
    """DNS answers the union: of a former selector, too, whose EndpointSlices nobody removes."""
    found = rows(site.run)
    for name in ("web", "wrong", "done", "former", "dual", "db-0"):
        assert set(found[("Pod", name)]["found"]) == site.headless.answers(name), name
    managers = {each["metadata"]["labels"][MANAGED_BY] for each in site.headless.slices("former")}
    assert len(managers) == 2
    assert found[("Pod", "dual")]["wanted"] == ["10.0.0.12", "fd00::12"]
    assert found[("Pod", "done")]["takenBy"] == f"{NAMESPACE}/stranger"


def test_metrics_are_those_of_the_rows(site: Site) -> None:
    """Under the names that the operator planned."""
    lines = (line.rpartition(" ") for line in site.metrics.splitlines() if line[0] != "#")
    series = {name: float(value) for name, _, value in lines}
    own = [row for row in rows(site.run).values() if row.get("ownService")]
    total = f'k8s_headless_service_operator_services_total{{namespace="{NAMESPACE}"}}'
    assert series[total] == len(own) == 9
    bad = f'xpjob_pod_services{{namespace="{NAMESPACE}",state="wrongAddress"}}'
    assert series[bad] == 2
    labels = f'{{deployment="headless",namespace="{SYSTEM}"}}'
    assert series[f"k8s_headless_service_operator_available{labels}"] == 0


def test_slices_of_services_with_a_selector_are_not_transferred(
    own_control_plane: ControlPlane, site: Site
) -> None:
    """The server selects; the account needs no more than its rights, and only lists."""
    assert own_control_plane is not None
    account = f"system:serviceaccount:{SYSTEM}:xpjob"

    def uris() -> list[str]:
        events = site.headless.cluster.audit_events(account)
        assert {event["verb"] for event in events} <= {"get", "list"}
        lists = [event for event in events if event["verb"] == "list"]
        assert {event["responseStatus"]["code"] for event in lists} <= {200}
        return [event["requestURI"] for event in lists]

    def ours() -> list[str]:
        return [uri for uri in uris() if "/endpointslices" in uri]

    wait_until("the lists are in the audit log", lambda: len(ours()) >= 3)
    assert all("labelSelector=" in uri for uri in ours())


def test_a_refused_list_keeps_rows_and_the_next_run_counts_what_came(
    site: Site, tmp_path: Path
) -> None:
    """Without rights on EndpointSlices nothing is missing, an orphan, created or deleted."""
    headless, store = site.headless, tmp_path
    assert collect(site.user, store).code == 0
    granted = [
        {**rule, "resources": [each for each in rule["resources"] if each != "endpointslices"]}
        for rule in rules("services")
    ]
    granted = [rule for rule in granted if rule["resources"]]
    less = headless.cluster.service_account(SYSTEM, "less", granted)
    headless.delete("services", "wrong")
    headless.service("lacks")
    headless.endpoints("lacks", ADDRESSES["lacks"])
    headless.endpoints("web", "10.0.0.55")
    wait_until("both are mirrored", lambda: headless.answers("lacks") == {ADDRESSES["lacks"]})
    wait_until("the change is mirrored", lambda: headless.answers("web") == {"10.0.0.55"})
    partial = collect(less, store)
    assert partial.code == 0
    found = {key: (row["state"], row.get("reason", "")) for key, row in rows(partial).items()}
    assert found == STATES
    assert all(
        row["carriedSince"] for (kind, _), row in rows(partial).items() if kind != "StatefulSet"
    )
    assert partial.snapshot is not None
    assert not any(partial.snapshot["services"]["churn"].values())
    whole = collect(site.user, store)
    assert whole.snapshot is not None
    states = {name: row["state"] for (kind, name), row in rows(whole).items() if kind == "Pod"}
    assert (states["wrong"], states["lacks"], states["web"]) == (
        "missing",
        "served",
        "wrongAddress",
    )
    churn = {name: number for name, number in whole.snapshot["services"]["churn"].items() if number}
    assert churn == {"servicesCreated": 1, "servicesDeleted": 1, "servicesUpdated": 1}
