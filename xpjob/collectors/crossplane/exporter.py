"""What the exporter that users migrate from has of an MR: names alone, and the policies as text."""

from __future__ import annotations

from typing import NamedTuple

from xpjob.collectors.crossplane.records import ManagedResource


class Flat(NamedTuple):
    """Its names: ``xr_name`` is that of the topmost XR, as labels have it."""

    xr_name: str
    claim_name: str
    claim_namespace: str
    provider_config: str
    management_policies: str


def flat(mr: ManagedResource) -> Flat:
    """Return the names of what a linked MR refers to, those in its labels where it is unknown."""
    return Flat(
        mr.root.name if mr.root else mr.composite_name,
        mr.claim.name if mr.claim else mr.claim_name,
        mr.claim.namespace if mr.claim else mr.claim_namespace,
        provider_config(mr),
        ",".join(mr.management_policies),
    )


def provider_config(mr: ManagedResource) -> str:
    """Return the name of the provider config, without its kind."""
    return mr.provider_config.rpartition("/")[2]
