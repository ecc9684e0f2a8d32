"""The clusters collector: a cluster's facts, nodes, operators and registries."""
