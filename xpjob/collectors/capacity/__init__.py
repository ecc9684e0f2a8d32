"""Collector of how full nodes are, what pods ask of them, and what still fits."""
