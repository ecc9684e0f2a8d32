"""Since when, and until when: what a run remembers of those before it."""

from __future__ import annotations

from unittest.mock import ANY

import pytest

from support.inventories import Inventory, brief, remove
from support.workloads import (
    CRON_JOB,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    A,
    B,
    C,
    Json,
    deployment,
    owned,
    pod,
    reported,
)
from xpjob.collectors.deployments.rows import Deployment
from xpjob.collectors.deployments.since import MAX_GONE, Memory, mark_absent
from xpjob.demo.cluster import Fault

V1, V2 = "ghcr.io/shop/web:v1", "ghcr.io/shop/web:v2"
RAW_C = "c" * 64
"""CRI-O's form of a config ID."""


def web(owner: Json, image: str = V1, value: str = A, count: int = 2, **more: str) -> list[Json]:
    """Return the pods of a ReplicaSet."""
    name = owner["metadata"]["name"]
    return [
        pod(f"{name}-{number}", owner, image, more.get("image_id") or reported(image, value))
        for number in range(count)
    ]


def states(site: Inventory) -> dict[str, tuple[str, int, int]]:
    """Run, and return the state, pods and absent runs of each digest."""
    return {row["digest"]: (row["state"], row["pods"], row["absentRuns"]) for row in site.collect()}


def since(site: Inventory, digest: str) -> str:
    """Return since when a digest is there, as stored."""
    (row,) = (row for row in site.stored()["deployments"] if row["digest"] == digest)
    text: str = row["since"]
    return text


def test_a_rollout_shows_both_digests(site: Inventory) -> None:
    """Each with its pods; the old one is gone once its pods are."""
    top, old = deployment(site.cluster, "web")
    site.put(*web(old))
    assert states(site) == {A: ("running", 2, 0)}
    began = since(site, A)
    new = site.cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-2", by=top))
    site.put(*web(old, count=1), *web(new, V2, B, count=1))
    assert states(site) == {A: ("running", 1, 0), B: ("running", 1, 0)}
    assert since(site, A) == began < since(site, B)
    site.put(*web(new, V2, B))
    assert states(site) == {A: ("gone", 0, 1), B: ("running", 2, 0)}
    until = next(row["until"] for row in site.stored()["deployments"] if row["digest"] == A)
    assert states(site) == {A: ("gone", 0, 2), B: ("running", 2, 0)}
    (gone,) = (row for row in site.stored()["deployments"] if row["digest"] == A)
    assert (gone["until"], gone["since"], gone["scaledToZero"]) == (until, began, False)


def test_a_restart_of_pods_keeps_since(site: Inventory) -> None:
    """With other names, other nodes, and another ReplicaSet for the same image."""
    top, old = deployment(site.cluster, "web")
    site.put(*web(old))
    site.collect()
    began = since(site, A)
    new = site.cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-2", by=top))
    site.put(*web(new, count=3))
    assert states(site) == {A: ("running", 3, 0)}
    assert since(site, A) == began


def test_another_tag_of_the_same_digest_keeps_since(site: Inventory) -> None:
    """The row has the new tag; the old one is not gone, as what runs is the same."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    began = since(site, A)
    site.put(*web(owner, V2, A))
    assert brief(site.collect(), "tag", "since", "state") == [("v2", began, "running")]


def test_a_container_that_has_not_started_leaves_no_trace(site: Inventory) -> None:
    """It is shown while it waits, with the reason."""
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner, V1, "", phase="Pending"))
    assert brief(site.collect(), "digest", "noDigestWhy", "pods") == [("", "notStarted", 1)]
    site.put(*web(owner))
    assert states(site) == {A: ("running", 2, 0)}


def test_a_raw_id_of_crio_after_a_restart_keeps_digest_and_since(site: Inventory) -> None:
    """All at once, or node by node; the row says that the digest is remembered."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    began = since(site, A)
    mixed = [*web(owner, count=1), pod("web-other", owner, V1, RAW_C)]
    for pods, why in ((mixed, ""), (web(owner, image_id=RAW_C), "configId")):
        site.put(*pods)
        (row,) = site.collect()
        assert (row["digest"], row["digestFrom"], row["pods"]) == (A, "registry", 2)
        assert (row["since"], row["noDigestWhy"], row["absentRuns"]) == (began, why, 0)
    # A new ReplicaSet with an image of that config ID has the same content.
    new = site.cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-2"))
    site.put(*web(owner, image_id=RAW_C), *web(new, "elsewhere.example/web", image_id=RAW_C))
    assert set(brief(site.collect(), "digest")) == {(A,)}
    # And the runtime reports the digest again.
    site.put(*web(owner))
    found = brief(site.collect(), "workload", "state", "since")
    assert found == [("web", "running", began), ("web-2", "scaledToZero", ANY)]


