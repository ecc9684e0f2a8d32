"""The version of the API server."""

from __future__ import annotations

import pytest

from support.stand_in import StandIn
from xpjob.base.errors import BadAnswerError
from xpjob.demo.cluster import Fault
from xpjob.kube.version import Version, server_version


def test_the_version_is_read_with_one_request(stand_in: StandIn) -> None:
    """Without a list of anything."""
    stand_in.cluster.requests.clear()
    assert server_version(stand_in.api()).number == 36
    assert [path for path, _ in stand_in.cluster.requests] == ["/version"]


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [("1", "36", 36), ("1", "36+", 36), ("1", "", None), ("1", "x", None), ("2", "1", None)],
)
def test_the_minor_version_of_managed_clusters_has_a_plus(
    major: str, minor: str, expected: int | None
) -> None:
    """What is no version of Kubernetes 1 is unknown."""
    assert Version(major, minor).number == expected


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_what_is_no_version_is_an_error(stand_in: StandIn, body: bytes) -> None:
    """Such as the page of a proxy."""
    stand_in.cluster.fault = lambda path, _: Fault(200, body) if path == "/version" else None
    with pytest.raises(BadAnswerError, match="GET /version"):
        server_version(stand_in.api())
