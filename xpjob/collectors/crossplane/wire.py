"""Wire types of claims, XRs and MRs, with the fields that are read.

They cover both Crossplane generations: legacy XRs have their machinery in ``spec``, v2 XRs in
``spec.crossplane``.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from xpjob.kube.decode import decoder
from xpjob.kube.objects import Condition, Metadata, ObjectRef


class NameRef(Struct, gc=False):
    """``compositionRef`` and ``compositionRevisionRef``."""

    name: str = ""


class ProviderConfigRef(NameRef, gc=False):
    """``spec.providerConfigRef`` of an MR; without a kind in legacy MRs."""

    kind: str = ""


class Machinery(Struct, rename="camel", gc=False):
    """``spec.crossplane`` of a v2 XR."""

    composition_ref: NameRef | None = None
    composition_revision_ref: NameRef | None = None
    resource_refs: list[ObjectRef] | None = None


class Spec(Machinery, rename="camel", gc=False):
    """``spec``; legacy objects have the machinery here.

    ``for_provider`` is not decoded with the page, as only MRs with an external name need it.
    """

    crossplane: Machinery | None = None
    resource_ref: ObjectRef | None = None
    claim_ref: ObjectRef | None = None
    provider_config_ref: ProviderConfigRef | None = None
    management_policies: list[str] | None = None
    for_provider: Raw = Raw(b"")


class Status(Struct, gc=False):
    """``status``."""

    conditions: list[Condition] | None = None


class Object(Struct, gc=False):
    """A claim, XR or MR."""

    metadata: Metadata
    spec: Spec | None = None
    status: Status | None = None


decode_page = decoder(Object)
