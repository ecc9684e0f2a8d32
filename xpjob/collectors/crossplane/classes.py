"""The classes of Crossplane's objects, which are also API categories."""

from __future__ import annotations

CLAIM, COMPOSITE, MANAGED = CLASSES = "claim", "composite", "managed"
TABLE_OF = {CLAIM: "claims", COMPOSITE: "xrs", MANAGED: "mrs"}
"""The keys of the tables of their records."""
