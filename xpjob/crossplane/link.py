"""Claims and XRs find each other.

A claim names its XR in ``resourceRef``, an XR its claim in ``claimRef``. They are joined by
group, kind, namespace and name, never by name alone. The XR knows best which composition it is
on, so a claim takes that from its XR.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from xpjob.crossplane.records import Claim, CompositeResource, Ref


def link(
    claims: Sequence[Claim], xrs: Sequence[CompositeResource]
) -> tuple[list[Claim], list[CompositeResource]]:
    """Return the same records, linked both ways, and claims with their XR's composition.

    One pass each. A reference to something that is not in the lists is kept as it is: it may be
    of a kind that is not listed, or not exist yet.
    """
    xr_by_ref = {xr.ref: xr for xr in xrs}
    xr_by_claim = {xr.claim: xr for xr in xrs if xr.claim}
    claim_by_xr: dict[Ref, Ref] = {claim.xr: claim.ref for claim in claims if claim.xr}
    return (
        [_linked_claim(claim, xr_by_ref, xr_by_claim) for claim in claims],
        [_linked_xr(xr, claim_by_xr) for xr in xrs],
    )


def _linked_claim(
    claim: Claim,
    xr_by_ref: dict[Ref, CompositeResource],
    xr_by_claim: dict[Ref, CompositeResource],
) -> Claim:
    xr = xr_by_ref.get(claim.xr) if claim.xr else xr_by_claim.get(claim.ref)
    if xr is None:
        return claim
    return msgspec.structs.replace(
        claim,
        xr=xr.ref,
        composition=xr.composition or claim.composition,
        composition_revision=xr.composition_revision or claim.composition_revision,
    )


def _linked_xr(xr: CompositeResource, claim_by_xr: dict[Ref, Ref]) -> CompositeResource:
    if xr.claim or (claim := claim_by_xr.get(xr.ref)) is None:
        return xr
    return msgspec.structs.replace(xr, claim=claim)