def test_another_config_id_is_not_taken_for_the_same_image(site: Inventory) -> None:
    """The tag may have moved: then nothing is known."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    site.put(*web(owner, image_id=RAW_C))
    site.collect()
    site.put(*web(owner, image_id="f" * 64))
    assert states(site) == {A: ("gone", 0, 1), "": ("running", 2, 0)}


def test_a_config_id_is_not_guessed_where_two_digests_ran(site: Inventory) -> None:
    """One ReplicaSet may run two digests of one tag."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner, count=1), pod("web-b", owner, V1, reported(V1, B)))
    assert states(site).keys() == {A, B}
    site.put(*web(owner, image_id=RAW_C))
    assert states(site)[""] == ("running", 2, 0)


def test_a_gap_of_one_run_is_no_deployment(site: Inventory) -> None:
    """But that of two is."""
    _, owner = deployment(site.cluster, "web")
    other = pod("other", None, "other", reported("other", B))
    site.put(*web(owner), other)
    site.collect()
    began = since(site, A)
    site.cluster.delete(REPLICA_SET, NAMESPACE, "web-7d9f8")
    site.cluster.delete(DEPLOYMENT, NAMESPACE, "web")
    site.put(other)
    assert states(site)[A] == ("gone", 0, 1)
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner), other)
    assert states(site)[A] == ("running", 2, 0)
    assert since(site, A) == began
    site.cluster.delete(REPLICA_SET, NAMESPACE, "web-7d9f8")
    site.cluster.delete(DEPLOYMENT, NAMESPACE, "web")
    site.put(other)
    assert [states(site)[A][2] for _ in range(2)] == [1, 2]
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner), other)
    assert states(site)[A] == ("running", 2, 0)
    assert since(site, A) > began


@pytest.mark.parametrize("runs", [1, 10])
def test_runs_that_could_not_list_pods_change_nothing(site: Inventory, runs: int) -> None:
    """Rows are kept and marked; nothing counts as absent, whatever else is listed."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    before = site.stored()
    site.put()
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/pods") else None
    for _ in range(runs):
        (row,) = site.collect()
        assert site.last.report.partial
        assert row["carriedSince"] == before["generatedAt"]
        assert (row["state"], row["pods"], row["absentRuns"]) == ("running", 2, 0)
    site.cluster.fault = lambda *_: None
    site.put(*web(owner))
    assert brief(site.collect(), "since", "carriedSince") == [
        (before["deployments"][0]["since"], "")
    ]


def test_half_a_list_of_pods_is_none(site: Inventory) -> None:
    """A later page fails: nobody is missing."""
    _, owner = deployment(site.cluster, "web")
    for number in range(3):
        image = f"ghcr.io/shop/x{number}:v1"
        site.cluster.apply(POD, pod(f"alone-{number}", None, image, reported(image, B)))
    for item in web(owner, count=4):
        site.cluster.apply(POD, item)
    assert len(site.collect()) == 4

    def later(path: str, query: dict[str, str]) -> Fault | None:
        return Fault(403) if path.endswith("/pods") and "continue" in query else None

    site.cluster.fault = later
    rows = site.collect()
    assert {(row["state"], row["absentRuns"]) for row in rows} == {("running", 0)}
    assert all(row["carriedSince"] for row in rows)


def test_a_namespace_that_fails_costs_only_its_own(site: Inventory) -> None:
    """Where namespaces are listed one by one."""
    for namespace in ("a", "b"):
        _, owner = deployment(site.cluster, "web", namespace)
        site.cluster.apply(POD, pod("web-1", owner, namespace=namespace))
    site.collect(namespace="a,b")
    for namespace in ("a", "b"):
        site.cluster.delete(POD, namespace, "web-1")
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/a/pods") else None
    rows = {row["namespace"]: row for row in site.collect(namespace="a,b")}
    assert (rows["a"]["state"], bool(rows["a"]["carriedSince"])) == ("running", True)
    assert (rows["b"]["state"], bool(rows["b"]["carriedSince"])) == ("scaledToZero", False)


def test_scaled_to_zero_is_not_gone(site: Inventory) -> None:
    """However long; scaled up again, it is there since before. Deleted, it is gone."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    began = since(site, A)
    site.put()
    assert [states(site)[A] for _ in range(3)] == [("scaledToZero", 0, n) for n in (1, 2, 3)]
    site.put(*web(owner))
    assert states(site) == {A: ("running", 2, 0)}
    assert since(site, A) == began
    site.put()
    states(site)
    deleting = owned(DEPLOYMENT, "web", deleting=True)
    site.cluster.apply(DEPLOYMENT, deleting)  # the foreground deletion has begun
    assert states(site) == {A: ("gone", 0, 2)}


