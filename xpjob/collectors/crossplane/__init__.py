"""The first collector: Crossplane's claims, composite and managed resources (XRs, MRs)."""
