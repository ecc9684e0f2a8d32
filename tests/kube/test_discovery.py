"""Which kinds there are."""

from __future__ import annotations

import json
import logging

import pytest

from support.logs import logged
from support.paths import DATA
from support.stand_in import APP, BUCKET, CLAIM, KINDS, NETWORK, NOP, OLD_APP, XR, StandIn
from xpjob.base.errors import BadAnswerError
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.kube.discovery import Kind, discover
from xpjob.kube.gvr import Gvr, parse_gvr

REAL = DATA / "aggregated-discovery.json"
POD = Kind("", "v1", "pods", "Pod", True, frozenset({"all"}))
NODE = Kind("", "v1", "nodes", "Node", False)
AGGREGATED = {
    "Content-Type": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
}


def test_one_request_finds_all_kinds(stand_in: StandIn) -> None:
    """Whatever the number of groups."""
    catalogue = discover(stand_in.api(), 4)
    assert stand_in.paths() == ["/apis"]
    assert set(catalogue.kinds) == set(KINDS)


def test_a_category_has_each_kind_once_in_its_preferred_version(stand_in: StandIn) -> None:
    """A kind that is served in two versions is not listed twice."""
    catalogue = discover(stand_in.api(), 4)
    assert list(catalogue.in_category("composite")) == [APP, NETWORK, XR]
    assert list(catalogue.in_category("claim")) == [CLAIM]
    assert list(catalogue.in_category("managed")) == [BUCKET, NOP]
    assert catalogue.find(OLD_APP.gvr) == OLD_APP


def test_servers_without_aggregated_discovery_are_asked_group_by_group(stand_in: StandIn) -> None:
    """With the same result."""
    whole = discover(stand_in.api(), 4)
    stand_in.cluster.aggregated = False
    piecemeal = discover(stand_in.api(), 4)
    assert set(piecemeal.kinds) == set(whole.kinds)
    for category in ("claim", "composite", "managed"):
        assert list(piecemeal.in_category(category)) == list(whole.in_category(category))


@pytest.fixture
def core(stand_in: StandIn) -> StandIn:
    """A server with pods and nodes beside the platform's kinds."""
    stand_in.cluster.kinds = (*KINDS, POD, NODE)
    return stand_in


@pytest.mark.parametrize("groups", [True, False], ids=["aggregated", "plain"])
@pytest.mark.parametrize("aggregated", [True, False], ids=["aggregated core", "plain core"])
def test_core_kinds_are_found_where_they_are_wanted(
    core: StandIn, aggregated: bool, groups: bool
) -> None:
    """Whether the server has aggregated discovery for them, for the others, for both, for none."""
    core.cluster.aggregated, core.cluster.aggregated_core = groups, aggregated
    catalogue = discover(core.api(), 4, core=True)
    assert set(catalogue.kinds) == {*KINDS, POD, NODE, CONFIGMAP}
    assert catalogue.find(parse_gvr("v1/pods")) == catalogue.resource("", "pods") == POD
    assert catalogue.incomplete == ()
    assert (core.paths().count("/api"), core.paths().count("/apis")) == (1, 1)
    assert ("/api/v1" in core.paths()) is not aggregated


@pytest.mark.parametrize("aggregated", [True, False])
def test_core_kinds_cost_no_request_where_they_are_not_wanted(
    core: StandIn, aggregated: bool
) -> None:
    """And are not known then."""
    core.cluster.aggregated = aggregated
    catalogue = discover(core.api(), 4)
    assert set(catalogue.kinds) == set(KINDS)
    assert not [path for path in core.paths() if not path.startswith("/apis")]