def test_a_workload_of_pods_alone_is_scaled_to_zero_where_its_kind_is_listed(
    site: Inventory,
) -> None:
    """A StatefulSet has nothing between it and its pods."""
    database = site.cluster.apply(STATEFUL_SET, owned(STATEFUL_SET, "database"))
    site.put(pod("database-0", database))
    site.collect()
    site.put()
    assert states(site) == {A: ("scaledToZero", 0, 1)}
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("statefulsets") else None
    assert states(site) == {A: ("gone", 0, 2)}


def test_what_was_replaced_before_is_gone_when_the_rest_is_scaled_to_zero(
    site: Inventory,
) -> None:
    """Only what ran last can come back."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    site.put(*web(owner, V2, B))
    site.collect()
    site.put()
    assert states(site) == {A: ("gone", 0, 2), B: ("scaledToZero", 0, 1)}


def test_a_renamed_container_is_another(site: Inventory) -> None:
    """The old one is gone although the workload runs."""
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner))
    site.collect()
    site.put(pod("web-1", owner, containers=[("main", V1, reported(V1, A))]))
    found = brief(site.collect(), "container", "state")
    assert found == [("app", "gone"), ("main", "running")]


def test_a_cronjob_is_there_between_its_runs(site: Inventory) -> None:
    """Through pods that have ended, and after these are gone through the CronJob."""
    tick = site.cluster.apply(CRON_JOB, owned(CRON_JOB, "tick"))
    job = site.cluster.apply(JOB, owned(JOB, "tick-1", by=tick))
    site.put(pod("tick-1-x", job, phase="Succeeded"), pod("tick-1-y", job))
    (row,) = site.collect()
    assert (row["state"], row["pods"], row["completed"]) == ("running", 1, 1)
    site.put(pod("tick-1-x", job, phase="Succeeded"), pod("tick-1-y", job, phase="Failed"))
    (row,) = site.collect()
    assert (row["state"], row["pods"], row["completed"]) == ("completed", 0, 2)
    site.cluster.delete(JOB, NAMESPACE, "tick-1")
    site.put()
    assert states(site) == {A: ("scaledToZero", 0, 1)}


def test_evicted_pods_do_not_run_anything(site: Inventory) -> None:
    """They stay for days, with the image that they had."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner, V2, B), pod("web-old", owner, phase="Failed"))
    assert states(site) == {B: ("running", 2, 0)}


@pytest.mark.parametrize("status", [403, 503])
def test_while_replicasets_cannot_be_listed_workloads_stay_what_they_are(
    site: Inventory, status: int
) -> None:
    """By the UIDs of the run before. A new ReplicaSet is one by itself until it can be found."""
    top, old = deployment(site.cluster, "web")
    site.put(*web(old), pod("alone"))
    site.collect()
    began = since_of(site, "web")
    site.cluster.fault = lambda path, _: Fault(status) if path.endswith("replicasets") else None
    new = site.cluster.apply(REPLICA_SET, owned(REPLICA_SET, "web-2", by=top))
    site.put(*web(old, count=1), *web(new, V2, B, count=1))
    found = brief(site.collect(), "workloadKind", "workload", "digest", "state", "ownerKnown")
    assert found == [
        ("Deployment", "web", A, "running", True),
        # Its pods may be attributed to what is not known, so nothing is gone.
        ("Pod", "alone", A, "running", True),
        ("ReplicaSet", "web-2", B, "running", False),
    ]
    assert site.last.report.partial
    assert since_of(site, "web") == began
    appeared = since_of(site, "web-2")
    site.cluster.fault = lambda *_: None
    site.put(*web(new, V2, B))
    found = brief(site.collect(), "workload", "digest", "state", "since", "ownerKnown")
    assert found == [
        ("alone", A, "gone", began, True),
        ("web", A, "gone", began, True),
        ("web", B, "running", appeared, True),
    ]


