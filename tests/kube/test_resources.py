"""Requests, limits and allocatable are read from JSON."""

from __future__ import annotations

import json

import pytest

from xpjob.kube.quantity import NANO, QuantityError
from xpjob.kube.resources import Resources, amounts, largest, resources


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", None),
        (b"null", None),
        (b"{}", Resources(None, None)),
        (b'{"requests": null, "limits": {}}', Resources(None, {})),
        (b'{"requests": {"cpu": 0.5}, "claims": []}', Resources({"cpu": NANO // 2}, None)),
    ],
)
def test_what_is_not_set_differs_from_what_is_empty(raw: bytes, expected: object) -> None:
    """In every place that a server may leave out, empty or null."""
    assert resources(raw) == expected


def test_numbers_are_exact() -> None:
    """Also such as no float holds."""
    raw = b'{"cpu": 0.1000000000000000000001, "memory": 9223372036854775809, "x": 1e25, "y": null}'
    ten_e25 = 10**25 * NANO
    expected = {"cpu": NANO // 10 + 1, "memory": (2**63 + 1) * NANO, "x": ten_e25, "y": 0}
    assert amounts(raw) == expected
    assert amounts(b"") is amounts(b"null") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"requests": {"cpu": "lots"}}, "requests.cpu: invalid quantity 'lots'"),
        ({"limits": {"memory": [1]}}, "limits.memory: invalid quantity"),
        ({"requests": 1}, "invalid resources"),
        ([], "invalid resources"),
    ],
)
def test_an_error_says_where(raw: object, expected: str) -> None:
    """And what it found there."""
    with pytest.raises(QuantityError, match=expected):
        resources(json.dumps(raw).encode())


def test_invalid_amounts_are_an_error() -> None:
    """For other JSON, and for an invalid quantity."""
    with pytest.raises(QuantityError, match="invalid amounts"):
        amounts(b'"4"')
    with pytest.raises(QuantityError, match="pods: invalid quantity"):
        amounts(b'{"pods": "110 pods"}')


def test_the_largest_of_each_resource_counts() -> None:
    """A resource that is missing in one is not 0 there: an amount below 0 remains."""
    assert largest({"a": 1, "b": 5}, None, {"b": 2, "c": -1}) == {"a": 1, "b": 5, "c": -1}
