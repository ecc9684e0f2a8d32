"""Collector of claims, composite resources (XRs) and managed resources (MRs) of Crossplane."""
