"""What the snapshot has of the collector beside its table: one key, ``services``."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.metrics.cumulative import Count


class Operator(Struct, rename="camel", gc=False):
    """The Deployment of the operator; without one of this name there are no available pods."""

    namespace: str
    deployment: str
    available: int = 0


class Churn(Struct, rename="camel"):
    """How much has changed between complete listings, as far as was seen."""

    services_created: Count = 0
    services_updated: Count = 0
    services_deleted: Count = 0
    pods_added: Count = 0
    pods_updated: Count = 0
    pods_deleted: Count = 0


class Services(Struct, rename="camel", kw_only=True):
    """How rows compare with those of the next run.

    ``compared`` are the namespaces (empty for all) of which the rows are those of a complete
    listing, if need be of an earlier run. ``complete_at`` is when all lists were last complete.
    """

    annotation: str = ""
    compared: list[str] = field(default_factory=list)
    complete_at: str = ""
    churn: Churn = field(default_factory=Churn)
    operator: Operator | None = None


class State(Struct, rename="camel"):
    """The keys of the snapshot."""

    services: Services | None = None
