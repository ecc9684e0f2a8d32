"""Expressions of sources: a small language over JSON values, and strict CEL as an option."""
