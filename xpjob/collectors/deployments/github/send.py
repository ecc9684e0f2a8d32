"""Send changes of one place: by background jobs, else synchronous calls, else one by one."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

from xpjob.base import times
from xpjob.base.errors import (
    DeadlineError,
    NotFoundError,
    RefusedError,
    SettingsError,
    XpjobError,
)
from xpjob.collectors.deployments.github import settle
from xpjob.collectors.deployments.github.answers import (
    NO_SUCH_JOB,
    BusyError,
    CredentialsError,
    InvalidError,
    Progress,
    RateLimitedError,
    RepositoriesError,
    UnknownArtifactError,
)
from xpjob.collectors.deployments.github.budget import SpentError
from xpjob.collectors.deployments.github.calls import SIZES, Calls, Way
from xpjob.collectors.deployments.github.client import Client
from xpjob.collectors.deployments.github.state import Acknowledged, Change, Job, Kept
from xpjob.collectors.deployments.github.tokens import HangingFileError

_log = logging.getLogger(__name__)


GIVE_UP = 3600.0
"""Seconds after which a job that does not end, or is in the way, is not waited for any longer."""
MAX_INVALID, MAX_REFUSED = 20, 5
"""Invalid requests of a run, and refused single records in a row, after which it stops."""
NO_REQUEST = (
    *(RateLimitedError, SpentError, DeadlineError),
    *(CredentialsError, SettingsError, HangingFileError),
)
"""Errors after which any other request would fail as well."""
REMEMBER_EVERY = 50
"""Single records after which the acknowledgements are stored."""


class Sender:
    """Sends changes of one place, and remembers what was acknowledged as soon as it was."""

    def __init__(
        self, client: Client, state: Acknowledged, kept: Kept, remember: Callable[[], None]
    ) -> None:
        self._client = client
        self._calls = Calls(client, kept.place)
        self._clock = client.clock
        self._state = state
        self._kept = kept
        self._remember = remember
        given_up = GIVE_UP <= self._since(kept.busy_since) < 2 * GIVE_UP
        self._way = Way.CALL if given_up else Way.JOB
        self._queue: deque[tuple[Way, Sequence[Change]]] = deque()
        self._invalid = self._refused = self._unstored = 0

    def resume(self) -> bool:
        """Follow the job of an earlier run. Return False if it has not ended.

        What an earlier run may have sent, and has no answer for, is in doubt.
        """
        settle.doubt(self._kept, self._kept.sending.values())
        self._kept.sending.clear()
        return self._kept.job is None or self._follow(self._kept.job, _pauses(0.0, 1.0))

    def send(self, changes: Sequence[Change]) -> bool:
        """Send changes, among them what ``resume`` has left. Return False if GitHub is not ready.

        Raises the errors of ``Client``, and the store's.
        """
        self._queue.clear()
        self._put(Way.JOB, changes)
        waits = _pauses(5.0)
        while self._queue:
            way, part = self._queue.popleft()
            way = max(way, self._way)
            if way is Way.SINGLE:
                self._declare(part)
            if len(part) > SIZES[way]:
                self._queue.appendleft((way, part[SIZES[way] :]))
                part = part[: SIZES[way]]
            self._declare(part)
            try:
                if not self._send(way, part):
                    return False
            except BusyError as error:
                if not self._busy(way, part, next(waits), error):
                    return False
            except InvalidError as error:
                self._halve(way, part, error)
            except UnknownArtifactError:
                self._single_out(way, part, "not_found")
            except RepositoriesError as error:
                self._single_out(way, part, error.cause)
            except NotFoundError as error:
                if way is Way.SINGLE:
                    raise self._client.explain(error) from None
                self._way = Way(way + 1)
                self._put(self._way, part)
        return True

    def _declare(self, part: Sequence[Change]) -> None:
        """Store what is about to be sent: if the run ends without an answer, it is in doubt.

        Otherwise a change that was made and then undone would be taken for none.
        """
        named = {change.record.deployment_name: change for change in part}
        if not named.keys() <= self._kept.sending.keys():
            self._kept.sending |= named
            self._remember()

    def _send(self, way: Way, part: Sequence[Change]) -> bool:
        if way is Way.JOB:
            return self._job(part)
        if way is Way.CALL:
            self._call(part)
        else:
            self._single(part[0])
        return True

    def _job(self, part: Sequence[Change]) -> bool:
        started = self._calls.start([change.record for change in part])
        found = settle.parts(part, started.errors)
        self._reject(found.rejected, 0.0)
        self._put_unclear(Way.CALL, found.unclear)
        self._kept.busy_since = ""
        self._kept.sending.clear()
        self._kept.job = Job(started.job_id, self._now(), list(found.accepted))
        self._remember()
        return self._follow(self._kept.job, _pauses(1.0))

    def _follow(self, job: Job, pauses: Iterator[float]) -> bool:
        """Wait for a job. Return False if it has not ended when the time is over."""
        for pause in pauses:
            if pause >= self._clock.left():
                _log.info("a job at GitHub runs on, the next run asks again", extra={"job": job.id})
                return False
            if pause:
                self._clock.sleep(pause)
            progress = self._progress(job)
            if progress is None:
                self._call_instead(job.changes)
                break
            if progress.status == "completed":
                self._take(job.changes, progress.errors, self._since(job.at), Way.CALL)
                break
            if progress.status == "failed":
                _log.warning("a job at GitHub failed", extra={"job": job.id})
                found = settle.parts(job.changes, progress.errors)
                self._reject(found.rejected, self._since(job.at))
                self._call_instead([*found.accepted, *found.unclear])
                break
            if self._since(job.at) >= GIVE_UP:
                _log.warning("a job at GitHub does not end", extra={"job": job.id})
                self._call_instead(job.changes)
                break
        self._kept.job = None
        self._remember()
        return True

    def _progress(self, job: Job) -> Progress | None:
        """Ask for a job. Return None if GitHub will not say what became of it.

        That is so if it refuses the question, and if it has not answered it within an hour. Such an
        answer says nothing of the records: its error must not be taken for one of theirs.
        """
        try:
            return self._calls.progress(job.id)
        except NO_REQUEST:
            raise
        except XpjobError as error:
            if not isinstance(error, NO_SUCH_JOB) and self._since(job.at) < GIVE_UP:
                raise
            _log.warning(
                "GitHub does not say what became of a job, its records are sent again",
                extra={"job": job.id, "error": str(error)},
            )
            return None

    def _call(self, part: Sequence[Change]) -> None:
        started = time.monotonic()
        settled = self._calls.call([change.record for change in part])
        self._take(part, settled.errors, time.monotonic() - started, Way.SINGLE)
        self._remember()

    def _single(self, change: Change) -> None:
        started = time.monotonic()
        try:
            settled = self._calls.single(change.record)
        except (CredentialsError, RepositoriesError):
            raise
        except RefusedError:
            self._refused += 1
            if self._refused >= MAX_REFUSED:
                raise
            self._reject([(change, "unauthorized")], time.monotonic() - started)
            return
        self._refused = 0
        self._take([change], settled.errors, time.monotonic() - started, Way.SINGLE)
        self._unstored += 1
        if self._unstored >= REMEMBER_EVERY:
            self._unstored = 0
            self._remember()

    def _take(
        self, part: Sequence[Change], errors: Sequence[Any] | None, seconds: float, unclear: Way
    ) -> None:
        found = settle.parts(part, errors)
        settle.accept(self._kept, self._state.counters, found.accepted, seconds)
        self._reject(found.rejected, seconds)
        self._put_unclear(unclear, found.unclear)

    def _call_instead(self, changes: Sequence[Change]) -> None:
        """Send by calls what a job has not done, or not known to, like all else in this run."""
        settle.doubt(self._kept, changes)
        self._way = max(self._way, Way.CALL)
        self._put(Way.CALL, changes)

    def _reject(self, rejected: Sequence[tuple[Change, str]], seconds: float) -> None:
        settle.reject(self._kept, self._state.counters, rejected, self._now(), seconds)

    def _busy(self, way: Way, part: Sequence[Change], pause: float, error: BusyError) -> bool:
        """Wait for another job, up to an hour over several runs. Return False to stop.

        After that hour calls are used for an hour, until a job is tried again.
        """
        kept = self._kept
        kept.busy_since = kept.busy_since or self._now()
        if self._since(kept.busy_since) >= GIVE_UP and way < Way.SINGLE:
            self._way = Way(way + 1)
            kept.busy_since = times.rfc3339(self._clock.now() - timedelta(seconds=GIVE_UP))
        elif pause >= self._clock.left():
            _log.warning("GitHub is busy", extra={"error": str(error)})
            return False
        else:
            self._clock.sleep(pause)
        self._queue.appendleft((way, part))
        return True

    def _halve(self, way: Way, part: Sequence[Change], error: InvalidError) -> None:
        """Find the record that is not acceptable."""
        self._invalid += 1
        if self._invalid > MAX_INVALID:
            raise error
        if len(part) == 1:
            _log.warning("GitHub does not accept a record", extra={"error": str(error)})
            self._reject([(part[0], "invalid")], 0.0)
            return
        half = len(part) // 2
        self._queue.extendleft([(max(way, Way.CALL), p) for p in (part[half:], part[:half])])

    def _single_out(self, way: Way, part: Sequence[Change], cause: str) -> None:
        """Reject one record, or send several in a way that says which of them is meant."""
        if len(part) == 1:
            self._reject([(part[0], cause)], 0.0)
        else:
            self._put(Way(min(way + 1, Way.SINGLE)), part)

    def _put(self, way: Way, changes: Sequence[Change]) -> None:
        if changes:
            self._queue.append((way, changes))

    def _put_unclear(self, way: Way, changes: Sequence[Change]) -> None:
        """Send again what was accepted or rejected, in a way that says which."""
        settle.doubt(self._kept, changes)
        self._put(way, changes)

    def _now(self) -> str:
        return times.rfc3339(self._clock.now())

    def _since(self, at: str) -> float:
        return times.seconds_between(at, self._now())


def _pauses(*first: float) -> Iterator[float]:
    """Yield pauses in seconds that double up to 30."""
    last = first[-1]
    doubling = (min(30.0, last * 2**n) for n in range(1, 6))
    return chain(first, doubling, repeat(30.0))
