"""The run's deadline: whatever waits looks at it."""

from __future__ import annotations

import math
import queue
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from xpjob.base.errors import DeadlineError, TransientError
from xpjob.net import deadline, retry
from xpjob.net.deadline import Deadline, share
from xpjob.net.threads import begin, each, within

HOUR = 3600.0
GRACE = HOUR / 2


def test_without_a_deadline_only_the_own_time_out_counts() -> None:
    """Commands that are no run have none."""
    deadline.check()
    assert within(HOUR, lambda: "done") == "done"
    with pytest.raises(TimeoutError):
        within(0.01, threading.Event().wait)


def test_a_wait_ends_at_the_deadline() -> None:
    """Although its own time-out is longer; the error says why."""
    with Deadline(0.05).running(), pytest.raises(DeadlineError, match="RUN_DEADLINE_SECONDS is"):
        within(HOUR, threading.Event().wait)


def test_nothing_is_begun_after_the_deadline() -> None:
    """No request is sent that nobody could wait for."""
    begun: list[int] = []
    with Deadline(0.0).running(), pytest.raises(DeadlineError):
        within(HOUR, lambda: begun.append(1))
    assert begun == []


def test_a_share_leaves_time_for_what_comes_after() -> None:
    """And shares of a share."""
    with Deadline(HOUR).running():
        with share(1 / 2), share(1 / 2):
            assert 0.24 * HOUR < deadline.left() <= HOUR / 4
        assert deadline.left() > 0.9 * HOUR
    with share(1 / 2):
        assert deadline.left() == float("inf")


def test_threads_see_the_deadline_of_the_run() -> None:
    """Also those of a pool."""
    with Deadline(HOUR).running(), share(1 / 4):
        seen = each(lambda _: deadline.left(), range(4), 2)
    assert all(0 < left <= HOUR / 4 for left in seen)


def test_a_signal_wakes_all_who_list_and_leaves_time_to_store() -> None:
    """The first at once, the rest within the grace."""
    limit, waiting = Deadline(HOUR, GRACE), threading.Barrier(3)

    def hang(_: int) -> str:
        waiting.wait(10)
        try:
            deadline.sleep(HOUR)
        except DeadlineError as error:
            return str(error)
        return "slept"

    def stop() -> None:
        waiting.wait(10)
        limit.stop(signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with limit.running():
        with share(3 / 4, until_stopped=True):
            told = each(hang, range(2), 2)
            assert deadline.left() == 0
        assert 0 < deadline.left() <= GRACE
    assert all("interrupted by SIGTERM" in error for error in told)


def test_a_wait_goes_on_after_it_was_woken() -> None:
    """Storing is given less time by a signal, but is not cut off."""
    limit = Deadline(HOUR)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def answer() -> None:
        while not limit._waiting:
            time.sleep(0.001)
        limit.stop(signal.SIGINT)
        answers.put("stored")

    threading.Thread(target=answer, daemon=True).start()
    with limit.running():
        assert deadline.receive(answers, HOUR) == "stored"


def test_a_signal_shortens_shares_that_have_begun() -> None:
    """A store that hangs then must not take the time of the gateway."""
    limit = Deadline(HOUR, GRACE)
    with limit.running():
        with share(1 / 2), share(1 / 2):
            limit.stop(signal.SIGTERM)
            assert 0 < deadline.left() <= GRACE / 4
        assert GRACE / 2 < deadline.left() <= GRACE


def test_no_pause_is_begun_that_the_deadline_would_cut_off() -> None:
    """The last error is told at once, and not that time is up."""
    retry.set_testing(False)
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise TransientError("busy", retry_after=8)

    with Deadline(5.0).running(), pytest.raises(TransientError, match="busy"):
        retry.call(fail)
    assert calls == [1]


def test_a_wait_without_any_end_is_a_wait() -> None:
    """As where a command that is no run waits for what it has begun."""
    go = threading.Event()
    waiting = begin(lambda: go.wait() and "done")
    threading.Timer(0.01, go.set).start()
    assert waiting() == "done"


def test_a_signal_is_known_when_its_time_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may come at any moment, and asks how long ago the first one was."""
    limit = Deadline(HOUR)
    known: list[int] = []

    def monotonic() -> float:
        known.append(limit.signal)
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(deadline, "time", SimpleNamespace(monotonic=monotonic))
        limit.stop(signal.SIGTERM)
    assert set(known) == {0}
    assert (limit.signal, limit.stopped_at) == (signal.SIGTERM, 0.0)


def test_what_is_for_others_too_has_all_the_time_of_the_run() -> None:
    """Whatever share whoever asks for it has; and a signal ends it, if that is wanted."""
    limit = Deadline(HOUR)
    with deadline.whole():
        assert deadline.left() == math.inf
    with limit.running(), share(1 / 60), share(1 / 60):
        assert deadline.left() <= 1
        with deadline.whole(until_stopped=True):
            assert deadline.left() > HOUR / 2
            limit.stop(signal.SIGTERM)
            assert deadline.left() == 0
