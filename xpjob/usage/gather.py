"""Gather usage: from the files of closed days, and from snapshots for days without one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from xpjob.base.errors import BadAnswerError, NotFoundError
from xpjob.net import deadline
from xpjob.net.threads import begin
from xpjob.store.base import USAGE, Stored
from xpjob.usage import files, fold
from xpjob.usage.cells import Cells
from xpjob.usage.coverage import Coverage
from xpjob.usage.errors import NoUsageError, QuestionError
from xpjob.usage.files import FileKey
from xpjob.usage.fold import Folded
from xpjob.usage.period import CORRECTED_DAYS
from xpjob.usage.question import Question
from xpjob.usage.rules import DAY
from xpjob.usage.state import Closed, Open, UsageState

_MAX_FILES = 100_000
"""Files of a month that are listed: of 3,000 clusters."""
_AHEAD = 4
"""Files that are requested before they are needed."""

_log = logging.getLogger(__name__)


class Readable(Protocol):
    """The part of a store that reports read."""

    def where(self, key: str) -> str:
        """Return the location of a document for messages."""

    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return a document, or None if it does not exist."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the first ``most`` keys with this prefix, sorted."""


class Current(NamedTuple):
    """The usage in the newest snapshot of a cluster, and when it was taken."""

    cluster: str
    taken: datetime
    state: UsageState


@dataclass(slots=True)
class Gathered:
    """All of it. ``files`` and ``open`` are the days of each cluster, by where they are from."""

    cells: Cells
    today: date
    coverage: Coverage = field(default_factory=Coverage)
    files: dict[str, set[date]] = field(default_factory=dict)
    open: dict[str, set[date]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    @property
    def clusters(self) -> list[str]:
        """Return the clusters, sorted."""
        return sorted(self.files.keys() | self.open.keys())


Reader = Callable[[FileKey], Folded]
"""Reads and folds a file. Raises ``NotFoundError``, ``BadAnswerError`` and the store's errors."""


def gather(
    store: Readable,
    question: Question,
    changes: Sequence[date],
    current: Sequence[Current],
    today: date,
    *,
    read: Reader | None = None,
    most: int = 0,
) -> Gathered:
    """Return what a question asks for.

    ``current`` must be of snapshots that were read before: a day that is closed since then has a
    file, and is taken from it. With ``most``, so many days of clusters are read at most.
    Raises ``QuestionError``, ``NoUsageError`` and the store's errors.
    """
    _check_length(question, 1, most)
    every = _listed(store, question)
    listed = [key for key in every if question.has_cluster(key.cluster)]
    asked = [each for each in current if question.has_cluster(each.cluster)]
    gathered = Gathered(Cells(question, changes), today)
    for name in {key.cluster for key in listed} | {each.cluster for each in asked}:
        gathered.files[name], gathered.open[name] = set(), set()
    known = {key.cluster for key in every} | {each.cluster for each in current}
    _check(store, gathered, known, most)
    filed = set(listed)
    for each in asked:
        _add_current(gathered, each, filed)
    read = read or partial(read_file, store, question.read)
    for key, wait in _ahead(sorted(listed), read):
        deadline.check()
        try:
            _add(gathered, key.cluster, wait())
        except NotFoundError:
            continue  # removed since it was listed: the day is missing
        except BadAnswerError as error:
            _log.warning("usage file ignored", extra={"error": str(error)})
            gathered.unreadable.append(str(key))
            continue
        gathered.files[key.cluster].add(key.day)
        gathered.coverage.settle(key.day - timedelta(days=CORRECTED_DAYS + 1))
    gathered.coverage.settle()
    return gathered


def read_file(store: Readable, dimensions: Sequence[str], key: FileKey) -> Folded:
    """Read and fold a file. Raises ``NotFoundError``, ``BadAnswerError`` and the store's errors."""
    stored, where = store.get(str(key)), store.where(str(key))
    if stored is None:
        raise NotFoundError(f"there is no {where} any more")
    return fold.of_file(stored.body, dimensions, where)


def _listed(store: Readable, question: Question) -> list[FileKey]:
    """Return the files that may have usage of the period, of all clusters."""
    wanted = question.period.corrected()
    keys = [
        FileKey.of(name)
        for month in wanted.months()
        for name in store.keys(files.month_folder(month), _MAX_FILES)
    ]
    return [key for key in keys if key and wanted.has(key.day)]


def _check(store: Readable, gathered: Gathered, known: Collection[str], most: int) -> None:
    """Raise an error for what cannot be answered. ``known`` are all clusters that have usage."""
    question, found = gathered.cells.question, gathered.clusters
    if not known and not store.keys(f"{USAGE}/", 1):
        raise NoUsageError(
            f"there is no usage at {store.where(USAGE)}, nor in the newest snapshot; a run counts "
            "it unless USAGE=off, and the second run is the first that has some"
        )
    for name in question.clusters:
        if "*" not in name and name not in found:
            raise QuestionError(
                "cluster",
                f"there is no usage of the cluster {name[:60]!r} in this period",
                sorted(known),
            )
    _check_length(question, len(found), most)


def _check_length(question: Question, clusters: int, most: int) -> None:
    """Raise an error for more days of clusters than ``most``, if there is a limit.

    It is checked before anything is listed, too: a list for each month of a long period is the
    work that the limit is there to save.
    """
    if most and question.period.count * clusters > most:
        raise QuestionError(
            "from",
            f"{question.period.count} days of {clusters} clusters are asked for, and at most "
            f"{most} days of clusters are answered here; ask for a shorter period or fewer "
            "clusters, or use xpjob usage with the store",
        )


def _add_current(gathered: Gathered, current: Current, filed: Collection[FileKey]) -> None:
    """Add the days of a snapshot that have no file."""
    question, cluster = gathered.cells.question, current.cluster
    days: list[Open | Closed] = [*current.state.pending, *current.state.open]
    for day in days:
        found = date.fromisoformat(day.day)
        if FileKey(found, cluster) in filed:
            continue
        if question.period.has(found):
            gathered.open[cluster].add(found)
            if current.taken.date() == found:
                midnight = current.taken.replace(hour=0, minute=0, second=0, microsecond=0)
                passed = int((current.taken - midnight).total_seconds())
                gathered.coverage.lengths[cluster, day.day] = min(DAY, passed)
        _add(gathered, cluster, fold.of_day(day, question.read))


def _add(gathered: Gathered, cluster: str, folded: Folded) -> None:
    gathered.cells.add(cluster, folded)
    gathered.coverage.add(cluster, folded)


def _ahead(keys: Sequence[FileKey], read: Reader) -> Iterator[tuple[FileKey, Callable[[], Folded]]]:
    """Yield files with functions that wait for them; a few are requested at the same time."""
    waiting: deque[tuple[FileKey, Callable[[], Folded]]] = deque()
    for key in keys:
        waiting.append((key, begin(partial(read, key))))
        if len(waiting) == _AHEAD:
            yield waiting.popleft()
    yield from waiting
