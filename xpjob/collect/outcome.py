"""How one target went, as the snapshot, the metrics and the summary tell it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

MOST = 2**53
"""Metrics are floats: beyond this they cannot count one by one, and soon not at all."""
Count = Annotated[int, Meta(ge=0, le=MOST)]
"""A number in a stored document that may become a metric."""


class TargetOutcome(Struct, rename="camel", kw_only=True):
    """How one target went. ``error`` is empty where it went well.

    ``gone``: it failed because the API has no such kind (any more). ``carried`` counts the
    records that were taken over from the previous snapshot, ``let_go`` those that were too old.
    """

    class_: str = field(name="class")
    group: str
    version: str
    resource: str
    kind: str
    namespace: str
    source: str
    records: Count = 0
    malformed: Count = 0
    carried: Count = 0
    let_go: Count = 0
    pages: Count = 0
    restarts: Count = 0
    bytes: Count = 0
    seconds: float = 0.0
    error: str = ""
    gone: bool = False

    @property
    def gvr(self) -> str:
        """Return group/version/resource, as in the configuration."""
        return f"{self.group}/{self.version}/{self.resource}"
