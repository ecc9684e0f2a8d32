"""What somebody should look at, and what may still be on its way."""

from __future__ import annotations

import pytest

from support.services import KINDS as SERVICE_KINDS
from support.services import POD, SERVICE, SLICE, Json, endpoint_slice, fill_services, pod, service
from support.services_section import AT, cluster_of, make
from xpjob.collectors.services.findings import FINDINGS, MAX_FINDINGS
from xpjob.demo.cluster import Cluster

NOW = "2026-08-21T08:59:00Z"
"""A minute ago."""


def test_the_most_urgent_comes_first() -> None:
    """Each bad state is a finding of its own; what is only worth knowing is none."""
    cluster = Cluster(SERVICE_KINDS, token="t")
    fill_services(cluster)
    made = make(cluster, service_grace_seconds="0")
    assert made.findings == [
        ("ForeignService", "api"),
        ("AddressOfAnotherPod", "done"),
        ("ServiceMissing", "lacks"),
        ("ServiceWithoutAddress", "silent"),
        ("WrongAddress", "wrong"),
        ("OrphanService", "left"),
        ("ImpossibleServiceName", "with.dot"),
        ("AnnotationNotTrue", "yes"),
        ("FamilyMissing", "dual"),
        ("NoGoverningService", "queue"),
    ]
    assert {kind for kind, _ in made.findings} | {"StaleService"} == set(FINDINGS)
    by_kind = {each.finding: each for each in made.section.findings}
    other = by_kind["AddressOfAnotherPod"].other
    assert other is not None
    assert (other.kind, other.namespace, other.name) == ("Pod", "shop", "stranger")
    assert "10.0.0.8, 10.0.0.99 instead of 10.0.0.8" in by_kind["WrongAddress"].message
    assert (by_kind["OrphanService"].kind, by_kind["OrphanService"].uid) == (
        "Service",
        "service-shop-left",
    )


@pytest.mark.parametrize(
    ("started", "found"), [(NOW, []), ("2026-08-21T08:58:00Z", [("ServiceMissing", "web")])]
)
def test_what_is_new_may_be_on_its_way(started: str, found: list[tuple[str, str]]) -> None:
    """For SERVICE_GRACE_SECONDS, two minutes."""
    assert make(cluster_of({POD: [pod("web", "10.0.0.5", started=started)]})).findings == found


def test_a_service_of_somebody_else_is_reported_at_once() -> None:
    """The operator would change it before any time is over."""
    objects = {
        POD: [pod("web", "10.0.0.5", started=NOW)],
        SERVICE: [service("web", cluster_ip="10.96.0.7")],
    }
    made = make(cluster_of(objects))
    assert made.findings == [("ForeignService", "web")]
    assert made.row("web")["since"] == AT


def test_false_is_no_mistake() -> None:
    """It means what it says, and the row is there."""
    made = make(cluster_of({POD: [pod("web", "10.0.0.5", value="false")]}))
    assert (made.states, made.findings) == ({("Pod", "web"): "suspicious"}, [])


def test_many_are_cut_with_their_number() -> None:
    """The table has all."""
    pods: list[Json] = [pod(f"web-{number}", "10.0.0.5") for number in range(MAX_FINDINGS + 5)]
    made = make(cluster_of({POD: pods}))
    assert len(made.rows) == MAX_FINDINGS + 5
    assert len(made.findings) == MAX_FINDINGS + 1
    assert made.section.findings[-1].message.startswith("and 5 more")


def test_many_wrong_addresses_are_named_in_part() -> None:
    """The row has all of them."""
    found = [f"10.0.1.{number}" for number in range(9)]
    objects = {
        POD: [pod("web", "10.0.0.5")],
        SERVICE: [service("web")],
        SLICE: [endpoint_slice("web", *found)],
    }
    made = make(cluster_of(objects), service_grace_seconds="0")
    (finding,) = made.section.findings
    assert "10.0.1.0, 10.0.1.1, 10.0.1.2 and 6 more instead of 10.0.0.5" in finding.message
    assert made.row("web")["found"] == found
