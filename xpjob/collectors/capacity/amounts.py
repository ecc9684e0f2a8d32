"""Amounts of resources, in nano units (see ``kube.quantity``), so that sums are exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xpjob.kube import quantity
from xpjob.kube.quantity import QuantityError

Amounts = dict[str, int]
"""Resource to amount."""

CPU, MEMORY, PODS = "cpu", "memory", "pods"


def add(total: Amounts, amounts: Mapping[str, int], times: int = 1) -> None:
    """Add amounts to a total, several times."""
    for resource, amount in amounts.items():
        total[resource] = total.get(resource, 0) + amount * times


def numbers(amounts: Mapping[str, int]) -> dict[str, float]:
    """Return amounts in base units (cores, bytes, pieces), sorted by resource."""
    return {resource: quantity.to_float(amounts[resource]) for resource in ordered(amounts)}


def parsed(texts: Mapping[str, str] | None) -> Amounts:
    """Return the amounts of a list of resources; quantities that are not valid are left out."""
    amounts = {}
    for resource, text in (texts or {}).items():
        try:
            amounts[resource] = quantity.amount(text)
        except QuantityError:
            continue
    return amounts


def ratio(part: int, whole: int) -> float | None:
    """Return part / whole; None if the whole is not positive: there is no such number."""
    return part / whole if whole > 0 else None


def ordered(resources: Iterable[str]) -> list[str]:
    """Return resources sorted, cpu, memory and pods first."""
    first = (CPU, MEMORY, PODS)
    return sorted(
        set(resources), key=lambda name: (first.index(name) if name in first else 3, name)
    )
