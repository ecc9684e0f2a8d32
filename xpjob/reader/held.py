"""The snapshot that the reader holds for each cluster, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from xpjob.reader.loaded import Loaded
from xpjob.snapshot.documents import RunReport

OLD, FUTURE, AWAY, REFUSED = "old", "future", "store_away", "store_refused"
CORRUPT, NEWER, ABSENT, UNLOADED = "corrupt", "newer_schema", "absent", "not_loaded"
"""Reasons why a snapshot is stale, or is not there at all."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one cluster.

    ``etag`` is that of the document seen last and ``verdict`` what is wrong with it ("" =
    nothing); ``store`` is what is wrong with the store. ``report`` tells of the last run.
    ``failed`` is how often the document could not be loaded, and ``again`` when to try again.
    """

    snapshot: Loaded | None = None
    etag: str = ""
    verdict: str = ""
    store: str = ""
    report: RunReport | None = None
    report_etag: str = ""
    failed: int = 0
    again: datetime | None = None

    def known(self, now: datetime) -> str:
        """Return the etag of a document that need not be read (again)."""
        return "" if self.again and self.again <= now else self.etag


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far a snapshot can be taken for the present. ``age`` in seconds.

    ``reasons`` is empty while it is fresh. ``old`` alone decides whether its metrics are kept:
    a store that is away for a moment must not end every series.
    """

    age: float
    reasons: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Tell whether this may not be how things are now."""
        return bool(self.reasons)

    @property
    def old(self) -> bool:
        """Tell whether runs have been missing."""
        return OLD in self.reasons
