"""Bind claims to XRs: a claim names its XR in ``resourceRef``, an XR its claim in ``claimRef``.

They are bound if both references agree by group, kind, namespace and name. One that is not set
(yet) agrees with the only object that refers to it: Crossplane writes one before the other. If they
contradict each other, nothing is bound, and the XR's reference is kept as disputed.
"""

from __future__ import annotations

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import Claim, CompositeResource, Inventory


class Bindings:
    """The claims of XRs. ``disputed_claim`` of the XRs and ``xr`` of the claims are set."""

    def __init__(self, inventory: Inventory, owners: Owners) -> None:
        """Compare all references."""
        claims = {claim.ref: claim for claim in inventory.claims}
        self._bound: dict[int, Claim] = {}
        self._unknown: dict[int, Ref] = {}
        self._naming: dict[Ref, list[Claim]] = {}
        self._kinds = {(xr.group, xr.kind) for xr in inventory.xrs}
        for claim in inventory.claims:
            if claim.xr:
                self._naming.setdefault(claim.xr, []).append(claim)
        # The claim of an XR below another XR was inherited, unless that claim says otherwise.
        nested = {id(xr) for xr in inventory.xrs if owners.of(xr) is not None}
        stated: dict[Ref, int] = {}
        for xr in inventory.xrs:
            if (ref := _stated(xr)) and id(xr) not in nested:
                stated[ref] = stated.get(ref, 0) + 1
        for xr in inventory.xrs:
            ref, own = _stated(xr), xr.ref
            named = claims.get(ref) if ref else self._only(own)
            xr.disputed_claim = ref if id(xr) in nested else None
            if named is not None and named.xr == own:
                self._bind(xr, named)
            elif ref is None or id(xr) in nested:
                continue
            elif named is None:
                self._unknown[id(xr)] = ref
            elif named.xr is None and stated[ref] == 1:
                self._bind(xr, named)
            else:
                xr.disputed_claim = ref

    def of(self, xr: CompositeResource) -> Claim | None:
        """Return the claim that an XR is bound to."""
        return self._bound.get(id(xr))

    def unknown(self, xr: CompositeResource) -> Ref | None:
        """Return the reference to a claim that is not listed, or does not exist."""
        return self._unknown.get(id(xr))

    def naming(self, ref: Ref) -> Claim | None:
        """Return the only claim that names an XR of a kind of which no object was listed."""
        return None if (ref.group, ref.kind) in self._kinds else self._only(ref)

    def _only(self, ref: Ref) -> Claim | None:
        claims = self._naming.get(ref, ())
        return claims[0] if len(claims) == 1 else None

    def _bind(self, xr: CompositeResource, claim: Claim) -> None:
        self._bound[id(xr)] = claim
        xr.disputed_claim = None
        claim.xr = xr.ref
        claim.composition = xr.composition or claim.composition
        claim.composition_revision = xr.composition_revision or claim.composition_revision


def _stated(xr: CompositeResource) -> Ref | None:
    """Return ``claimRef``; what another XR has passed on, if a linked record has none."""
    return xr.disputed_claim or xr.claim