def test_what_is_gone_does_not_count_as_absent_while_owners_are_unknown(site: Inventory) -> None:
    """Its pods may be back, attributed to a lower owner."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    site.put(*web(owner, V2, B))
    assert states(site)[A] == ("gone", 0, 1)
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("replicasets") else None
    assert [states(site)[A] for _ in range(2)] == [("gone", 0, 1)] * 2
    site.cluster.fault = lambda *_: None
    assert states(site)[A] == ("gone", 0, 2)


def since_of(site: Inventory, workload: str) -> str:
    """Return since when a workload is there, as stored."""
    (row,) = (row for row in site.stored()["deployments"] if row["workload"] == workload)
    text: str = row["since"]
    return text


def test_a_higher_owner_that_fails_for_now_keeps_what_is_missing(site: Inventory) -> None:
    """It may be attributed to a lower owner; the run is partial, and says why."""
    _, owner = deployment(site.cluster, "web")
    site.put(*web(owner))
    site.collect()
    site.put()
    site.cluster.fault = lambda path, _: Fault(500) if path.endswith("cronjobs") else None
    assert states(site) == {A: ("running", 2, 0)}
    assert site.last.report.partial
    (outcome,) = (each for each in site.last.report.targets if each.unconfirmed)
    assert (outcome.resource, outcome.carried) == ("cronjobs", 1)
    site.cluster.fault = lambda *_: None
    assert states(site) == {A: ("scaledToZero", 0, 1)}


AT, LATER = "2026-08-21T09:00:00.000000Z", "2026-08-21T10:00:00.000000Z"


def gone(name: str, until: str, runs: int = 5) -> Deployment:
    """Return the row of what is gone."""
    return Deployment(
        namespace="n", workload=name, digest=A, until=until, absent_runs=runs, state="gone"
    )


@pytest.mark.parametrize(
    ("row", "seconds", "kept"),
    [
        pytest.param(gone("x", AT), 3601, True, id="not long ago"),
        pytest.param(gone("x", AT), 3600, False, id="long ago"),
        pytest.param(gone("x", "", 0), 0, True, id="for the first time"),
        pytest.param(gone("x", AT, 1), 0, False, id="for the second time"),
    ],
)
def test_what_is_gone_is_kept_for_a_time(row: Deployment, seconds: float, kept: bool) -> None:
    """At least for the run that might follow a gap."""
    assert bool(mark_absent([row], [], lambda *_: False, LATER, seconds)) == kept


def test_what_is_gone_is_bounded() -> None:
    """The latest are kept, and what is scaled to zero is not counted."""
    rows = [gone(f"x{number}", AT) for number in range(MAX_GONE + 5)]
    rows += [gone("last", LATER), gone("asleep", "")]
    rows[-1].absent_runs = 0
    kept = mark_absent(rows, [], lambda _, ref: ref.name == "asleep", LATER, 10_000)
    assert len(kept) == MAX_GONE + 1
    assert {"last", "asleep"} <= {row.workload for row in kept}


def test_what_was_stored_wrongly_does_not_break_a_run() -> None:
    """Times that are none."""
    row = Deployment(namespace="n", workload="x", digest=A, since="")
    memory = Memory().of([row])
    now = Deployment(namespace="n", workload="x", digest=A)
    assert memory.complete([now], AT) == []
    assert now.since == AT
    assert mark_absent([gone("y", "nonsense")], [], lambda *_: False, AT, 60)


def test_the_newest_of_pods_order_does_not_matter(site: Inventory) -> None:
    """Remember the same from pods in any order of names."""
    _, owner = deployment(site.cluster, "web")
    pods = [*web(owner, count=1), *(pod(f"x{n}", owner, V2, reported(V2, C)) for n in range(3))]
    site.put(*pods)
    first = brief(site.collect(), "digest", "pods")
    for item in pods:
        remove(site.cluster, item)
    for number, item in enumerate(reversed(pods)):
        item["metadata"]["name"] = f"y{number}"
        site.cluster.apply(POD, item)
    assert brief(site.collect(), "digest", "pods") == first
