"""What one run remembers of another: since when, what has changed, and what could not be listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.services import (
    NAMESPACE,
    POD,
    SERVICE,
    SLICE,
    STATEFUL_SET,
    endpoint_slice,
    pod,
    service,
    stateful_set,
)
from support.services_section import AT, LATER, Made, cluster_of, make
from xpjob.demo.cluster import Cluster
from xpjob.kube.lists import ListKey

NEW = "2026-08-21T09:00:30Z"
THIRD = "2026-08-21T09:02:00.000000Z"


def served() -> Cluster:
    """Return a cluster with a pod that is served."""
    return cluster_of(
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        }
    )


def lists(*resources: str, namespace: str = "") -> Callable[[ListKey], bool]:
    """Return which lists fail."""
    return lambda key: key.gvr.resource in resources and namespace in ("", key.namespace)


def test_what_no_run_has_seen_dates_from_its_start() -> None:
    """Of a pod, of a Service; an address that is wrong dates from when a run first found it."""
    cluster = cluster_of(
        {
            POD: [pod("web", "10.0.0.5"), pod("api", "10.0.0.6")],
            SERVICE: [service("left"), service("api")],
            SLICE: [endpoint_slice("api", "10.0.0.9")],
        }
    )
    made = make(cluster)
    assert made.row("web")["since"] == "2026-08-21T08:00:00Z"
    assert made.row("left", "Service")["since"] == "2026-08-21T08:00:00Z"
    assert made.row("api")["since"] == AT


@pytest.mark.parametrize("started", ["", "soon", "2027-01-01T00:00:00Z"])
def test_a_start_that_cannot_be_is_not_believed(started: str) -> None:
    """Nor one in the future."""
    made = make(cluster_of({POD: [pod("web", "10.0.0.5", started=started)]}))
    assert made.row("web")["since"] == AT


def test_a_state_that_stays_keeps_its_date() -> None:
    """Another one begins anew."""
    cluster = served()
    first = make(cluster)
    cluster.delete(SERVICE, NAMESPACE, "web")
    second = make(cluster, first, at=LATER)
    assert (second.row("web")["state"], second.row("web")["since"]) == ("missing", LATER)
    third = make(cluster, second, at=THIRD)
    assert third.row("web")["since"] == LATER


def test_a_pod_that_is_replaced_is_another() -> None:
    """It has lacked its Service since it was started, not since its predecessor did."""
    cluster = cluster_of({POD: [pod("web", "10.0.0.5")]})
    first = make(cluster)
    cluster.apply(POD, pod("web", "10.0.0.6", uid="second", started=NEW))
    assert make(cluster, first, at=LATER).row("web")["since"] == NEW


def test_what_was_well_in_a_complete_run_dates_from_when_it_was_not() -> None:
    """However long ago it was started; only what was complete can have seen it."""
    old = "2025-08-21T08:00:00Z"
    database = stateful_set("db", "db")
    database["metadata"]["creationTimestamp"] = old
    cluster = cluster_of(
        {
            POD: [pod("web", "10.0.0.5", value=None, started=old)],
            SERVICE: [
                service("db", value=None, selector={"app": "db"}),
                service("left", value=None),
            ],
            STATEFUL_SET: [database],
        }
    )
    first, failed = make(cluster), make(cluster, failing=lists("pods"))
    cluster.delete(SERVICE, NAMESPACE, "db")
    cluster.apply(POD, pod("web", "10.0.0.5", started=old))
    cluster.apply(SERVICE, service("left"))
    second = make(cluster, first, at=LATER)
    assert second.row("db", "StatefulSet")["since"] == LATER
    assert second.row("web")["since"] == LATER
    assert second.row("left", "Service")["since"] == LATER
    assert second.findings == []
    assert make(cluster, failed, at=LATER).row("web")["since"] == old


def test_an_orphan_whose_pod_was_seen_is_as_old_as_its_absence() -> None:
    """Not as old as the Service."""
    cluster = served()
    first = make(cluster)
    cluster.delete(POD, NAMESPACE, "web")
    second = make(cluster, first, at=LATER)
    assert second.row("web", "Service")["since"] == LATER
    assert make(cluster, second, at=THIRD).row("web", "Service")["since"] == LATER


def test_an_orphan_that_is_replaced_is_another() -> None:
    """It is as old as its Service."""
    cluster = cluster_of({SERVICE: [service("web")]})
    first = make(cluster)
    cluster.apply(SERVICE, service("web", uid="second", created=NEW))
    assert make(cluster, first, at=LATER).row("web", "Service")["since"] == NEW


def test_churn_is_what_differs_between_two_complete_runs() -> None:
    """Created, updated, deleted; the counters go on."""
    cluster = served()
    first = make(cluster)
    assert first.churn == {}
    cluster.apply(POD, pod("api", "10.0.0.6"))
    cluster.apply(SERVICE, service("api"))
    cluster.apply(SLICE, endpoint_slice("api", "10.0.0.6"))
    second = make(cluster, first, at=LATER)
    assert second.churn == {"servicesCreated": 1, "podsAdded": 1}
    cluster.apply(POD, pod("api", "10.0.0.7"))
    cluster.apply(SLICE, endpoint_slice("api", "10.0.0.7"))
    cluster.delete(POD, NAMESPACE, "web")
    cluster.delete(SERVICE, NAMESPACE, "web")
    third = make(cluster, second, at=THIRD)
    assert third.churn == {
        "servicesCreated": 1,
        "servicesUpdated": 1,
        "servicesDeleted": 1,
        "podsAdded": 1,
        "podsUpdated": 1,
        "podsDeleted": 1,
    }
    operations = "k8s_headless_service_operator_operations_total"
    assert third.value(f'{operations}{{operation="update",status="success"}}') == 1
    events = "k8s_headless_service_operator_pod_events_total"
    assert third.value(f'{events}{{event_type="delete"}}') == 1
    assert "# TYPE k8s_headless_service_operator_operations_total counter" in third.text
    assert "# TYPE k8s_headless_service_operator_services_total gauge" in third.text


def test_a_replaced_object_is_one_deleted_and_one_created() -> None:
    """Under the same name."""
    cluster = served()
    first = make(cluster)
    cluster.apply(POD, pod("web", "10.0.0.5", uid="second"))
    cluster.apply(SERVICE, service("web", uid="second"))
    churn = {"servicesCreated": 1, "servicesDeleted": 1, "podsAdded": 1, "podsDeleted": 1}
    assert make(cluster, first, at=LATER).churn == churn


def test_addresses_that_come_with_a_new_service_are_no_update() -> None:
    """They are mirrored a moment after it is created."""
    cluster = cluster_of({POD: [pod("web", "10.0.0.5")], SERVICE: [service("web")]})
    first = make(cluster)
    cluster.apply(SLICE, endpoint_slice("web", "10.0.0.5"))
    assert make(cluster, first, at=LATER).churn == {}


@pytest.mark.parametrize("resource", ["pods", "services", "endpointslices"])
def test_a_list_that_fails_keeps_rows_and_counts_nothing(resource: str) -> None:
    """What cannot be seen is neither missing nor an orphan; what changes meanwhile counts later."""
    cluster = served()
    first = make(cluster)
    cluster.delete(SERVICE, NAMESPACE, "web")
    cluster.apply(POD, pod("api", "10.0.0.6"))
    second = make(cluster, first, at=LATER, failing=lists(resource))
    assert second.rows == [{**first.rows[0], "carriedSince": AT}]
    assert second.churn == {}
    complete = "xpjob_pod_services_complete_timestamp_seconds"
    assert second.value(complete) == first.value(complete)
    third = make(cluster, second, at=THIRD)
    assert third.states == {("Pod", "web"): "missing", ("Pod", "api"): "missing"}
    assert third.churn == {"servicesDeleted": 1, "podsAdded": 1}
    assert third.value(complete) != first.value(complete)


def test_the_list_of_slices_from_former_selectors_counts_as_well() -> None:
    """Without it an address that is not there may be there."""
    cluster = served()
    cluster.apply(
        SLICE, endpoint_slice("web", "10.0.0.9", managed_by="endpointslice-controller.k8s.io")
    )
    first = make(cluster)
    assert first.states == {("Pod", "web"): "wrongAddress"}
    second = make(cluster, first, at=LATER, failing=lambda key: " in (" in key.label_selector)
    assert second.rows == [{**first.rows[0], "carriedSince": AT}]


def test_without_a_previous_run_a_failed_list_is_no_row() -> None:
    """Failed is not empty."""
    cluster = served()
    assert make(cluster, failing=lists("services")).rows == []
    assert make(cluster, failing=lists("pods")).rows == []


def test_only_the_namespace_whose_list_fails_is_kept() -> None:
    """The other one is fresh."""
    cluster = cluster_of({POD: [pod("web", "10.0.0.5", namespace=name) for name in "ab"]})
    first = make(cluster, namespace="a,b")
    for name in "ab":
        cluster.delete(POD, name, "web")
    second = make(
        cluster, first, at=LATER, failing=lists("services", namespace="a"), namespace="a,b"
    )
    assert [(row["namespace"], row["carriedSince"]) for row in second.rows] == [("a", AT)]
    assert second.churn == {"podsDeleted": 1}
    third = make(cluster, second, at=THIRD, namespace="a,b")
    assert (third.rows, third.churn) == ([], {"podsDeleted": 2})


@pytest.mark.parametrize("after", [None, "10.0.0.5"])
def test_the_order_of_addresses_is_no_churn(after: str | None) -> None:
    """A row has those of the pod first, if it has any of them."""
    cluster = cluster_of(
        {
            POD: [pod("web", "10.0.0.9")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", "10.0.0.9")],
        }
    )
    first = make(cluster)
    cluster.delete(POD, NAMESPACE, "web")
    if after:
        cluster.apply(POD, pod("web", after))
    assert make(cluster, first, at=LATER).churn == {"podsUpdated" if after else "podsDeleted": 1}


def test_statefulsets_are_kept_by_themselves() -> None:
    """Their list is not needed for pods."""
    cluster = served()
    cluster.apply(STATEFUL_SET, stateful_set("db", "db"))
    first = make(cluster)
    cluster.delete(STATEFUL_SET, NAMESPACE, "db")
    cluster.delete(SERVICE, NAMESPACE, "web")
    second = make(cluster, first, at=LATER, failing=lists("statefulsets"))
    assert second.states == {
        ("Pod", "web"): "missing",
        ("StatefulSet", "db"): "noGoverningService",
    }
    assert second.row("db", "StatefulSet")["carriedSince"] == AT
    assert "carriedSince" not in second.row("web") or not second.row("web")["carriedSince"]


def test_rows_that_became_too_old_are_not_deletions_and_not_creations() -> None:
    """There is nothing to compare with any more."""
    cluster = served()
    first = make(cluster)
    old = make(cluster, first, at="2026-08-21T11:00:00Z", failing=lists("services"))
    assert (old.rows, old.churn) == ([], {})
    again = make(cluster, old, at="2026-08-21T11:01:00Z")
    assert (again.states, again.churn) == ({("Pod", "web"): "served"}, {})
    cluster.delete(POD, NAMESPACE, "web")
    assert make(cluster, again, at="2026-08-21T11:02:00Z").churn == {"podsDeleted": 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"namespace": NAMESPACE}, {"namespace": "other"}),
        ({"namespace": "other"}, {}),
        ({}, {"namespace": "other"}),
        ({"pod_annotation": "example.org/other"}, {}),
        ({}, {"pod_annotation": "example.org/other"}),
    ],
)
def test_other_options_are_no_churn(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Rows that are listed no longer, or for the first time, have not come or gone."""
    cluster = served()
    first = make(cluster, **before)
    assert make(cluster, first, at=LATER, **after).churn == {}


