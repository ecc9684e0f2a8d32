"""Claim, CompositeResource, ManagedResource: one resource each, slim, as the snapshot keeps them.

The shape is flat on purpose: the same document feeds jq, CSV and tables. ``ready`` and
``synced`` say whether the condition is True; ``ready_status`` and ``synced_status`` keep what it
really says: True, False, Unknown, or empty where the object has no such condition (yet).
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import ClassVar, NamedTuple

from msgspec import Struct

from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE, MANAGED


class Ref(Struct, frozen=True, gc=False):
    """What identifies an object on the cluster; a cluster-scoped one has no namespace."""

    group: str
    kind: str
    namespace: str
    name: str


class Record(Struct, kw_only=True, rename="camel", gc=False):
    """What all classes have in common. Times are RFC 3339, empty where not known.

    Creator, team and the extra labels (by name) are those of the claim or the root XR that it was
    made for. ``lagging``: its controller has not seen its latest spec. ``failing`` has further
    conditions that are not True, by type, with their reasons. ``ready_since``
    and ``synced_since`` are the conditions' own times, which move for many reasons; the last seven
    fields are what runs have seen and remember. ``first_ready_at`` is there only where it was
    seen; ``was_ready`` says that it has been ready, or may have been before anybody looked.

    Linking and remembering fill in a record as it is, for copies of all of them would be a fifth of
    a run's memory; after that nobody changes it.
    """

    class_: ClassVar[str]

    group: str
    version: str
    resource: str
    kind: str
    namespace: str
    name: str
    uid: str
    composition: str
    composition_revision: str
    source: str
    creator: str = ""
    team: str = ""
    extra: dict[str, str] = {}
    paused: bool
    deleting: bool
    ready: bool
    reason: str
    ready_status: str
    message: str
    ready_since: str
    synced: bool
    synced_status: str
    synced_reason: str
    synced_message: str
    synced_since: str
    lagging: bool = False
    failing: dict[str, str] = {}
    created_at: str
    deleted_at: str
    carried_since: str = ""
    first_seen_at: str = ""
    first_ready_at: str = ""
    was_ready: bool = False
    not_ready_since: str = ""
    not_synced_since: str = ""
    deleting_since: str = ""
    paused_since: str = ""

    @property
    def ref(self) -> Ref:
        """Return what other objects call this one."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Past(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a run has to know of a record of the run before: a third of it, in memory and time.

    Fields are those of ``Record``.
    """

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    paused: bool = False
    ready: bool = False
    ready_status: str = ""
    ready_since: str = ""
    synced: bool = False
    synced_status: str = ""
    synced_since: str = ""
    carried_since: str = ""
    first_seen_at: str = ""
    first_ready_at: str = ""
    was_ready: bool = False
    not_ready_since: str = ""
    not_synced_since: str = ""
    deleting_since: str = ""
    paused_since: str = ""

    @property
    def ref(self) -> Ref:
        """Return what other objects call this one."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Placed(Struct, frozen=True, rename="camel", gc=False):
    """What tells which list a record was in, and who wanted that list. Fields are a record's."""

    group: str
    resource: str
    namespace: str
    source: str


class Claim(Record, kw_only=True, rename="camel", gc=False):
    """A claim, with the XR that it is bound to."""

    class_ = CLAIM
    xr: Ref | None


class Composed(Record, kw_only=True, rename="camel", gc=False):
    """What XRs and MRs have in common: their place in the tree.

    ``parent`` is the controller among the owners, ``root`` the topmost XR above, ``claim`` the
    one that all of it was made for. Each is None where there is none.
    """

    parent: Ref | None = None
    parent_uid: str = ""
    root: Ref | None = None
    claim: Ref | None = None


class CompositeResource(Composed, kw_only=True, rename="camel", gc=False):
    """An XR of either generation.

    ``composed`` counts what it has made of kinds that are not listed, such as a Deployment.
    ``missing`` is what it names of kinds that are listed, and nobody has seen; all that it names,
    until it is linked.
    """

    class_ = COMPOSITE
    composed: int = 0
    missing: tuple[Ref, ...] = ()


class ManagedResource(Composed, kw_only=True, rename="camel", gc=False):
    """An MR, of any provider. ``provider_config`` is kind/name.

    The names are what its labels say of root XR and claim: no more than names, so they are used
    only where the owner reference leads nowhere.
    """

    class_ = MANAGED
    provider: str = ""
    provider_config: str = ""
    external_name: str = ""
    management_policies: tuple[str, ...] = ()
    composite_name: str = ""
    claim_name: str = ""
    claim_namespace: str = ""


_ALIKE = (
    *("group", "version", "resource", "kind", "namespace", "composition", "composition_revision"),
    *("source", "creator", "team", "reason", "ready_status", "synced_status", "synced_reason"),
)


def share_strings(records: Iterable[Record]) -> None:
    """Keep once what thousands of records that were read from a document say alike.

    It is a third of their memory; those that come from a list share it already.
    """
    for record in records:
        for name in _ALIKE:
            setattr(record, name, intern(getattr(record, name)))


class Inventory(NamedTuple):
    """All records, by class."""

    claims: list[Claim]
    xrs: list[CompositeResource]
    mrs: list[ManagedResource]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Inventory:
        """Sort records by class, each in the order given."""
        made = cls([], [], [])
        for record in records:
            if isinstance(record, Claim):
                made.claims.append(record)
            elif isinstance(record, CompositeResource):
                made.xrs.append(record)
            elif isinstance(record, ManagedResource):
                made.mrs.append(record)
        return made
