"""What is remembered between runs: what GitHub has acknowledged, and what became of the rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field

from xpjob.base import times
from xpjob.collectors.deployments.github.records import Record
from xpjob.metrics.cumulative import Count, Histogram

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of the histograms, in seconds: those of github/deployment-tracker."""
Status = Literal["ok", "failed"]


class Place(Struct, frozen=True, rename="camel"):
    """Where records are kept: with the deployment name, their identity at GitHub."""

    api: str = ""
    organisation: str = ""
    logical_environment: str = ""
    physical_environment: str = ""
    cluster: str = ""


class Sent(Struct, rename="camel", omit_defaults=True):
    """A record that GitHub has accepted, or may have: then ``content`` is empty.

    ``absent``: complete runs in a row without it.
    """

    name: str
    digest: str
    content: str
    namespace: str
    version: str = ""
    absent: Count = 0


class Rejected(Struct, rename="camel", omit_defaults=True):
    """A record that was not accepted, when (RFC 3339), and how often."""

    content: str
    cause: str
    at: str
    times: Count = 1


class Change(Struct, rename="camel", frozen=True, omit_defaults=True):
    """A record to send. ``content`` is that of the record when it is deployed."""

    record: Record
    content: str
    namespace: str


class Job(Struct, rename="camel"):
    """A background job at GitHub that was not seen to end. ``at``: when it was started."""

    id: int
    at: str
    changes: list[Change]


class Kept(Struct, rename="camel"):
    """The records of one place, by deployment name.

    ``pending`` says since when a change is not acknowledged. ``sending`` are those that may have
    been sent without an answer. ``busy_since``: since when GitHub says that another job is running.
    """

    place: Place
    records: dict[str, Sent] = field(default_factory=dict)
    rejected: dict[str, Rejected] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    sending: dict[str, Change] = field(default_factory=dict)
    job: Job | None = None
    busy_since: str = ""


class Counters(Struct, rename="camel"):
    """Values that only increase."""

    events_ok: dict[str, Count] = field(default_factory=dict)
    events_failed: dict[str, Count] = field(default_factory=dict)
    ok: Count = 0
    unknown_artifact: Count = 0
    rate_limited: Count = 0
    soft_fail: Count = 0
    hard_fail: Count = 0
    client_error: Count = 0
    unknown_artifact_cache_hit: Count = 0
    post_seconds: Histogram = field(default_factory=lambda: Histogram.empty(BOUNDS))
    events_seconds: dict[str, Histogram] = field(default_factory=dict)


class Attested(Struct, rename="camel"):
    """Whether GitHub knows an attestation of a digest, asked at a time (RFC 3339)."""

    known: bool
    at: str


class Answers(Struct, rename="camel"):
    """The part of what is remembered that the next run's rows show."""

    attested: dict[str, Attested] = field(default_factory=dict)


class Acknowledged(Struct, rename="camel"):
    """All that is remembered.

    ``blocked_until`` (RFC 3339): GitHub asked for no further request until then; ``limits`` counts
    how often in a row it did.
    """

    places: list[Kept] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    attested: dict[str, Attested] = field(default_factory=dict)
    last_success: str = ""
    blocked_until: str = ""
    limits: Count = 0

    def kept(self, place: Place) -> Kept:
        """Return what is kept at a place, which comes first; places without records are dropped."""
        found = next((kept for kept in self.places if kept.place == place), None) or Kept(place)
        others = (kept for kept in self.places if kept is not found)
        same = (kept for kept in others if kept.place.api == place.api)
        own = [kept for kept in same if kept.place.organisation == place.organisation]
        self.places = [found, *(kept for kept in own if kept.records or kept.sending or kept.job)]
        return found

    def set_back(self, now: datetime, longest_pause: float) -> None:
        """Set times in the future, which a wrong clock has left, back to ``now``.

        Otherwise what is due some time after them would wait for that future. A pause may end later
        than now, but not after the longest that there is.
        """

        def possible(at: str, latest: datetime = now) -> str:
            moment = times.read(at)
            return times.rfc3339(latest) if moment and moment > latest else at

        for kept in self.places:
            kept.busy_since = possible(kept.busy_since)
            kept.pending = {name: possible(at) for name, at in kept.pending.items()}
            for rejected in kept.rejected.values():
                rejected.at = possible(rejected.at)
            if kept.job:
                kept.job.at = possible(kept.job.at)
        for attested in self.attested.values():
            attested.at = possible(attested.at)
        self.last_success = possible(self.last_success)
        end = now + timedelta(seconds=longest_pause)
        self.blocked_until = possible(self.blocked_until, end)
