"""Amounts by resource name, as pods and nodes have them, in nano units.

Results are cached by the bytes of the JSON, since most pods have the same as others. They are
shared: do not change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from xpjob.kube.mend import UNREADABLE
from xpjob.kube.quantity import QuantityError, amount

Amounts = Mapping[str, int]
"""Nano units by resource name, such as ``cpu``."""


class Resources(NamedTuple):
    """``resources`` of a container, a pod or a status. ``None``, unlike empty, is not set."""

    requests: Amounts | None
    limits: Amounts | None


class _Wire(Struct):
    requests: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None


# Numbers keep their text, which is exact.
_resources = msgspec.json.Decoder(_Wire | None, float_hook=str)
_amounts = msgspec.json.Decoder(dict[str, Any] | None, float_hook=str)


@lru_cache(maxsize=4096)
def resources(raw: bytes) -> Resources | None:
    """Return requests and limits; ``None`` if there are no resources, or null.

    Raises ``QuantityError``.
    """
    if not raw:
        return None
    try:
        wire = _resources.decode(raw)
    except UNREADABLE as error:
        raise QuantityError(f"invalid resources: {error}") from error
    if wire is None:
        return None
    return Resources(_parsed(wire.requests, "requests."), _parsed(wire.limits, "limits."))


@lru_cache(maxsize=4096)
def amounts(raw: bytes) -> Amounts | None:
    """Return the amounts of a map such as ``status.allocatable``; ``None`` if there is none.

    Raises ``QuantityError``.
    """
    if not raw:
        return None
    try:
        wire = _amounts.decode(raw)
    except UNREADABLE as error:
        raise QuantityError(f"invalid amounts of resources: {error}") from error
    return _parsed(wire, "")


def _parsed(values: dict[str, Any] | None, where: str) -> dict[str, int] | None:
    if values is None:
        return None
    parsed = {}
    for name, value in values.items():
        try:
            parsed[name] = amount(value)
        except QuantityError as error:
            raise QuantityError(f"{where}{name}: {error}") from error
    return parsed


def add(total: dict[str, int], more: Amounts | None) -> None:
    """Add amounts to a total."""
    for name, value in (more or {}).items():
        total[name] = total.get(name, 0) + value


def largest(*several: Amounts | None) -> dict[str, int]:
    """Return the largest amount of each resource."""
    result: dict[str, int] = {}
    for one in several:
        for name, value in (one or {}).items():
            if name not in result or value > result[name]:
                result[name] = value
    return result
