"""Checks of the prerequisites of a run."""
