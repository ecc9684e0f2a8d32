"""One run for each cluster, each a process of its own, several at once.

A cluster that is down, slow, or whose run crashes costs its own time: RUN_DEADLINE_SECONDS, after
which its process is ended. The others do not notice.
"""

from __future__ import annotations

import logging
import queue
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.kube.connect import preload
from xpjob.net import deadline as deadlines
from xpjob.net.deadline import Deadline
from xpjob.run.hub.child import Child
from xpjob.run.hub.handed import Handed, handed
from xpjob.run.hub.lines import Printer
from xpjob.run.hub.members import Groups, Member, environment, reaching
from xpjob.run.hub.names import Known, Names, recall, replaced
from xpjob.run.hub.outcome import Outcome, described
from xpjob.run.hub.probe import probe
from xpjob.run.hub.slot import Slot, seconds_of
from xpjob.run.identity import SharedNameError

GRACE = deadlines.GRACE + 3.0
"""Seconds that a hub has after a signal: its runs have a little less, and are waited for."""
RECALL_SECONDS = 10.0
_PROBING = 1 / 4  # of a cluster's time

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setup:
    """What is the same for all clusters of a hub. ``shared`` is the environment of their runs."""

    groups: Groups
    shared: Mapping[str, str]
    printer: Printer
    concurrency: int
    dry_run: bool = False


def bound(members: Sequence[Member], concurrency: int) -> float:
    """Return the longest time that all clusters can take, in seconds."""
    longest = sorted(map(seconds_of, members), reverse=True)
    return RECALL_SECONDS + sum(longest[::concurrency]) + GRACE


class Hub:
    """The runs for several clusters."""

    def __init__(self, members: Sequence[Member], everyone: Sequence[Member], setup: Setup) -> None:
        """Prepare. ``everyone``: all clusters, ``members`` those that this process runs."""
        self._members = members
        self._everyone = everyone
        self._setup = setup
        self._known: Mapping[str, Known] = {}
        self._names = Names({})
        self._active: dict[str, Slot] = {}
        self._done: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()

    def run(self, deadline: Deadline) -> list[Outcome]:
        """Make the runs, and return how they went, in order of the clusters.

        A signal to ``deadline`` is passed on to the runs, and no more are started. Raises
        ``SettingsError`` if there is no place for temporary files.
        """
        preload()  # not at the expense of a cluster's time
        if not self._setup.dry_run:
            with Deadline(RECALL_SECONDS).running(), suppress(XpjobError):
                self._known = recall(self._everyone)
        self._names = Names(self._known, replaced(self._everyone))
        try:
            folder = tempfile.TemporaryDirectory(prefix="xpjob-hub-")
        except OSError as error:
            raise SettingsError(
                [
                    f"TMPDIR: no folder for temporary files: {error.strerror}; mount a writable "
                    "volume, e.g. an emptyDir, and set TMPDIR to its path"
                ]
            ) from None
        with folder as path:
            return self._run(deadline, Path(path))

    def kill(self) -> None:
        """End all runs at once. Takes no locks."""
        for slot in list(self._active.values()):
            slot.send(signal.SIGKILL)

    def _run(self, deadline: Deadline, folder: Path) -> list[Outcome]:
        pending = deque(self._members)
        outcomes: dict[str, Outcome] = {}
        passed_on = 0
        with deadline.listening(self._done):
            while pending or self._active:
                if deadline.signal and not passed_on:
                    passed_on = deadline.signal
                    for slot in list(self._active.values()):
                        slot.stop(passed_on)
                    pending.clear()
                while pending and len(self._active) < self._setup.concurrency:
                    self._start(pending.popleft(), folder)
                for slot in list(self._active.values()):
                    slot.end_if_overdue()
                for slot in self._finished():
                    del self._active[slot.member.name]
                    outcomes[slot.member.name] = slot.outcome
        return [outcomes[member.name] for member in self._members if member.name in outcomes]

    def _finished(self) -> list[Slot]:
        """Wait for a run to end, to be overdue, or for a signal."""
        if not self._active:
            return []
        soonest = min(slot.ends for slot in self._active.values())
        with suppress(queue.Empty):
            slot = self._done.get(timeout=max(0.0, soonest - time.monotonic()))
            return [slot] if slot is not None else []  # woken by a signal
        return []

    def _start(self, member: Member, folder: Path) -> None:
        slot = self._active[member.name] = Slot(member)
        threading.Thread(target=self._work, args=(slot, folder), daemon=True).start()

    def _work(self, slot: Slot, folder: Path) -> None:
        member, started = slot.member, time.monotonic()
        known = self._known.get(member.name, Known())
        try:
            outcome = self._outcome(slot, folder)
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs this cluster
            text = f"internal error ({type(error).__name__}); report this bug"
            outcome = Outcome(member.name, 1, text)
        seconds = time.monotonic() - started
        outcome = replace(outcome, seconds=seconds, probe=slot.probe)
        slot.outcome = outcome
        try:
            _tell(outcome)
            if not self._setup.dry_run:
                slot.publish(known)
        finally:
            self._done.put(slot)

    def _outcome(self, slot: Slot, folder: Path) -> Outcome:
        member = slot.member
        if member.error:
            conflict = isinstance(member.error, SharedNameError)
            code, why = member.error.exit_code, described(member.error)
            return Outcome(member.name, code, why, conflict=conflict)
        try:
            with handed(member.access) as given:
                return self._made(slot, given, folder)
        except XpjobError as error:
            return Outcome(member.name, error.exit_code, described(error))

    def _made(self, slot: Slot, given: Handed, folder: Path) -> Outcome:
        member, setup = slot.member, self._setup
        config = reaching(member.config, given.kubeconfig, given.context)
        with slot.deadline.running(), deadlines.share(_PROBING, until_stopped=True):
            found = slot.probe = probe(config)
        if slot.deadline.signal:
            return Outcome(member.name, 1, f"not run: {slot.deadline.why()}")
        if found.error:
            facts = {"cluster": member.name, "error": described(found.error)}
            _log.warning("cluster does not answer", extra=facts)
        elif not setup.dry_run:
            try:
                self._names.check(member.name, found.identity)
            except SharedNameError as error:
                return Outcome(member.name, 1, str(error), conflict=True)
        environ = {**environment(setup.shared, member, setup.groups), **given.environ()}
        # Of its own time: what it took to ask it is over.
        environ["RUN_DEADLINE_SECONDS"] = f"{max(1.0, slot.deadline.left()):.3f}"
        arguments = ["--dry-run"] if setup.dry_run else []
        child = Child(member.name, environ, arguments, given.descriptors, folder, setup.printer)
        slot.began(child)
        code, told, why = child.wait()
        return Outcome(member.name, code, why, facts=told)


def _tell(outcome: Outcome) -> None:
    facts = {
        "cluster": outcome.name,
        "exitCode": outcome.code,
        "up": outcome.probe.up,
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.success:
        _log.info("run for cluster finished", extra=facts)
    else:
        _log.error("run for cluster failed", extra={**facts, "error": outcome.error})
