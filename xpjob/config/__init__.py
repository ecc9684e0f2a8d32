"""Declaring, parsing and loading options."""
