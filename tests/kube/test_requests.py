"""What a pod asks for, by the rules of the server's version."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from support import recorded
from xpjob.kube.decode import decoder
from xpjob.kube.pods import Pod
from xpjob.kube.quantity import NANO, QuantityError, parse
from xpjob.kube.request_rules import Rules, rules_for
from xpjob.kube.requests import (
    at_scheduler,
    effective,
    limits,
    requests,
    unlimited,
)

A, B, C = Rules("A"), rules_for(36), rules_for(37)
NO_POD_LEVEL = rules_for(33)
INFEASIBLE = {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
DEFERRED = {**INFEASIBLE, "reason": "Deferred"}


def pod(*containers: Any, inits: Any = (), status: Any = None, **spec: Any) -> Pod:
    """Return a pod, decoded as from the API."""
    spec = {"containers": containers, "initContainers": inits, **spec}
    document = {"metadata": {"name": "pod"}, "spec": spec, "status": status}
    return msgspec.json.decode(json.dumps(document), type=Pod)


def container(name: str = "app", limits: Any = None, policy: str = "", **requests: str) -> Any:
    """Return a container; underscores in the names of resources stand for hyphens."""
    asked = {resource.replace("_", "-"): amount for resource, amount in requests.items()}
    made = {"name": name, "resources": {"requests": asked, "limits": limits}}
    return {**made, "restartPolicy": policy} if policy else made


def given(name: str = "app", *, allocated: Any = None, **actuated: str) -> Any:
    """Return the status of a container that has been given something."""
    return {"name": name, "resources": {"requests": actuated}, "allocatedResources": allocated}


def nano(**amounts: str) -> dict[str, int]:
    """Return amounts in nano units."""
    return {name.replace("_", "-"): parse(amount) for name, amount in amounts.items()}


@pytest.mark.parametrize("version", recorded.OPTIONS)
def test_odd_pods_ask_for_what_kubernetes_computes(version: str) -> None:
    """Answers of its own code, recorded: requests and limits under each set of options."""
    known = recorded.load(version)
    for options, rules in recorded.OPTIONS[version]:
        answers = known["answers"][" ".join(options)]
        ours = [recorded.asked(each, rules) for each in known["pods"]]
        assert ours == answers, options
        assert len(ours) == 100


@pytest.mark.parametrize("rules", [A, B, C, NO_POD_LEVEL])
def test_case_1_init_containers_run_beside_sidecars_before_them(rules: Rules) -> None:
    """Sidecars count in order, and the overhead of the pod comes on top."""
    inits = [
        container("a", cpu="700m", memory="100Mi"),
        container("mesh", policy="Always", cpu="100m", memory="64Mi"),
        container("b", cpu="900m", memory="50Mi"),
        container("log", policy="Always", cpu="50m", memory="32Mi"),
    ]
    app = container(cpu="600m", memory="300Mi")
    asked = requests(pod(app, inits=inits, overhead={"cpu": "120m", "memory": "160Mi"}), rules)
    assert asked == nano(cpu="1.12", memory="556Mi")


def test_case_2_requests_of_the_pod_replace_those_of_its_containers() -> None:
    """Of resources that can be set for a pod; where that is off, containers count."""
    x = container("x", cpu="500m", memory="256Mi")
    y = container("y", memory="256Mi", hugepages_2Mi="64Mi")
    whole = {"requests": {"cpu": "2", "hugepages-2Mi": "128Mi"}}
    both = pod(x, y, resources=whole, overhead={"cpu": "250m"})
    for rules in (A, rules_for(34), B, C):
        assert requests(both, rules) == nano(cpu="2.25", memory="512Mi", hugepages_2Mi="128Mi")
    for rules in (rules_for(32), NO_POD_LEVEL):
        assert requests(both, rules) == nano(cpu="0.75", memory="512Mi", hugepages_2Mi="64Mi")


@pytest.mark.parametrize(
    ("spec", "actuated", "allocated", "condition", "expected"),
    [
        ("3", "1", "1", DEFERRED, "3"),
        ("3", "1", "1", INFEASIBLE, "1"),
        ("250m", "2", "250m", None, "2"),
    ],
)
def test_case_3_a_resize_counts_until_the_node_refuses_it(
    spec: str, actuated: str, allocated: str, condition: Any, expected: str
) -> None:
    """And until it has been made; requests of the spec alone are known beside it."""
    status = {
        "containerStatuses": [given(cpu=actuated, allocated={"cpu": allocated})],
        "conditions": [{"type": "Ready", "reason": "Infeasible"}, condition or {"type": "Other"}],
    }
    resized = pod(container(cpu=spec), status=status)
    for rules in (NO_POD_LEVEL, B, C):
        assert requests(resized, rules) == nano(cpu=expected)
        assert effective(resized, rules).spec_requests == nano(cpu=spec)
    assert requests(resized, A) == nano(cpu=spec)


def test_case_4_from_1_37_the_sums_of_the_pod_are_compared() -> None:
    """Before, the larger of each container counted."""
    status = {
        "containerStatuses": [
            given("d", cpu="3", allocated={"cpu": "3"}),
            given("u", cpu="1", allocated={"cpu": "1"}),
        ]
    }
    resized = pod(container("u", cpu="3"), container("d", cpu="1"), status=status)
    expected = {32: "4", 33: "6", 34: "6", 35: "6", 36: "6", 37: "4", 38: "4"}
    assert {v: requests(resized, rules_for(v))["cpu"] // NANO for v in expected} == {
        version: int(cpu) for version, cpu in expected.items()
    }


def test_case_5_sums_are_exact_and_the_scheduler_rounds_them_up() -> None:
    """Cpu to thousandths, bytes to whole ones."""
    cpu, memory = ("0.1", "1E-3", "2k", "100u"), ("1e3", "500M", "0.1Gi", "128974848")
    containers = [
        container(f"c{number}", cpu=c, memory=m)
        for number, (c, m) in enumerate(zip(cpu, memory, strict=True))
    ]
    asked = effective(pod(*containers), B)
    assert asked.requests == nano(cpu="2000.1011", memory="736350030.4")
    assert asked.reserved == nano(cpu="2000102m", memory="736350031")
    assert at_scheduler(nano(cpu="1n", pods="1n")) == nano(cpu="1m", pods="1")


def test_case_9_an_ephemeral_container_changes_no_number() -> None:
    """It is never counted."""
    app, debug = container(cpu="250m"), container("debug", cpu="4")
    assert requests(pod(app, ephemeralContainers=[debug]), B) == nano(cpu="250m")


def test_without_any_status_an_infeasible_resize_asks_for_nothing_from_1_37() -> None:
    """Before, the spec counted."""
    refused = pod(container(cpu="3"), status={"conditions": [INFEASIBLE]})
    assert requests(refused, C) == {}
    assert requests(refused, B) == nano(cpu="3")


@pytest.mark.parametrize(
    ("resources", "expected"), [({"requests": {}}, "3"), ({}, "4"), (None, "4")]
)
def test_a_status_that_is_empty_differs_from_none(resources: Any, expected: str) -> None:
    """From 1.37: with no requests in it, what was allocated counts instead."""
    status = {
        "containerStatuses": [
            {"name": "u", "resources": resources, "allocatedResources": {"cpu": "1"}},
            given("d", cpu="3", allocated={"cpu": "1"}),
        ]
    }
    both = pod(container("u", cpu="1"), container("d", cpu="1"), status=status)
    assert requests(both, C) == nano(cpu=expected)
    assert requests(both, B) == nano(cpu="4")


@pytest.mark.parametrize(
    ("actuated", "before", "since"),
    [({}, {"cpu": "2"}, {"cpu": "1"}), ({"limits": {}}, {"cpu": "0"}, {})],
)
def test_limits_of_the_pod_after_an_infeasible_resize(
    actuated: Any, before: dict[str, str], since: dict[str, str]
) -> None:
    """Before 1.37, the spec's count where the status has none, and 0 where it has none of cpu."""
    whole = {"limits": {"cpu": "2"}}
    status = {"conditions": [INFEASIBLE], "resources": actuated}
    app = given(allocated=None)
    app["resources"]["limits"] = {"cpu": "1"}
    status["containerStatuses"] = [app]
    resized = pod(container(limits={"cpu": "1"}), resources=whole, status=status)
    assert limits(resized, B) == nano(**before)
    assert limits(resized, C) == nano(**since)


