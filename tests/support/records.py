"""Records made of objects as the API sends them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from support.stand_in import BUCKET, CLAIM, KINDS, XR
from xpjob.collectors.crossplane import owners as owner_index
from xpjob.collectors.crossplane import wire
from xpjob.collectors.crossplane.from_wire import MAKERS, Keys
from xpjob.collectors.crossplane.link import link
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)
from xpjob.collectors.crossplane.target import Owners, Target
from xpjob.kube.discovery import Kind

LABEL = "crossplane.io/composition-name"
OWNERS = Owners("central", "example.org/creator", "example.org/team")
KEYS = Keys(LABEL, "crossplane.io/composite")
LISTED = frozenset((kind.group, kind.kind) for kind in KINDS)


def target(kind: Kind, class_: str, owners: Owners = OWNERS) -> Target:
    """Return the target that lists everything of a kind."""
    return Target(kind, class_, "", owners, "", provider="provider-x", listed=LISTED)


def decoded(item: dict[str, Any]) -> wire.Object:
    """Read an object off the wire."""
    (read,) = wire.decode_page(json.dumps({"items": [item]}).encode()).items
    return read


def linked(records: Iterable[Record]) -> Inventory:
    """Link records in place."""
    inventory = Inventory.of(records)
    link(inventory, owner_index.Owners(inventory))
    return inventory


def made(
    item: dict[str, Any], kind: Kind, class_: str, owners: Owners = OWNERS, keys: Keys = KEYS
) -> Any:
    """Make the record of an object of any class."""
    return MAKERS[class_](target(kind, class_, owners), keys).make(decoded(item))


def to_claim(item: dict[str, Any], owners: Owners = OWNERS) -> Claim:
    """Make the record of a claim."""
    record: Claim = made(item, CLAIM, "claim", owners)
    return record


def to_xr(item: dict[str, Any], kind: Kind = XR) -> CompositeResource:
    """Make the record of an XR."""
    record: CompositeResource = made(item, kind, "composite")
    return record


def to_mr(item: dict[str, Any], kind: Kind = BUCKET) -> ManagedResource:
    """Make the record of an MR."""
    record: ManagedResource = made(item, kind, "managed")
    return record
