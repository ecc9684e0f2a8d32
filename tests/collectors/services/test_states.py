"""How it is with the Service of a pod: each state, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from support.services import (
    CONTROLLER,
    ENDPOINTS,
    NAMESPACE,
    POD,
    SERVICE,
    SLICE,
    STATEFUL_SET,
    Json,
    endpoint_slice,
    pod,
    service,
    stateful_set,
)
from support.services_section import cluster_of, make
from xpjob.collectors.services.rows import SEVERITIES, STATES
from xpjob.kube.discovery import Kind

WEB = ("Pod", "web")
DB = stateful_set("db", "db")
GOVERNING = service("db", value=None, selector={"app": "db"})
LONG = "web-" + "x" * 60
SKIPPED = {
    "metadata": {
        "name": "web",
        "namespace": NAMESPACE,
        "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
    }
}

Objects = Mapping[Kind, Sequence[Json]]

CASES: dict[str, tuple[Objects, tuple[str, str], str, str]] = {
    # what there is, the row that it gives, its state and its reason
    "1 served": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", ready=True)],
        },
        *(WEB, "served", ""),
    ),
    "1 served in both families": (
        {
            POD: [pod("web", "10.0.0.5", "FD00:0::5")],
            SERVICE: [service("web", families=("IPv4", "IPv6"))],
            SLICE: [endpoint_slice("web", "10.0.0.5"), endpoint_slice("web", "fd00::5")],
        },
        *(WEB, "served", ""),
    ),
    "1 served, the Service asks for a family that the pod lacks": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web", families=("IPv4", "IPv6"))],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "served", ""),
    ),
    "1 served by a Service that the pod controls": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web", controller="Pod/web")],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "served", ""),
    ),
    "1 served by a Service without the annotation": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web", value=None)],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "served", ""),
    ),
    "2 missing": ({POD: [pod("web", "10.0.0.5")]}, *(WEB, "missing", "")),
    "2 missing, the Service of its name is in another namespace": (
        {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web", namespace="other")]},
        *(WEB, "missing", ""),
    ),
    "3 no slice": (
        {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web")]},
        *(WEB, "noAddress", "noSlice"),
    ),
    "3 not ready": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", ready=False)],
        },
        *(WEB, "noAddress", "notReady"),
    ),
    "3 not to be mirrored": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            ENDPOINTS: [SKIPPED],
        },
        *(WEB, "noAddress", "skipMirror"),
    ),
    "3 nothing is mirrored": (
        {
            POD: [pod("web", "10.0.0.5"), pod("api", "10.0.0.6")],
            SERVICE: [service("web"), service("api")],
        },
        *(WEB, "noAddress", "noMirroring"),
    ),
    "4 another address": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.9")],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "4 a further address in the same slice": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", "10.0.0.9")],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "4 a further address, from when it had a selector": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [
                endpoint_slice("web", "10.0.0.5", managed_by=CONTROLLER),
                endpoint_slice("web", "10.0.0.9"),
            ],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "4 a further address, by hand": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web")],
            SLICE: [
                endpoint_slice("web", "10.0.0.5"),
                endpoint_slice("web", "10.0.0.9", managed_by="staff"),
            ],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "4 the other family than the Service asks for": (
        {
            POD: [pod("web", "10.0.0.5", "fd00::5")],
            SERVICE: [service("web", families=("IPv6",))],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "4 the address of a former pod": (
        {
            POD: [pod("web", phase="Pending")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "wrongAddress", ""),
    ),
    "5 orphan": ({SERVICE: [service("web")]}, *(("Service", "web"), "orphan", "")),
    "5 orphan beside a pod without the annotation": (
        {POD: [pod("web", "10.0.0.5", value=None)], SERVICE: [service("web")]},
        *(("Service", "web"), "orphan", ""),
    ),
    "6 stale, the pod has succeeded": (
        {POD: [pod("web", "10.0.0.5", phase="Succeeded")], SERVICE: [service("web")]},
        *(WEB, "stale", "ended"),
    ),
    "6 stale, the pod has failed": (
        {POD: [pod("web", "10.0.0.5", phase="Failed")], SERVICE: [service("web")]},
        *(WEB, "stale", "ended"),
    ),
    "6 stale, the pod is being deleted": (
        {POD: [pod("web", "10.0.0.5", deleting=True)], SERVICE: [service("web")]},
        *(WEB, "stale", "deleting"),
    ),
    "7 too long": ({POD: [pod(LONG, "10.0.0.5")]}, *(("Pod", LONG), "impossible", "tooLong")),
    "7 a dot": ({POD: [pod("a.b", "10.0.0.5")]}, *(("Pod", "a.b"), "impossible", "dot")),
    "8 foreign, with a selector": (
        {
            POD: [pod("web", "10.0.0.5")],
            SERVICE: [service("web", value=None, selector={"app": "web"})],
        },
        *(WEB, "foreign", "selector"),
    ),
    "8 foreign, with a cluster address": (
        {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web", cluster_ip="10.96.0.7")]},
        *(WEB, "foreign", "clusterIP"),
    ),
    "8 foreign, an ExternalName": (
        {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web", cluster_ip="")]},
        *(WEB, "foreign", "clusterIP"),
    ),
    "8 foreign, of another controller": (
        {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web", controller="Broker/web")]},
        *(WEB, "foreign", "controller"),
    ),
    "8 foreign, also for a pod that ends": (
        {
            POD: [pod("web", "10.0.0.5", deleting=True)],
            SERVICE: [service("web", cluster_ip="10.96.0.7")],
        },
        *(WEB, "foreign", "clusterIP"),
    ),
    **{
        f"9 suspicious: {value!r}": (
            {POD: [pod("web", "10.0.0.5", value=value)]},
            *(WEB, "suspicious", ""),
        )
        for value in ("True", "1", "yes", "", "false", "true ")
    },
    "10 redundant": (
        {
            POD: [pod("db-0", "10.0.0.5", owner=DB)],
            SERVICE: [service("db-0"), GOVERNING],
            SLICE: [endpoint_slice("db-0", "10.0.0.5")],
            STATEFUL_SET: [DB],
        },
        *(("Pod", "db-0"), "redundant", ""),
    ),
    "10 not redundant, the governing Service is not headless": (
        {
            POD: [pod("db-0", "10.0.0.5", owner=DB)],
            SERVICE: [service("db-0"), service("db", value=None, cluster_ip="10.96.0.7")],
            SLICE: [endpoint_slice("db-0", "10.0.0.5")],
            STATEFUL_SET: [DB],
        },
        *(("Pod", "db-0"), "served", ""),
    ),
    "11 one family missing": (
        {
            POD: [pod("web", "10.0.0.5", "fd00::5")],
            SERVICE: [service("web", families=("IPv4", "IPv6"))],
            SLICE: [endpoint_slice("web", "10.0.0.5")],
        },
        *(WEB, "familyMissing", ""),
    ),
    "11 a single family is enough where one is asked for": (
        {
            POD: [pod("web", "10.0.0.5", "fd00::5")],
            SERVICE: [service("web", families=("IPv6",))],
            SLICE: [endpoint_slice("web", "fd00::5")],
        },
        *(WEB, "served", ""),
    ),
    "12 host network": (
        {
            POD: [
                pod("web", "192.168.0.1", host_network=True),
                pod("agent", "192.168.0.1", host_network=True),
            ],
            SERVICE: [service("web"), service("agent")],
            SLICE: [endpoint_slice("web", "192.168.0.1"), endpoint_slice("agent", "192.168.0.1")],
        },
        *(WEB, "hostNetwork", ""),
    ),
    "13 no governing Service": (
        {STATEFUL_SET: [DB]},
        *(("StatefulSet", "db"), "noGoverningService", "absent"),
    ),
    "13 a governing Service with a cluster address": (
        {STATEFUL_SET: [DB], SERVICE: [service("db", value=None, cluster_ip="10.96.0.7")]},
        *(("StatefulSet", "db"), "noGoverningService", "clusterIP"),
    ),
    "14 waiting": ({POD: [pod("web", phase="Pending")]}, *(WEB, "waiting", "")),
    "14 waiting, its Service waits as well": (
        {
            POD: [pod("web", phase="Pending")],
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", ready=False)],
        },
        *(WEB, "waiting", ""),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_state(case: str) -> None:
    """The state and reason of a pod, a Service or a StatefulSet."""
    objects, row, state, reason = CASES[case]
    made = make(cluster_of(objects))
    assert made.states[row] == state
    found = made.row(row[1], row[0])
    assert found.get("reason", "") == reason
    assert found["severity"] == SEVERITIES[state]  # type: ignore[index]
    assert bool(found["todo"]) == (state not in ("served", "waiting", "hostNetwork"))


def test_every_state_has_a_case() -> None:
    """All fourteen."""
    assert {state for _, _, state, _ in CASES.values()} == set(STATES)
    assert len(STATES) == 14


NOTHING: dict[str, Objects] = {
    "a pod without the annotation": {POD: [pod("web", "10.0.0.5", value=None)]},
    "a Service of somebody else": {SERVICE: [service("web", value=None)]},
    "an annotated Service with a selector": {SERVICE: [service("web", selector={"a": "b"})]},
    "an annotated Service with another value": {SERVICE: [service("web", value="yes")]},
    "a pod that has ended without a Service": {POD: [pod("web", "10.0.0.5", phase="Failed")]},
    "a pod that has ended, and could not have one": {POD: [pod("a.b", phase="Succeeded")]},
    "a StatefulSet without a governing Service": {STATEFUL_SET: [stateful_set("db", "")]},
    "a StatefulSet with one": {STATEFUL_SET: [DB], SERVICE: [GOVERNING]},
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_of_no_interest_has_no_row(case: str) -> None:
    """There is nothing to say about it."""
    assert make(cluster_of(NOTHING[case])).rows == []


@pytest.mark.parametrize(
    ("minor", "state"),
    [("33", "impossible"), ("35+", "impossible"), ("36", "missing"), ("", "missing")],
)
def test_a_digit_is_the_first_character_on_newer_servers_only(minor: str, state: str) -> None:
    """A Service's name has to begin with a letter until 1.35; a server of no version is new."""
    made = make(cluster_of({POD: [pod("0web", "10.0.0.5")]}), minor=minor)
    assert made.states == {("Pod", "0web"): state}


