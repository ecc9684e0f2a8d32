"""Deliver what is committed to GitHub: the story of one run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from msgspec import Struct

from xpjob.base import times
from xpjob.base.errors import ConflictError, DeadlineError, XpjobError
from xpjob.collectors.deployments.github import attestations, metrics
from xpjob.collectors.deployments.github.answers import LONGEST_PAUSE, RateLimitedError
from xpjob.collectors.deployments.github.budget import Clock, SpentError
from xpjob.collectors.deployments.github.client import Client
from xpjob.collectors.deployments.github.difference import changes, count_absences
from xpjob.collectors.deployments.github.records import Row
from xpjob.collectors.deployments.github.send import Sender
from xpjob.collectors.deployments.github.settings import api_url
from xpjob.collectors.deployments.github.state import Acknowledged, Kept, Place
from xpjob.collectors.deployments.github.wanted import Wanted, wanted
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.metrics.cumulative import HistogramTable
from xpjob.metrics.table import Table
from xpjob.net.options import NetOptions

NOTHING = Wanted({}, frozenset())
_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What GitHub has acknowledged, remembered in the store."""

    @property
    def acknowledged(self) -> Any:
        """Return the remembered ``Acknowledged``; a new one at first."""

    def remember(self, acknowledged: Struct) -> None:
        """Store what has been acknowledged so far. Raises ``ConflictError``, and others."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be delivered: the rows of one cluster at a time (RFC 3339).

    ``complete``: all lists of the run were. ``covers`` says of a namespace whether its pods were to
    be listed at all.
    """

    rows: Sequence[Row]
    complete: bool
    at: str
    cluster: str
    covers: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Outcome:
    """Metric tables, and the first error: not everything was delivered because of it."""

    tables: Sequence[Table | HistogramTable] = ()
    error: XpjobError | None = None


def deliver(
    work: Work,
    options: DeploymentOptions,
    net: NetOptions,
    outbox: Outbox,
    clock: Clock | None = None,
) -> Outcome:
    """Send the difference between what runs and what GitHub has acknowledged.

    Raises the errors of ``outbox``. Others are in the outcome, so that metrics tell of them.
    """
    if not options.github_org:
        return Outcome()
    return _Delivery(work, options, net, outbox, clock or Clock()).outcome()


class _Delivery:
    """One delivery. ``_ready`` ends when GitHub should get no further request in this run."""

    def __init__(
        self,
        work: Work,
        options: DeploymentOptions,
        net: NetOptions,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._work, self._options, self._outbox, self._clock = work, options, outbox, clock
        self._state: Acknowledged = outbox.acknowledged
        self._client = Client(options, net, self._state, clock)
        insecure = net.allow_insecure_credentials
        self._place = Place(
            api_url(options.base_url, allow_insecure=insecure),
            options.github_org,
            options.logical_environment,
            options.physical_environment,
            options.github_cluster or work.cluster,
        )
        self._error: XpjobError | None = None
        self._ready = True

    def outcome(self) -> Outcome:
        """Deliver, and return what to tell of it."""
        state, work = self._state, self._work
        state.set_back(self._clock.now(), LONGEST_PAUSE)
        current = state.kept(self._place)
        blocked = times.read(state.blocked_until)
        if blocked and self._clock.now() < blocked:
            _log.warning("GitHub's rate limit lasts", extra={"until": state.blocked_until})
            self._ready = False
        pending: list[str] = []
        for kept in state.places:
            records = wanted(work.rows, self._options) if kept is current else NOTHING
            if work.complete:
                count_absences(kept, records, work.covers)
            pending += self._deliver(kept, records)
        if self._options.github_attestations:
            running = {row.digest for row in work.rows if not row.until}
            self._attempt(lambda: self._attestations(running))
        if self._ready:
            state.last_success = times.rfc3339(self._clock.now())
        self._remember()
        found = metrics.tables(
            state, attestations=self._options.github_attestations, pending=pending
        )
        return Outcome(list(found), self._error)

    def _deliver(self, kept: Kept, records: Wanted) -> list[str]:
        """Deliver to one place; return the status of what is pending there."""
        sender = Sender(self._client, self._state, kept, self._remember)
        self._attempt(sender.resume)
        after = self._options.decommission_after_runs if self._work.complete else 0
        at = times.rfc3339(self._clock.now())
        todo = changes(kept, records, self._state.counters, at, decommission_after=after)
        names = [change.record.deployment_name for change in todo]
        kept.pending = {name: kept.pending.get(name, self._work.at) for name in names}
        self._attempt(lambda: sender.send(todo))
        left = [change.record for change in todo if change.record.deployment_name in kept.pending]
        return [record.status for record in left]

    def _attestations(self, digests: set[str]) -> bool:
        attestations.ask(self._client, self._state, digests, self._remember)
        return True

    def _attempt(self, step: Callable[[], bool]) -> None:
        """Do a step if GitHub is ready for it; afterwards it may not be."""
        if not self._ready:
            return
        self._ready = False
        try:
            self._ready = step()
        except RateLimitedError as error:
            until = self._clock.now() + timedelta(seconds=error.seconds)
            self._state.blocked_until = times.rfc3339(until)
            _log.warning("GitHub limits requests", extra={"error": str(error)})
        except (SpentError, DeadlineError) as error:
            _log.warning("the next run continues", extra={"error": str(error)})
        except ConflictError:
            raise  # another run has taken over
        except XpjobError as error:
            self._error = error

    def _remember(self) -> None:
        self._outbox.remember(self._state)
