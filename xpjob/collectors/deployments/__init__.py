"""The deployments collector: which image runs where, and since when."""
