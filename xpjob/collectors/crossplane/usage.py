"""What is counted as usage: claims, XRs and MRs, by class, kind, namespace, team and composition.

A claim, its XR and their MRs are one order, so that nothing is summed over classes. Orders are
claims, and those XRs that no claim and no other XR asks for (``composite-root``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from xpjob.base import times
from xpjob.collect.contract import Listed, Section
from xpjob.collect.meters import Key, Meter, Reading
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE
from xpjob.collectors.crossplane.records import CompositeResource, Record
from xpjob.collectors.crossplane.tables import TABLES

COMPOSITE_ROOT = "composite-root"
OBJECTS = "objects"
METERS = (
    Meter(
        OBJECTS,
        "Unit",
        ("class_", "group", "kind", "namespace", "team", "composition", "tags"),
        "Claims, XRs (class composite-root without claim and parent, else composite) and MRs, from "
        "their creation until they are gone; tags are EXTRA_LABELS.",
        orders=(CLAIM, COMPOSITE_ROOT),
    ),
)
_Kind = tuple[str, str, str]
_Group = tuple[str, _Kind, str, str, str, str, tuple[tuple[str, str], ...], str]
"""Class, group, version and resource, kind, namespace, team, composition, tags, since when."""


def readings(listed: Sequence[Listed], section: Section, since: int) -> Iterator[Reading]:
    """Yield a reading for all objects with equal key that are counted since the same time."""
    lists: dict[tuple[_Kind, str, str], int] = {
        (key.gvr, item.subscription.role, key.namespace): number
        for number, item in enumerate(listed)
        for key in (item.subscription.key,)
    }
    text = times.rfc3339_seconds(since)
    counted: Counter[_Group] = Counter(
        (
            _class(record),
            (record.group, record.version, record.resource),
            record.kind,
            record.namespace,
            record.team,
            record.composition,
            tuple(sorted(record.extra.items())) if record.extra else (),
            # What began earlier is alike.
            text if _is_since(record.created_at, text) else record.created_at,
        )
        for spec in TABLES
        for record in section.tables[spec.key]
        if not record.carried_since
    )
    for (class_, gvr, kind, namespace, team, composition, tags, created), count in counted.items():
        role = COMPOSITE if class_ == COMPOSITE_ROOT else class_
        number = lists.get((gvr, role, namespace), lists.get((gvr, role, "")))
        begin = times.epoch(created)
        if number is not None and begin is not None:
            key = Key(OBJECTS, class_, gvr[0], kind, namespace, team, composition, tags=tags)
            yield Reading(number, key, count, begin)


def _class(record: Record) -> str:
    if isinstance(record, CompositeResource) and record.claim is None and record.parent is None:
        return COMPOSITE_ROOT
    return record.class_


def _is_since(created: str, text: str) -> bool:
    """Return whether a time is before another one; False if that takes more than to compare."""
    return len(created) == len(text) and created[-1] == "Z" and created < text
