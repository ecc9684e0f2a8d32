"""Map kinds to the providers that installed them, from a small list of provider revisions.

Managed resources do not have this information, and definitions, which do, contain whole schemas. A
revision lists its definitions in ``status.objectRefs``, as ``<resource>.<group>``.
"""

from __future__ import annotations

import logging

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collect.contract import World
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.kube.objects import Metadata, ObjectRef

REVISIONS = Gvr("pkg.crossplane.io", "v1", "providerrevisions")
PACKAGE_LABEL = "pkg.crossplane.io/package"
_MANAGED = "ManagedResourceDefinition"
_DEFINITIONS = ("CustomResourceDefinition", _MANAGED)

_log = logging.getLogger(__name__)


class Providers(Struct, frozen=True):
    """Providers by (group, resource); ``managed`` has the resources with an MRD, active or not.

    Before Crossplane 2.0 there are no MRDs: all definitions are CRDs, of MRs and others.
    ``known`` is False if provider revisions exist but could not be listed, ``served`` if the API
    does not serve them. ``names`` has the providers with a revision, ``revisions`` the provider of
    each.
    """

    known: bool = True
    served: bool = True
    names: set[str] = set()
    revisions: dict[str, str] = {}
    by_resource: dict[tuple[str, str], str] = {}
    managed: set[tuple[str, str]] = set()


class _Spec(Struct, rename="camel"):
    desired_state: str = ""


class _Status(Struct, rename="camel"):
    object_refs: list[ObjectRef] | None = None


class _Revision(Struct):
    metadata: Metadata
    spec: _Spec | None = None
    status: _Status | None = None

    @property
    def active(self) -> bool:
        return self.spec is not None and self.spec.desired_state == "Active"

    @property
    def provider(self) -> str:
        if named := (self.metadata.labels or {}).get(PACKAGE_LABEL):
            return named
        owners = self.metadata.owner_references or ()
        return next((owner.name for owner in owners if owner.kind == "Provider"), "")


def read_providers(world: World) -> Providers:
    """Return the providers; empty if the API does not serve provider revisions.

    A failed list is a warning only: missing provider names must not fail the inventory.
    """
    catalogue = world.catalogue
    kind = catalogue.find(REVISIONS)
    if kind is None:
        known = (REVISIONS.group, REVISIONS.version) not in catalogue.incomplete
        return Providers(known=known, served=False)
    try:
        listing = world.read(ListKey(kind.gvr), _Revision)
    except XpjobError as error:
        _log.warning(
            "provider revisions not listed: previous providers kept",
            extra={"gvr": str(REVISIONS), "error": str(error)},
        )
        return Providers(known=False)
    if listing.malformed:
        _log.warning(
            "unreadable provider revisions skipped",
            extra={"gvr": str(REVISIONS), "malformed": listing.malformed},
        )
    providers = Providers()
    # Active revisions come last, so they win if a kind has moved to another provider.
    for revision in sorted(listing.items, key=lambda r: (r.active, r.metadata.name)):
        providers.names.add(revision.provider)
        providers.revisions[revision.metadata.name] = revision.provider
        for ref in (revision.status.object_refs if revision.status else None) or ():
            if ref.kind in _DEFINITIONS:
                resource, _, group = ref.name.partition(".")
                providers.by_resource[group, resource] = revision.provider
                if ref.kind == _MANAGED:
                    providers.managed.add((group, resource))
    return providers
