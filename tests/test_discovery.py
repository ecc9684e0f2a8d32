"""Which kinds there are."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from stand_in import APP, BUCKET, CLAIM, KINDS, NETWORK, NOP, OLD_APP, XR, StandIn

from xpjob.base.errors import BadAnswerError
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import discover
from xpjob.kube.gvr import Gvr

REAL = Path(__file__).parent / "data" / "aggregated-discovery.json"
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
    assert "discovery is incomplete" in caplog.text


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
