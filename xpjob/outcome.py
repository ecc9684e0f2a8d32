"""How one target went, as the snapshot, the metrics and the summary tell it."""

from __future__ import annotations

from msgspec import Struct, field


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
    records: int = 0
    malformed: int = 0
    carried: int = 0
    let_go: int = 0
    pages: int = 0
    restarts: int = 0
    bytes: int = 0
    seconds: float = 0.0
    error: str = ""
    gone: bool = False

    @property
    def gvr(self) -> str:
        """Return group/version/resource, as in the configuration."""
        return f"{self.group}/{self.version}/{self.resource}"
