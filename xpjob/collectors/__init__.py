"""The collectors."""
