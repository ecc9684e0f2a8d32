"""The first collector: Crossplane's claims and composite resources (XRs)."""
