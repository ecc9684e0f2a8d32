"""One cluster that is being run: its time, and the end of its process."""

from __future__ import annotations

import logging
import signal
import threading
import time
from dataclasses import dataclass, field

from xpjob.net import deadline as deadlines
from xpjob.net.deadline import Deadline
from xpjob.run.hub import metrics
from xpjob.run.hub.child import Child
from xpjob.run.hub.members import Member
from xpjob.run.hub.names import Known
from xpjob.run.hub.outcome import Outcome
from xpjob.run.hub.probe import Probe
from xpjob.run.options import RunOptions

_LOADING = 10.0  # seconds that a process may take to load, and to leave, beyond its deadline
_KILL = 2.0  # seconds from SIGTERM to SIGKILL for a run that is overdue
_PUSH = 10.0  # seconds to push what the hub says of the cluster
_PUSH_STOPPED = 1.0

_log = logging.getLogger(__name__)


def seconds_of(member: Member) -> float:
    """Return the longest time that a cluster can take."""
    return member.config[RunOptions].run_deadline_seconds + _LOADING + _KILL + _PUSH


@dataclass(eq=False)
class Slot:
    """One cluster that is being run."""

    member: Member
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        self.outcome = Outcome(self.member.name, 1, "not run")
        self.deadline = Deadline(self.member.config[RunOptions].run_deadline_seconds)
        self.probe = Probe()
        self._child: Child | None = None
        self._signal = 0
        self._next = signal.SIGTERM
        self._lock = threading.Lock()
        self.ends = time.monotonic() + seconds_of(self.member) - _KILL - _PUSH

    def began(self, child: Child) -> None:
        """Note its process, which is sent what signal has come meanwhile."""
        with self._lock:
            self._child = child
            if self._signal:
                child.send(self._signal)

    def send(self, number: int) -> None:
        """Send its process a signal. Takes no locks."""
        if self._child:
            self._child.send(number)

    def stop(self, number: int) -> None:
        """Pass a signal on. What does not end upon it is killed."""
        self.deadline.stop(number)
        with self._lock:
            self._signal = number
            self.send(number)
        self._next = signal.SIGKILL
        self.ends = min(self.ends, time.monotonic() + deadlines.GRACE + 1.0)

    def end_if_overdue(self) -> None:
        """End its process if its time is over: first with SIGTERM, then with SIGKILL."""
        if time.monotonic() < self.ends:
            return
        self.send(self._next)
        self.ends = time.monotonic() + _KILL
        self._next = signal.SIGKILL

    def publish(self, known: Known) -> None:
        """Push what the hub says of the cluster; errors are logged."""
        seconds = _PUSH_STOPPED if self.deadline.signal else _PUSH
        with Deadline(seconds).running():
            for error in metrics.push(self.member, self.outcome, known):
                facts = {"cluster": self.member.name, "error": str(error)}
                _log.error("metrics of the hub not pushed", extra=facts)
