"""What collectors read for the counting: pods and nodes of capacity, objects of crossplane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from support.capacity import Json
from support.capacity_section import AT, planned, read
from support.records import KEYS, decoded, linked, target
from support.stand_in import BUCKET, CLAIM, XR, claim, legacy_xr, managed, owner
from support.usage import RULES, at
from xpjob.base import times
from xpjob.collect.contract import Listed, Section, Subscription
from xpjob.collect.fetch import outcome_of
from xpjob.collect.meters import Key, Reading
from xpjob.collectors.capacity.collector import CapacityCollector
from xpjob.collectors.capacity.usage import NOT_LISTED, ON_VIRTUAL
from xpjob.collectors.crossplane import usage as crossplane_usage
from xpjob.collectors.crossplane.extra_labels import ExtraLabel
from xpjob.collectors.crossplane.from_wire import MAKERS, Keys
from xpjob.collectors.crossplane.wire import Object
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import ListKey
from xpjob.usage import engine
from xpjob.usage.engine import Planned
from xpjob.usage.state import UsageState

DAY = "2026-03-01"
GIB = 1 << 30


def pod(name: str, cpu: str, memory: str = "", *, node: str = "n1", **status: Any) -> Json:
    """Return a pod of a namespace, with one container."""
    requests = {"cpu": cpu, **({"memory": memory} if memory else {})}
    containers = [{"name": "c", "resources": {"requests": requests}}]
    spec = {"containers": containers, **({"nodeName": node} if node else {})}
    return {"metadata": {"name": name, "namespace": "pay"}, "spec": spec, "status": status}


def ended(*finished: str | None) -> list[Json]:
    """Return statuses of containers that have ended then."""
    return [
        {"name": f"c{number}", "state": {"terminated": {"finishedAt": at} if at else {}}}
        for number, at in enumerate(finished)
    ]


def node(name: str, pool: str = "", **more: Any) -> Json:
    """Return a node of 4 cores and 8 GiB, an old one."""
    labels = {"karpenter.sh/nodepool": pool} if pool else {}
    metadata = {
        "name": name, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {**labels, **more},
    }  # fmt: skip
    return {"metadata": metadata, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}


def readings(
    pods: Sequence[Json],
    nodes: Sequence[Json] = (),
    since: int = 0,
    page: int = 500,
    **options: str,
) -> list[Reading]:
    """Return the readings of the capacity collector."""
    collector, plan = CapacityCollector(), planned(**options)
    spaces = [{"metadata": {"name": "pay", "labels": {"team": "payments"}}}]
    lists = {"nodes": nodes, "pods": pods, "namespaces": spaces}
    listed = [read(collector, each, lists[each.role], page) for each in plan.subscriptions]
    section = collector.finish(plan, listed, None, AT)
    return list(collector.readings(plan, listed, section, since))


def counted(made: Sequence[Reading], begin: int, end: int) -> dict[str, int]:
    """Return what is counted in a window, by meter."""
    lists = [Planned("capacity", str(number), end) for number in range(2)]
    state = UsageState(lists=tuple(each.counted_until(begin) for each in lists))
    windows = engine.windows(state, lists, RULES)
    after = engine.count(state, lists, windows, made, end, RULES)
    totals: dict[str, int] = {}
    for row in (row for day in after.open for row in day.rows):
        totals[row.key.meter] = totals.get(row.key.meter, 0) + row.quantity
    return totals


@pytest.mark.parametrize("amount", ["1e55", "1e100", "1e310", "1e401"])
def test_no_pod_ends_the_counting(amount: str) -> None:
    """Whatever it asks for, and for however long: what it counts is a number for databases."""
    running = {"phase": "Running", "startTime": f"{DAY}T00:00:00Z"}
    made = readings([pod("greedy", amount, amount, **running), pod("web", "250m", **running)])
    begin, end = at("10:00:00"), at("23:00:00")
    totals = counted(made, begin, end)
    assert totals["memory_requests"] == (2**63 - 1) * (end - begin)
    assert totals["cpu_requests"] == (2**63 - 1 + 250) * (end - begin)
    assert totals["pods"] == 2 * (end - begin)


JOBS = [
    pod("web", "250m", "512Mi", phase="Running", startTime=f"{DAY}T10:00:20Z"),
    pod("job", "2", "1Gi", phase="Succeeded", startTime=f"{DAY}T10:00:05Z",
        containerStatuses=ended(f"{DAY}T10:00:25Z")),
    pod("waits", "8", phase="Pending", node=""),
]  # fmt: skip


def test_pods_hold_their_requests_from_start_to_end() -> None:
    """Vector 11: a job that is shorter than the interval counts exactly, and once."""
    made = readings(JOBS)
    first = counted(made, at("10:00:00"), at("10:01:00"))
    assert first["cpu_requests"] == 250 * 40 + 2000 * 20 == 50_000
    assert first["memory_requests"] == 42_949_672_960
    assert first["pods"] == 60
    both = counted(made, at("10:00:00"), at("10:02:00"))
    assert (both["cpu_requests"], both["memory_requests"]) == (65_000, 75_161_927_680)
    clipped = readings(JOBS, since=at("10:01:00"))
    next_minute = counted(clipped, at("10:01:00"), at("10:02:00"))
    assert next_minute["cpu_requests"] == both["cpu_requests"] - first["cpu_requests"]


@pytest.mark.parametrize(
    ("status", "node_name", "life"),
    [
        ({"phase": "Running", "startTime": f"{DAY}T10:00:00Z"}, "n1", ("10:00:00", None)),
        (
            {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "True",
                 "lastTransitionTime": f"{DAY}T10:00:01Z"}]},
            "n1", ("10:00:01", None),
        ),
        (
            {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False",
                 "lastTransitionTime": f"{DAY}T10:00:01Z"}]},
            "", None,
        ),
        ({"phase": "Running"}, "n1", None),
        ({"phase": "Running", "startTime": "yesterday"}, "n1", None),
        (
            {"phase": "Failed", "startTime": f"{DAY}T10:00:00Z",
             "containerStatuses": ended(f"{DAY}T10:00:09Z", f"{DAY}T10:00:07Z", None),
             "initContainerStatuses": ended(f"{DAY}T10:00:03Z")},
            "n1", ("10:00:00", "10:00:09"),
        ),
        ({"phase": "Failed", "startTime": f"{DAY}T10:00:00Z"}, "n1", None),
        (
            {"phase": "Succeeded", "startTime": f"{DAY}T10:00:00Z",
             "containerStatuses": [{"name": "c", "state": {"running": {}}}]},
            "n1", None,
        ),
        (
            {"phase": "Succeeded", "startTime": f"{DAY}T10:00:00Z",
             "containerStatuses": ended("1970-01-01T00:00:00Z")},
            "n1", None,
        ),
        (
            {"phase": "Failed", "startTime": f"{DAY}T10:00:00Z",
             "containerStatuses": ended("1970-01-01T00:00:00Z", f"{DAY}T10:00:07Z")},
            "n1", ("10:00:00", "10:00:07"),
        ),
    ],
    ids=["started", "scheduled", "unschedulable", "unknown start", "invalid start", "failed",
         "evicted before it ran", "no end known", "ended in 1970", "one ended in 1970"],
)  # fmt: skip
def test_the_life_of_a_pod(
    status: dict[str, Any], node_name: str, life: tuple[str, str | None] | None
) -> None:
    """From its start, or from when it was scheduled; terminal ones until the last end."""
    made = readings([pod("p", "1", node=node_name, **status)])
    lives = {(each.begin, each.end) for each in made}
    expected = {(at(life[0]), at(life[1]) if life[1] else None)} if life else set()
    assert lives == expected


def test_terminal_pods_change_nothing_else() -> None:
    """Neither nodes nor sums, and no warning of what they requested."""
    terminal = pod("job", "x", phase="Failed", node="gone", startTime=f"{DAY}T10:00:00Z",
                   containerStatuses=ended(f"{DAY}T10:00:01Z"))  # fmt: skip
    collector, plan = CapacityCollector(), planned()

    def folded(pods: Sequence[Json]) -> Any:
        (subscription,) = [each for each in plan.subscriptions if each.role == "pods"]
        return read(collector, subscription, pods, 500).result

    with_it, without = folded([*JOBS[:1], terminal]), folded(JOBS[:1])
    for name in ("nodes", "places", "counts", "pending", "waiting", "causes", "invalid"):
        assert getattr(with_it, name) == getattr(without, name), name


def test_requests_and_allocatable_have_groups_of_nodes() -> None:
    """Idle is known by group; virtual nodes and those that are not listed are apart."""
    virtual = {"eks.amazonaws.com/compute-type": "fargate"}
    nodes = [node("n1", "large"), node("n2"), node("n3", **virtual)]
    running = {"phase": "Running", "startTime": f"{DAY}T09:00:00Z"}
    pods = [pod(f"p{name}", "1", node=name, **running) for name in ("n1", "n2", "n3", "n4")]
    made = readings(pods, nodes, since=at("10:00:00"), namespace_team_key="team")
    rows = {(r.key.meter, r.key.node_group): r.amount for r in made}
    assert rows == {
        **{("cpu_requests", group): 1000 for group in ("large", "", ON_VIRTUAL, NOT_LISTED)},
        **{("pods", group): 1 for group in ("large", "", ON_VIRTUAL, NOT_LISTED)},
        **{("cpu_allocatable", group): 4000 for group in ("large", "")},
        **{("memory_allocatable", group): 8 * GIB for group in ("large", "")},
    }
    assert {r.key.team for r in made if r.key.namespace} == {"payments"}
    assert {r.begin for r in made if r.key.meter == "pods"} == {at("10:00:00")}


def test_other_resources_are_meters_too() -> None:
    """Whatever pods request, but for the pod itself."""
    item = pod("p", "100u", phase="Running", startTime=f"{DAY}T09:00:00Z")
    requests = item["spec"]["containers"][0]["resources"]["requests"]
    requests |= {"nvidia.com/gpu": "2", "ephemeral-storage": "1.5", "memory": "0"}
    amounts = {each.key.meter: each.amount for each in readings([item])}
    assert amounts == {
        "pods": 1, "cpu_requests": 1, "nvidia.com/gpu_requests": 2, "ephemeral-storage_requests": 2,
    }  # fmt: skip


def section(*records: Any) -> Section:
    """Return a linked section of these records."""
    claims, xrs, mrs = linked(records)
    return Section({"claims": claims, "xrs": xrs, "mrs": mrs})


def record(item: Json, kind: Kind, class_: str, keys: Keys = KEYS) -> Any:
    """Return the record of an object."""
    return MAKERS[class_](target(kind, class_), keys).make(decoded(item))


def listed(*lists: tuple[Kind, str, str]) -> list[Listed]:
    """Return outcomes of lists: kind, class, namespace."""
    made = [Subscription(ListKey(k.gvr, ns), Object, kind=k.kind, role=c) for k, c, ns in lists]
    return [Listed(each, outcome_of(each)) for each in made]


LISTS = ((CLAIM, "claim", ""), (XR, "composite", ""), (BUCKET, "managed", ""))


def test_objects_count_by_class_and_team() -> None:
    """The team comes through the tree; an XR that nobody claims is an order of its own."""
    xr = legacy_xr("db-x", claimed_by=("team-a", "db"))
    lonely = legacy_xr("lonely")
    made = section(
        record(claim("db", xr="db-x"), CLAIM, "claim"),
        record(xr, XR, "composite"),
        record(lonely, XR, "composite"),
        record(managed("b1", "team-a", owned_by=owner(XR, xr)), BUCKET, "managed"),
        record(managed("b2", "team-a", owned_by=owner(XR, xr)), BUCKET, "managed"),
    )
    since = times.epoch("2026-10-01T00:00:00Z")
    assert since is not None
    found = list(crossplane_usage.readings(listed(*LISTS), made, since))
    rows = {(r.list, r.key.class_, r.key.kind, r.key.team): r.amount for r in found}
    team = made.tables["claims"][0].team
    assert team
    assert rows == {
        (0, "claim", CLAIM.kind, team): 1,
        (1, "composite", XR.kind, team): 1,
        (1, "composite-root", XR.kind, ""): 1,
        (2, "managed", BUCKET.kind, team): 2,
    }
    assert {r.begin for r in found} == {since}


def test_young_objects_carried_rows_and_lists_of_namespaces() -> None:
    """Each object is of its own list; what is carried is of none, as is what has no creation."""
    items = [claim(f"c{number}", f"team-{number % 2}") for number in range(4)]
    items[1]["metadata"]["creationTimestamp"] = "2026-10-01T00:00:07Z"
    del items[3]["metadata"]["creationTimestamp"]
    records = [record(item, CLAIM, "claim") for item in items]
    records[2].carried_since = "2026-10-01T00:00:00Z"
    since = times.epoch("2026-10-01T00:00:00Z") or 0
    lists = listed((CLAIM, "claim", "team-0"), (CLAIM, "claim", "team-1"))
    found = list(crossplane_usage.readings(lists, section(*records), since))
    assert {(r.list, r.key.namespace, r.amount, r.begin) for r in found} == {
        (0, "team-0", 1, since),
        (1, "team-1", 1, since + 7),
    }


def test_extra_labels_are_tags() -> None:
    """Sorted by name."""
    keys = Keys(KEYS.composition, KEYS.composite, (ExtraLabel("stage", "label", "stage"),))
    item = claim("c")
    item["metadata"]["labels"] = {"stage": "prod"}
    (found,) = crossplane_usage.readings(
        listed(*LISTS), section(record(item, CLAIM, "claim", keys)), 0
    )
    assert found.key.tags == (("stage", "prod"),)
    assert isinstance(found.key, Key)
