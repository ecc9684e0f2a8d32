"""Which provider brought which kind, from one small list of provider revisions.

A managed resource does not say it, and the definitions that do carry whole schemas. A revision
names in ``status.objectRefs`` every definition that it owns, as ``<resource>.<group>``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collectors.crossplane.wire import ListMetadata, Metadata, ObjectRef
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import Page, list_all

REVISIONS = Gvr("pkg.crossplane.io", "v1", "providerrevisions")
PACKAGE_LABEL = "pkg.crossplane.io/package"
_MANAGED = "ManagedResourceDefinition"
_DEFINITIONS = ("CustomResourceDefinition", _MANAGED)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Providers:
    """Names of providers by (group, resource); ``managed`` are those with an MRD, active or not.

    Before Crossplane 2.0 there are no MRDs: all definitions are CRDs, of MRs and others.
    ``known`` is False where the API has them and they could not be listed.
    """

    known: bool = True
    by_resource: dict[tuple[str, str], str] = field(default_factory=dict)
    managed: set[tuple[str, str]] = field(default_factory=set)


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


class _Revisions(Struct):
    items: list[_Revision] | None
    metadata: ListMetadata | None = None


def read_providers(api: Api, catalogue: Catalogue, page_size: int) -> Providers:
    """Return which provider has brought what.

    Empty where the API has no provider revisions. Where they cannot be listed that is a warning:
    a missing name must not cost the inventory.
    """
    kind = catalogue.find(REVISIONS)
    if kind is None:
        return Providers(known=(REVISIONS.group, REVISIONS.version) not in catalogue.incomplete)
    try:
        revisions = list_all(api, kind.path(), _decode, page_size=page_size).items
    except XpjobError as error:
        _log.warning(
            "provider revisions cannot be listed: MRs keep the providers that were known before",
            extra={"gvr": str(REVISIONS), "error": str(error)},
        )
        return Providers(known=False)
    found = Providers()
    # An active revision is written last, so it wins where a kind has changed hands.
    for revision in sorted(revisions, key=lambda r: (r.active, r.metadata.name)):
        for ref in (revision.status.object_refs if revision.status else None) or ():
            if ref.kind in _DEFINITIONS:
                resource, _, group = ref.name.partition(".")
                found.by_resource[group, resource] = revision.provider
                if ref.kind == _MANAGED:
                    found.managed.add((group, resource))
    return found


def _decode(body: bytes) -> Page[_Revision]:
    page = msgspec.json.decode(body, type=_Revisions)
    return Page(page.items or [], 0, (page.metadata and page.metadata.continue_) or "")
