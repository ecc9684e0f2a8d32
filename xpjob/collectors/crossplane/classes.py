"""The classes of Crossplane's objects, which are also API categories."""

from __future__ import annotations

CLAIM, COMPOSITE, MANAGED = CLASSES = "claim", "composite", "managed"
