"""Runs for several clusters from one place, each a process of its own."""
