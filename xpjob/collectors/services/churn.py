"""Count what has changed between two complete listings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from xpjob.collectors.services.rows import PodService
from xpjob.collectors.services.state import Churn
from xpjob.metrics.cumulative import MAX_COUNT

_Key = tuple[str, str, str]
"""Namespace, name and UID: an object that is replaced is another one."""


class _Seen(NamedTuple):
    """What rows show: the addresses of Services, the addresses of pods and whether they ended."""

    services: Mapping[_Key, tuple[str, ...]]
    pods: Mapping[_Key, tuple[object, ...]]


def add(
    total: Churn,
    before: Iterable[PodService],
    rows: Iterable[PodService],
    comparable: Callable[[str], bool],
) -> Churn:
    """Return the counts with the differences of the namespaces that are ``comparable``."""
    old, new = _seen(before, comparable), _seen(rows, comparable)
    differences = {
        "services_created": len(new.services.keys() - old.services.keys()),
        "services_deleted": len(old.services.keys() - new.services.keys()),
        # Addresses that appear belong to the creation.
        "services_updated": sum(
            bool(found) and new.services[key] not in ((), found)
            for key, found in old.services.items()
            if key in new.services
        ),
        "pods_added": len(new.pods.keys() - old.pods.keys()),
        "pods_deleted": len(old.pods.keys() - new.pods.keys()),
        "pods_updated": sum(
            new.pods[key] != facts for key, facts in old.pods.items() if key in new.pods
        ),
    }
    return msgspec.structs.replace(
        total,
        **{
            name: min(getattr(total, name) + number, MAX_COUNT)
            for name, number in differences.items()
        },
    )


def _seen(rows: Iterable[PodService], comparable: Callable[[str], bool]) -> _Seen:
    services: dict[_Key, tuple[str, ...]] = {}
    pods: dict[_Key, tuple[object, ...]] = {}
    for row in rows:
        if not comparable(row.namespace):
            continue
        if row.own_service:
            services[(row.namespace, row.name, row.service_uid)] = tuple(sorted(row.found))
        if row.kind == "Pod" and row.state != "suspicious":
            pods[(row.namespace, row.name, row.pod_uid)] = (*row.addresses, row.ended)
    return _Seen(services, pods)
