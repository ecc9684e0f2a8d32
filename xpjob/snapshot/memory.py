"""What a run remembers of those before it, and how it commits its own snapshot.

The snapshot is the commit point: it is written on condition that nobody else has written since
it was read, so that a slow run never replaces a newer one.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from xpjob.errors import BadAnswerError, ConflictError, SupersededError, XpjobError
from xpjob.settings import Settings
from xpjob.snapshot import model
from xpjob.snapshot.counters import Counters
from xpjob.snapshot.model import NewerSchemaError, RunInfo, RunReport, Snapshot
from xpjob.snapshot.store import REPORT, SNAPSHOT, Store
from xpjob.snapshot.store import key as store_key

_COMMIT_ATTEMPTS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """The previous snapshot, if any, with its etag; and the counters to go on from."""

    snapshot: Snapshot | None
    etag: str
    counters: Counters
    last_success_at: str


def remember(store: Store, settings: Settings, run: RunInfo) -> Memory:
    """Read what the run before has left.

    Raises the store's errors, ``NewerSchemaError``, and ``SupersededError`` when a run that
    started after this one has finished already.
    """
    key = store_key(settings, SNAPSHOT)
    held = store.get(key)
    snapshot = None
    if held:
        try:
            snapshot = model.decode(held.body, Snapshot, store.where(key))
        except NewerSchemaError:
            raise
        except BadAnswerError as error:
            aside = f"{key}.unreadable"
            _log.warning(
                "going on as if there were no previous snapshot; it is kept aside",
                extra={"error": str(error), "kept": store.where(aside)},
            )
            store.put(aside, held.body, replacing=None)
    if snapshot:
        _check_order(snapshot.run, run, store.where(key))
    report = _last_report(store, store_key(settings, REPORT))
    counters = (report and report.counters) or (snapshot and snapshot.counters) or Counters()
    return Memory(
        snapshot,
        held.etag if held else "",
        copy.deepcopy(counters).usable(),
        report.last_success_at if report else "",
    )


def commit(
    store: Store, settings: Settings, memory: Memory, build: Callable[[Memory], Snapshot]
) -> Snapshot:
    """Store the snapshot that ``build`` makes, and return it.

    Where another run has written meanwhile, an older run's snapshot becomes the new memory and
    ``build`` is called again. Raises ``SupersededError`` when the other run is newer,
    ``ConflictError`` when the others do not stop, and the store's errors.
    """
    key = store_key(settings, SNAPSHOT)
    for _ in range(_COMMIT_ATTEMPTS):
        snapshot = build(memory)
        try:
            store.put(key, model.encode(snapshot), replacing=memory.etag)
            return snapshot
        except ConflictError as conflict:
            last = conflict
        memory = remember(store, settings, snapshot.run)
        if memory.snapshot and memory.snapshot.run.id == snapshot.run.id:
            return memory.snapshot  # a write that timed out had been carried out all the same
    raise ConflictError(f"gave up after {_COMMIT_ATTEMPTS} conflicts: {last}; see who else writes")


def _check_order(theirs: RunInfo, ours: RunInfo, where: str) -> None:
    if theirs.id == ours.id or _moment(theirs.started_at) <= _moment(ours.started_at):
        return
    if _moment(theirs.started_at) > model.now():
        _log.warning(
            "the previous run's start lies in the future: one of the two clocks is wrong",
            extra={"previous_started_at": theirs.started_at, "object": where},
        )
        return
    raise SupersededError(
        f"superseded: run {theirs.id}, started {theirs.started_at}, has already stored {where}; "
        f"this run started {ours.started_at} and leaves it alone"
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise XpjobError(f"the stored start of a run is no time: {text!r}") from error


def _last_report(store: Store, key: str) -> RunReport | None:
    held = store.get(key)
    if held is None:
        return None
    try:
        return model.decode(held.body, RunReport, store.where(key))
    except BadAnswerError as error:
        _log.warning("going on without the last run's report", extra={"error": str(error)})
        return None
