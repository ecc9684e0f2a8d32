"""Any cluster against a plain reading of the rules, pod by pod."""

from __future__ import annotations

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from support.services import (
    CONTROLLER,
    NAMESPACE,
    POD,
    SERVICE,
    SLICE,
    Json,
    endpoint_slice,
    pod,
    service,
)
from support.services_section import AT, cluster_of, make
from xpjob.collectors.services.fold import MIRRORED, SERVICE_NAME
from xpjob.collectors.services.options import ANNOTATION

NAMES = ("web", "api", "a.b", "x" * 64)
SERVICES = ("web", "api", "left")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2")
FAMILIES = (("IPv4",), ("IPv6",), ("IPv4", "IPv6"))

pods = st.builds(
    lambda name, four, six, value, phase, deleting, host: pod(
        name,
        *filter(None, (four, six)),
        value=value,
        phase=phase,
        deleting=deleting,
        host_network=host,
    ),
    st.sampled_from(NAMES),
    st.sampled_from(("", *ADDRESSES[:2])),
    st.sampled_from(("", *ADDRESSES[2:])),
    st.sampled_from(("true", "true", "true", "yes", None)),
    st.sampled_from(("Running", "Running", "Pending", "Succeeded", "Failed")),
    st.booleans(),
    st.booleans(),
)
services = st.builds(
    lambda name, value, ip, selector, families: service(
        name, value=value, cluster_ip=ip, selector=selector, families=families
    ),
    st.sampled_from(SERVICES),
    st.sampled_from(("true", None)),
    st.sampled_from(("None", "None", "10.96.0.1")),
    st.sampled_from((None, None, {"a": "b"})),
    st.sampled_from(FAMILIES),
)
slices = st.builds(
    lambda name, address, ready, by: endpoint_slice(
        name, address, ready=ready, managed_by=by, suffix=address.replace(":", "")
    ),
    st.sampled_from(SERVICES),
    st.sampled_from(ADDRESSES),
    st.sampled_from((True, None, False)),
    st.sampled_from((MIRRORED, "staff", CONTROLLER)),
)


def own(item: Json) -> bool:
    """Return whether a Service is headless and has no selector."""
    return item["spec"]["clusterIP"] == "None" and "selector" not in item["spec"]


def answers(name: str, there: dict[str, Json]) -> set[str]:
    """Return what DNS answers for a Service."""
    return {
        address
        for item in there.values()
        if item["metadata"]["labels"][SERVICE_NAME] == name
        for endpoint in item["endpoints"]
        if endpoint.get("conditions", {}).get("ready") is not False
        for address in endpoint["addresses"]
    }


def expected(item: Json, found: Json | None, there: dict[str, Json]) -> str | None:
    """Return the state of a pod as the rules say it, None if it has no row."""
    name, status = item["metadata"]["name"], item["status"]
    value = item["metadata"].get("annotations", {}).get(ANNOTATION)
    addresses = {each["ip"] for each in status.get("podIPs", ())}
    over = status["phase"] in ("Succeeded", "Failed") or "deletionTimestamp" in item["metadata"]
    if value is None:
        return None
    if value != "true":
        return "suspicious"
    if found is None:
        if over:
            return None
        if "." in name or len(name) > 63:
            return "impossible"
        return "missing" if addresses else "waiting"
    if not own(found):
        return "foreign"
    if over:
        return "stale"
    if not addresses:
        return "wrongAddress" if answers(name, there) else "waiting"
    families = found["spec"]["ipFamilies"]
    wanted = {each for each in addresses if ("IPv6" if ":" in each else "IPv4") in families}
    ready = answers(name, there)
    if not ready:
        return "noAddress"
    if ready - addresses or not ready & wanted:
        return "wrongAddress"
    if wanted - ready:
        return "familyMissing"
    return "hostNetwork" if item["spec"].get("hostNetwork") else "served"


@settings(max_examples=150, deadline=None)
@given(st.lists(pods, max_size=4), st.lists(services, max_size=4), st.lists(slices, max_size=6))
def test_any_cluster(some: list[Json], named: list[Json], listed: list[Json]) -> None:
    """Each pod and each orphan has the row that the rules give it; a second run finds no change."""
    by_name = {item["metadata"]["name"]: item for item in some}
    services_ = {item["metadata"]["name"]: item for item in named}
    there = {item["metadata"]["name"]: item for item in listed}
    cluster = cluster_of(
        {POD: [*by_name.values()], SERVICE: [*services_.values()], SLICE: [*there.values()]}
    )
    made = make(cluster)
    rows = {
        ("Pod", name): expected(item, services_.get(name), there) for name, item in by_name.items()
    }
    annotated = {name for name, item in by_name.items() if "annotations" in item["metadata"]}
    orphans = {
        ("Service", name): "orphan"
        for name, item in services_.items()
        if own(item) and "annotations" in item["metadata"] and name not in annotated
    }
    assert made.states == {key: state for key, state in {**rows, **orphans}.items() if state}
    for row in made.rows:
        owner = row.get("takenBy")
        if owner:
            other = by_name[owner.partition("/")[2]]
            assert (
                owner == f"{NAMESPACE}/{other['metadata']['name']}" != f"{NAMESPACE}/{row['name']}"
            )
            assert {each["ip"] for each in other["status"]["podIPs"]} & set(row["found"])
    again = make(cluster, made, at="2026-08-21T09:01:00.000000Z")
    assert (again.rows, again.churn) == (made.rows, {})
    assert all(row["since"] <= AT for row in chain(made.rows, again.rows))
