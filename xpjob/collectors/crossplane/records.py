"""Records of claims, XRs and MRs, as the snapshot stores them.

They are flat on purpose, for jq, CSV and tables. ``ready`` and ``synced`` say whether the condition
is True; ``ready_status`` and ``synced_status`` have its status: True, False, Unknown, or empty if
the object has no such condition (yet).
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import ClassVar, NamedTuple

from msgspec import Struct

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED


class Record(Struct, kw_only=True, rename="camel", gc=False):
    """Base of all records. Times are RFC 3339, empty if unknown.

    Creator, team and extra labels (by name) are those of the claim or root XR. ``lagging``: the
    controller has not seen the latest spec. ``failing`` maps the types of further conditions that
    are not True to their reasons. ``ready_since`` and ``synced_since`` are the conditions'
    ``lastTransitionTime``, which changes for many reasons. The seven fields from ``first_seen_at``
    on are observations of runs: ``first_ready_at`` is set only if a run observed it; ``was_ready``
    says that the object has been ready, or may have been before the first run. ``parent`` is the
    controller owner as the object names it, which need not exist any more.

    Linking and ``Timeline.complete`` modify records in place, because copies would take a fifth of
    a run's memory; afterwards records are not modified.
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
    parent: Ref | None = None
    parent_uid: str = ""

    @property
    def ref(self) -> Ref:
        """Return the reference of this object."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Past(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """The fields of ``Record`` that the next run needs: a third of its memory and time."""

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
        """Return the reference of this object."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Claim(Record, kw_only=True, rename="camel", gc=False):
    """A claim, with the XR that it refers to, which may be bound to another claim."""

    class_ = CLAIM
    xr: Ref | None


class Composed(Record, kw_only=True, rename="camel", gc=False):
    """Base of XRs and MRs, with their place in the tree.

    ``root`` is the topmost XR above, ``claim`` the claim of the tree; None if there is none.
    """

    root: Ref | None = None
    claim: Ref | None = None


class CompositeResource(Composed, kw_only=True, rename="camel", gc=False):
    """An XR, legacy or v2.

    ``composed`` counts its composed resources of kinds that are not listed, such as Deployments.
    ``missing`` has its references to objects of listed kinds that do not exist; before linking, all
    references to listed kinds. ``unowned`` has those to objects that it does not own.
    ``disputed_claim`` is the claim in its ``claimRef`` if that claim has another XR.
    """

    class_ = COMPOSITE
    composed: int = 0
    missing: tuple[Ref, ...] = ()
    unowned: tuple[Ref, ...] = ()
    disputed_claim: Ref | None = None


class ManagedResource(Composed, kw_only=True, rename="camel", gc=False):
    """An MR of any provider. ``provider_config`` is kind/name.

    The names from its labels are used only if it has no owner reference. ``scope`` is what its
    external name is unique within: see ``outside``.
    """

    class_ = MANAGED
    provider: str = ""
    provider_config: str = ""
    external_name: str = ""
    management_policies: tuple[str, ...] = ()
    composite_name: str = ""
    claim_name: str = ""
    claim_namespace: str = ""
    scope: str = ""


_ALIKE = (
    *("group", "version", "resource", "kind", "namespace", "composition", "composition_revision"),
    *("source", "creator", "team", "reason", "ready_status", "synced_status", "synced_reason"),
)


def share_strings(records: Iterable[Record]) -> None:
    """Intern strings that many decoded records share: a third of their memory.

    Records from lists are interned already.
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
        """Group records by class, keeping their order."""
        inventory = cls([], [], [])
        for record in records:
            if isinstance(record, Claim):
                inventory.claims.append(record)
            elif isinstance(record, CompositeResource):
                inventory.xrs.append(record)
            elif isinstance(record, ManagedResource):
                inventory.mrs.append(record)
            else:
                raise TypeError(f"{type(record).__name__} is not a record of this collector")
        return inventory
