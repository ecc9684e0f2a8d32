"""Outcomes of lists and collectors, for the snapshot, metrics and summary."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.metrics.cumulative import Count


class TargetOutcome(Struct, rename="camel", kw_only=True):
    """The outcome of a list. ``error`` is empty on success.

    ``gone``: it failed because the API does not serve the kind (any more). ``carried`` counts rows
    carried over from the previous snapshot, ``let_go`` those dropped because of their age.
    ``unconfirmed`` says why rows are kept although nothing failed: something is suddenly missing.
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
    unconfirmed: str = ""
    collector: str = ""
    selector: str = ""

    @property
    def gvr(self) -> str:
        """Return group/version/resource."""
        return f"{self.group}/{self.version}/{self.resource}"

    @property
    def scope(self) -> tuple[str, str, str]:
        """Return group, resource and namespace, which all rows of this list share."""
        return (self.group, self.resource, self.namespace)


class CollectorOutcome(Struct, rename="camel", kw_only=True):
    """The outcome of a collector.

    ``seconds`` is the duration of its own steps, without its lists. If it failed, ``error`` says
    why, and ``carried_since`` is when the carried section was generated (empty if there is none).
    """

    collector: str
    success: bool = True
    error: str = ""
    step: str = ""
    seconds: float = 0.0
    carried_since: str = ""