@pytest.mark.parametrize(
    ("resources", "lacking"),
    [
        ([{"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}], set()),
        ([{"cpu": "1"}, {"memory": "1Gi"}], {"cpu", "memory", "ephemeral-storage"}),
        ([{"cpu": "0", "memory": "1Gi"}], {"cpu", "ephemeral-storage"}),
        ([None], {"cpu", "memory", "ephemeral-storage"}),
    ],
)
def test_a_container_without_a_limit_makes_its_pod_unlimited(
    resources: Any, lacking: set[str]
) -> None:
    """Although the others' limits have a sum; a limit of 0 is none."""
    made = pod(*(container(f"c{n}", limits=each) for n, each in enumerate(resources)))
    assert unlimited(made, B) == lacking


def test_a_limit_of_the_pod_bounds_all_its_containers() -> None:
    """Where pods can have limits. Those of init containers that end make no difference."""
    whole = {"limits": {"cpu": "2", "memory": "1Gi"}}
    inits = [container("once", limits={"ephemeral-storage": "1Gi"})]
    storage = container(limits={"ephemeral-storage": "1Gi"})
    bounded = pod(storage, inits=inits, resources=whole)
    assert unlimited(bounded, B) == set()
    assert limits(bounded, B) == nano(cpu="2", memory="1Gi", ephemeral_storage="1Gi")
    assert unlimited(bounded, NO_POD_LEVEL) == {"cpu", "memory"}


def test_results_are_the_callers_own() -> None:
    """Although pods with the same JSON share what was computed."""
    first, second = pod(container("x", cpu="1")), pod(container("y", cpu="1"))
    requests(first, B)["cpu"] = 0
    limits(first, B)["cpu"] = 1
    assert requests(second, B) == nano(cpu="1")
    assert limits(second, B) == {}


@pytest.mark.parametrize("rules", [A, B, C])
def test_a_pod_without_anything_asks_for_nothing(rules: Rules) -> None:
    """Whatever is absent or null."""
    for text in ("{}", '{"spec": null}', '{"spec": {"containers": null}, "status": {}}'):
        document = {"metadata": {"name": "pod"}, **json.loads(text)}
        made = msgspec.json.decode(json.dumps(document), type=Pod)
        assert requests(made, rules) == limits(made, rules) == {}


def test_an_invalid_quantity_is_an_error_of_that_pod() -> None:
    """Which names the resource; no API server lets one pass."""
    with pytest.raises(QuantityError, match=r"requests\.cpu: invalid quantity 'lots'"):
        requests(pod(container(cpu="lots")), B)
    claims = [{"mapping": [{"name": "cpu", "quantity": "lots"}]}]
    odd = pod(container(cpu="1"), status={"nodeAllocatableResourceClaimStatuses": claims})
    assert requests(odd, C) == nano(cpu="1")
    with pytest.raises(QuantityError, match="nodeAllocatableResourceClaimStatuses"):
        requests(odd, Rules("C", dra=True))


def test_odd_values_of_a_pod_cost_only_themselves() -> None:
    """A page with them is read; what is of the wrong type counts as absent."""
    app = container(cpu="1")
    items = [
        {"metadata": {"name": "a"}, "spec": {"containers": [app, 5], "overhead": None}},
        {"metadata": {"name": "b"}, "spec": {"containers": [app], "priority": "high"}},
        {"metadata": {"name": "c"}, "spec": {"containers": [app]}, "status": {"conditions": 1}},
    ]
    page = decoder(Pod)(json.dumps({"items": items}).encode())
    assert [requests(each, B) for each in page.items] == [nano(cpu="1")] * 3