@pytest.mark.parametrize("path", ["/api", "/api/v1"])
@pytest.mark.parametrize("fault", [Fault(403), Fault(200, b"<html>"), Fault(200, b"{}")])
def test_core_kinds_that_cannot_be_discovered_do_not_hide_the_others(
    core: StandIn, path: str, fault: Fault
) -> None:
    """They are a group version that does not answer, like any other."""
    core.cluster.aggregated_core = False
    core.cluster.fault = lambda asked, _query: fault if asked == path else None
    catalogue = discover(core.api(), 4, core=True)
    assert catalogue.incomplete == (("", "v1"),)
    assert set(catalogue.kinds) == set(KINDS)


def test_a_group_that_does_not_answer_does_not_hide_the_others(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named, and the rest is known."""
    stand_in.cluster.aggregated = False
    stand_in.cluster.fault = lambda path, _query: Fault(503) if "aws" in path else None
    with caplog.at_level(logging.WARNING, "xpjob.kube.discovery"):
        catalogue = discover(stand_in.api(), 4)
    assert catalogue.incomplete == (("s3.aws.m.upbound.io", "v1beta1"),)
    assert APP in catalogue.kinds
    assert BUCKET not in catalogue.kinds
    assert logged(caplog, "group_version") == [("s3.aws.m.upbound.io/v1beta1",)]


def test_a_real_server_is_understood(stand_in: StandIn) -> None:
    """The answer of a kube-apiserver 1.36 with Crossplane's own kinds and a few of a platform."""
    body = REAL.read_bytes()
    stand_in.cluster.fault = lambda _path, _query: Fault(200, body, AGGREGATED)
    catalogue = discover(stand_in.api(), 4)
    found = {
        category: {str(kind.gvr) for kind in catalogue.in_category(category)}
        for category in ("claim", "composite", "managed")
    }
    assert found["claim"] == {"platform.example.org/v1alpha1/postgresqlinstances"}
    assert "platform.example.org/v1alpha1/xpostgresqlinstances" in found["composite"]
    claim = catalogue.find(Gvr("platform.example.org", "v1alpha1", "postgresqlinstances"))
    assert claim is not None
    assert (claim.kind, claim.namespaced) == ("PostgreSQLInstance", True)


def test_a_stale_group_is_named(stand_in: StandIn) -> None:
    """What it has is not known in this run."""
    version = {"version": "v1", "freshness": "Stale", "resources": []}
    document = {"items": [{"metadata": {"name": "metrics.k8s.io"}, "versions": [version]}]}
    body = json.dumps(document).encode()
    stand_in.cluster.fault = lambda _path, _query: Fault(200, body, AGGREGATED)
    assert discover(stand_in.api(), 4).incomplete == (("metrics.k8s.io", "v1"),)


@pytest.mark.parametrize("headers", [{}, AGGREGATED], ids=["plain", "aggregated"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"groups": 3, "items": 3}',
        b"\xff\xfe",
        b"{}",
        b'{"kind": "Status"}',
    ],
)
def test_something_else_on_that_address_is_told(
    stand_in: StandIn, body: bytes, headers: dict[str, str]
) -> None:
    """A load balancer's welcome page is no API, and another document is no empty one."""
    stand_in.cluster.fault = lambda _path, _query: Fault(200, body, headers)
    with pytest.raises(BadAnswerError, match="is this a Kubernetes API"):
        discover(stand_in.api(), 4)


@pytest.mark.parametrize("body", [b"{}", b'{"kind": "Status"}'])
def test_something_else_in_the_place_of_a_group_is_no_empty_group(
    stand_in: StandIn, body: bytes
) -> None:
    """It is named, as one that does not answer; null is how Go writes that there is nothing."""
    stand_in.cluster.aggregated = False
    answers = [body, b'{"kind": "APIResourceList", "resources": null}']
    stand_in.cluster.fault = lambda path, _: Fault(200, answers[0]) if "aws" in path else None
    assert discover(stand_in.api(), 4).incomplete == (("s3.aws.m.upbound.io", "v1beta1"),)
    answers.pop(0)
    assert discover(stand_in.api(), 4).incomplete == ()