def test_a_name_that_a_service_has_is_possible() -> None:
    """Whatever the server's version says."""
    objects = {
        POD: [pod("0web", "10.0.0.5")],
        SERVICE: [service("0web")],
        SLICE: [endpoint_slice("0web", "10.0.0.5")],
    }
    assert make(cluster_of(objects), minor="33").states == {("Pod", "0web"): "served"}


@pytest.mark.parametrize(
    ("web", "row"),
    [
        (pod("web", "10.0.0.9", phase="Succeeded"), ("Pod", "web", "stale")),
        (pod("web", "10.0.0.5"), ("Pod", "web", "wrongAddress")),
        (pod("web", phase="Pending"), ("Pod", "web", "wrongAddress")),
        (pod("web", "10.0.0.5", value="True"), ("Pod", "web", "suspicious")),
        (pod("web", phase="Pending", value="false"), ("Pod", "web", "suspicious")),
        (pod("other", "10.0.0.5", value=None), ("Service", "web", "orphan")),
    ],
)
def test_a_name_that_leads_to_another_pod_names_it(web: Json, row: tuple[str, str, str]) -> None:
    """The live one that has the address now, in whatever namespace."""
    objects = {
        POD: [web, pod("stranger", "10.0.0.9", value=None, namespace="other")],
        SERVICE: [service("web")],
        SLICE: [endpoint_slice("web", "10.0.0.9")],
    }
    made = make(cluster_of(objects), service_grace_seconds="0")
    kind, name, state = row
    found = made.row(name, kind)
    assert (found["state"], found["takenBy"]) == (state, "other/stranger")
    assert "other/stranger" in found["todo"]
    assert made.findings == [("AddressOfAnotherPod", "web")]


