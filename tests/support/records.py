"""Records made of objects as the API sends them."""

from __future__ import annotations

import json
from typing import Any

from support.stand_in import BUCKET, CLAIM, KINDS, XR
from xpjob.collectors.crossplane import from_wire, wire
from xpjob.collectors.crossplane.from_wire import Keys
from xpjob.collectors.crossplane.records import Claim, CompositeResource, ManagedResource
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


def to_claim(item: dict[str, Any], owners: Owners = OWNERS) -> Claim:
    """Make the record of a claim."""
    return from_wire.claim(decoded(item), target(CLAIM, "claim", owners), KEYS)


def to_xr(item: dict[str, Any], kind: Kind = XR) -> CompositeResource:
    """Make the record of an XR."""
    return from_wire.composite(decoded(item), target(kind, "composite"), KEYS)


def to_mr(item: dict[str, Any], kind: Kind = BUCKET) -> ManagedResource:
    """Make the record of an MR."""
    return from_wire.managed(decoded(item), target(kind, "managed"), KEYS)
