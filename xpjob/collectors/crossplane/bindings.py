"""Bind claims to XRs: a claim names its XR in ``resourceRef``, an XR its claim in ``claimRef``.

They are bound if both references agree by group, kind, namespace and name. One that is not set
(yet) agrees with the only object that refers to it: Crossplane writes one before the other. If they
contradict each other, nothing is bound, and the XR's reference is kept as disputed.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from xpjob.collect.findings import Ref
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import Claim, CompositeResource, Inventory, Record


class Bindings:
    """The claims of XRs. ``disputed_claim`` of the XRs and ``xr`` of the claims are set."""

    def __init__(self, inventory: Inventory, owners: Owners) -> None:
        """Compare all references."""
        self._bound: dict[int, Claim] = {}
        self._unknown: dict[int, Ref] = {}
        self._inventory = inventory
        # The only claim that names an XR, None if there are several.
        self._naming: dict[Ref, Claim | None] = {}
        for claim in inventory.claims:
            if claim.xr:
                self._naming[claim.xr] = None if claim.xr in self._naming else claim
        asking = _asking(inventory, owners)
        for xr in inventory.xrs:
            # The claim of an XR below another XR was inherited, unless that claim says otherwise.
            ref, own, nested = _stated(xr), xr.ref, owners.of(xr) is not None
            named = owners.claims.get(ref) if ref else self._naming.get(own)
            xr.disputed_claim = ref if nested else None
            if named is not None and named.xr == own:
                self._bind(xr, own, named)
            elif ref is None or nested:
                continue
            elif named is None:
                self._unknown[id(xr)] = ref
            elif named.xr is None and asking[ref] == 1:
                self._bind(xr, own, named)
            else:
                xr.disputed_claim = ref

    def of(self, record: Record) -> Claim | None:
        """Return the claim that an XR is bound to."""
        return self._bound.get(id(record))

    def unknown(self, xr: CompositeResource) -> Ref | None:
        """Return the reference to a claim that is not listed, or does not exist."""
        return self._unknown.get(id(xr))

    def naming(self, ref: Ref) -> Claim | None:
        """Return the only claim that names an XR of a kind of which no object was listed."""
        return None if (ref.group, ref.kind) in self._kinds else self._naming.get(ref)

    def _bind(self, xr: CompositeResource, ref: Ref, claim: Claim) -> None:
        self._bound[id(xr)] = claim
        xr.disputed_claim = None
        claim.xr = ref
        claim.composition = xr.composition or claim.composition
        claim.composition_revision = xr.composition_revision or claim.composition_revision

    @cached_property
    def _kinds(self) -> frozenset[tuple[str, str]]:
        return frozenset((xr.group, xr.kind) for xr in self._inventory.xrs)


def _asking(inventory: Inventory, owners: Owners) -> Counter[Ref]:
    """Return how many XRs refer to each claim that refers to none."""
    free = {ref for ref, claim in owners.claims.items() if claim.xr is None}
    xrs = (xr for xr in inventory.xrs if owners.of(xr) is None) if free else ()
    return Counter(ref for xr in xrs if (ref := _stated(xr)) in free)


def _stated(xr: CompositeResource) -> Ref | None:
    """Return ``claimRef``; what another XR has passed on, if a linked record has none."""
    return xr.disputed_claim or xr.claim