def test_a_pod_that_wants_no_service_says_nothing_about_that_of_somebody_else() -> None:
    """Without the annotation the operator has not made it: it may well lead to another pod."""
    objects = {
        POD: [pod("web", "10.0.0.5", value="false"), pod("other", "10.0.0.9", value=None)],
        SERVICE: [service("web", value=None)],
        SLICE: [endpoint_slice("web", "10.0.0.9")],
    }
    made = make(cluster_of(objects), service_grace_seconds="0")
    assert (made.findings, made.row("web")["takenBy"]) == ([], "shop/other")


def test_advice_fits_the_cause() -> None:
    """What has no cluster address is not said to have one; what does not start is not updated."""
    external = {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web", cluster_ip="")]}
    todo = make(cluster_of(external)).row("web")["todo"]
    assert "is not headless" in todo
    assert "ExternalName" in todo
    former = {
        POD: [pod("web", phase="Pending")],
        SERVICE: [service("web")],
        SLICE: [endpoint_slice("web", "10.0.0.5")],
    }
    assert "see why the pod has no address yet" in make(cluster_of(former)).row("web")["todo"]


def test_pods_of_one_node_share_its_address() -> None:
    """A name that leads to the node of a pod that has ended leads to no other pod."""
    objects = {
        POD: [
            pod("web", "192.168.0.1", host_network=True, phase="Failed"),
            pod("agent", "192.168.0.1", host_network=True, value=None),
        ],
        SERVICE: [service("web")],
        SLICE: [endpoint_slice("web", "192.168.0.1")],
    }
    row = make(cluster_of(objects)).row("web")
    assert (row["state"], row["takenBy"]) == ("stale", "")


@pytest.mark.parametrize("conditions", [None, {}, {"ready": None}, {"ready": True}])
def test_an_endpoint_that_is_not_said_to_be_unready_is_ready(conditions: Json | None) -> None:
    """As DNS has it."""
    item = endpoint_slice("web", "10.0.0.5")
    item["endpoints"][0]["conditions"] = conditions
    objects = {POD: [pod("web", "10.0.0.5")], SERVICE: [service("web")], SLICE: [item]}
    assert make(cluster_of(objects)).states == {WEB: "served"}


def test_a_statefulsets_service_is_known_by_its_pod_if_its_list_fails() -> None:
    """The pod names it as its subdomain."""
    objects = {
        POD: [pod("db-0", "10.0.0.5", owner=DB, subdomain="db")],
        SERVICE: [service("db-0"), GOVERNING],
        SLICE: [endpoint_slice("db-0", "10.0.0.5")],
        STATEFUL_SET: [DB],
    }
    made = make(cluster_of(objects), failing=lambda key: key.gvr.resource == "statefulsets")
    assert made.states == {("Pod", "db-0"): "redundant"}


def test_a_pod_without_its_service_is_bad_although_it_has_another_name() -> None:
    """The row says that it is redundant as well."""
    objects = {
        POD: [pod("db-0", "10.0.0.5", owner=DB)],
        SERVICE: [GOVERNING],
        STATEFUL_SET: [DB],
    }
    row = make(cluster_of(objects)).row("db-0")
    assert (row["state"], row["redundant"]) == ("missing", True)


def test_the_annotation_can_have_another_name() -> None:
    """Then the usual one means nothing."""
    other = pod("web", "10.0.0.5", value=None)
    other["metadata"]["annotations"] = {"example.org/headless": "true"}
    objects = {POD: [other, pod("api", "10.0.0.6")]}
    made = make(cluster_of(objects), pod_annotation="example.org/headless")
    assert made.states == {("Pod", "web"): "missing"}


def test_namespaces_that_are_not_listed_do_not_count() -> None:
    """Of NAMESPACE, one list of each kind for each."""
    objects = {
        POD: [pod("web", "10.0.0.5", namespace=name) for name in ("a", "b", "c")],
    }
    made = make(cluster_of(objects), namespace="a,c")
    assert [row["namespace"] for row in made.rows] == ["a", "c"]


def test_long_texts_and_lists_are_cut() -> None:
    """Others can write them: the value of an annotation, the addresses of a Service."""
    found = [f"10.1.{number // 250}.{number % 250}" for number in range(600)]
    objects = {
        POD: [pod("web", "10.9.0.5"), pod("api", "10.0.0.6", value="x" * 200_000)],
        SERVICE: [service("web")],
        SLICE: [endpoint_slice("web", *found, "10.9.0.5")],
    }
    made = make(cluster_of(objects))
    web = made.row("web")
    assert (web["state"], len(web["found"]), web["found"][0]) == ("wrongAddress", 50, "10.9.0.5")
    assert web["todo"].startswith("remove the further addresses")
    assert len(made.row("api")["value"]) == 256


def test_slices_of_a_service_of_somebody_else_are_not_its_addresses() -> None:
    """They are listed only if it was planned so, which must not change the row."""
    objects = {
        POD: [pod("web", "10.0.0.5")],
        SERVICE: [service("web", value=None, selector={"app": "web"})],
        SLICE: [endpoint_slice("web", "10.0.0.9", managed_by=CONTROLLER)],
    }
    cluster = cluster_of(objects)
    made = make(cluster)
    assert made.row("web")["found"] == []
    assert make(cluster, unplanned=lambda key: key.gvr.resource == "services").rows == made.rows