def test_the_operators_deployment_stands_for_the_operator() -> None:
    """One that is not there is not available; one that cannot be listed is unknown."""
    series = 'k8s_headless_service_operator_available{deployment="headless",namespace="infra"}'
    named: dict[str, Any] = {"service_operator": "infra/headless"}
    cluster = served()
    assert make(cluster, **named).value(series) == 0
    assert make(cluster, failing=lists("deployments"), **named).value(series) is None
    assert "_available" not in make(cluster).text


def counted(made: Made) -> dict[str, int]:
    """Return the numbers of rows by state that are not 0."""
    found: dict[str, int] = {}
    for line in made.text.splitlines():
        if line.startswith("xpjob_pod_services{"):
            name, _, value = line.rpartition(" ")
            if float(value):
                found[name.partition('state="')[2].rstrip('"}')] = int(float(value))
    return found


def test_every_state_of_a_namespace_has_a_series() -> None:
    """Those of which there is none are 0, and age counts bad rows only."""
    pods = [
        pod("web", "10.0.0.5"),
        pod("api", "10.0.0.7", started="2026-08-21T08:30:00Z"),
        pod("yes", "10.0.0.6", value="yes", started="2026-08-21T07:00:00Z"),
    ]
    made = make(cluster_of({POD: pods}))
    assert made.text.count("xpjob_pod_services{") == 14
    assert counted(made) == {"missing": 2, "suspicious": 1}
    assert made.value('xpjob_pod_services_oldest_bad_seconds{namespace="shop"}') == 3600
    assert "xpjob_pod_service_state" not in made.text
    single = make(cluster_of({POD: [pod("web", "10.0.0.5")]}), pod_service_metrics="true")
    series = 'xpjob_pod_service_state{kind="Pod",name="web",namespace="shop",state="missing"}'
    assert single.value(series) == 1
