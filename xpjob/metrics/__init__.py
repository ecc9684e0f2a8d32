"""Metric tables, and counters that persist from run to run."""
