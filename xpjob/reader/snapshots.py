"""Freshness: the newest good snapshot of each cluster, and what is known of newer ones.

One thread asks the store, conditionally, every few seconds; requests only look at what it has
found. A snapshot that cannot be read never replaces a good one, and a store that is away costs
nothing but the news.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, RefusedError, XpjobError
from xpjob.base.future import is_ahead
from xpjob.collect.contract import Collectors
from xpjob.reader.extension import Extensions
from xpjob.reader.held import (
    ABSENT,
    AWAY,
    CORRUPT,
    FUTURE,
    NEWER,
    OLD,
    REFUSED,
    UNLOADED,
    Freshness,
    Held,
)
from xpjob.reader.loaded import Loaded
from xpjob.reader.loader import Loader, LoadError
from xpjob.reader.metrics import Metrics
from xpjob.reader.options import ReaderOptions
from xpjob.reader.patience import PatientStore
from xpjob.reader.table import give_back_memory
from xpjob.snapshot import documents
from xpjob.snapshot.documents import NewerSchemaError, RunReport
from xpjob.store.base import REPORT, SNAPSHOT, NotAFileError, key_of

RELIST_SECONDS = 60.0
"""How often clusters are looked for: new ones are rare, and lists cost more than reads."""
STALE_AFTER = 3
"""Intervals after which a snapshot is stale."""
_SLOWDOWN = 6
_RETRY_SECONDS = 600.0
"""The longest pause before a snapshot is loaded again that could not be."""

_log = logging.getLogger(__name__)


class Snapshots:
    """The newest good snapshot of each cluster. ``now`` is the clock; tests bring their own."""

    def __init__(
        self,
        store: PatientStore,
        options: ReaderOptions,
        cluster: str,
        metrics: Metrics,
        collectors: Collectors,
        extensions: Extensions,
        now: Callable[[], datetime] = times.now,
    ) -> None:
        """Serve one ``cluster``, or all that there are where it is empty."""
        self._store, self._metrics, self._now = store, metrics, now
        self._extensions, self._loader = extensions, Loader(collectors, extensions)
        self.cluster, self.poll_interval_seconds = cluster, options.poll_interval_seconds
        self.refresh_seconds = options.refresh_seconds
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._listed_at: datetime | None = None
        self._list_refused = self._untidy = False
        # Held by whoever makes things as large as a snapshot: memory is for one at a time.
        self.alone = threading.Lock()
        self.changed: Callable[[set[str]], None] = lambda _tags: None
        """Called with the tags of the views that are served, when there are others."""
        self.loading: Callable[[set[str]], None] = lambda _tags: None
        """Called with them before a newer snapshot is loaded."""

    @property
    def clusters(self) -> dict[str, Held]:
        """Return what is held, by cluster, sorted by name. Never waits."""
        held = self._held  # which is replaced meanwhile
        return {name: held[name] for name in sorted(held)}

    @property
    def ready(self) -> bool:
        """Tell whether a first snapshot was loaded."""
        return any(held.snapshot for held in self._held.values())

    def tags(self) -> set[str]:
        """Return the tags of all views that are served."""
        found: set[str] = set()
        for held in self._held.values():
            if snapshot := held.snapshot:
                found |= snapshot.tags
                for extension in self._extensions:
                    found.update(extension.tags(snapshot.view_of(extension.name)))
        return found

    def freshness(self, held: Held) -> Freshness:
        """Return how fresh the snapshot of a cluster is now."""
        store = held.store or (AWAY if self._store.overdue() else "")
        troubles = tuple(filter(None, (store, held.verdict)))
        if held.snapshot is None:
            return Freshness(0.0, troubles)
        age = max(0.0, self._now().timestamp() - held.snapshot.stamp.generated)
        old = age > STALE_AFTER * self.poll_interval_seconds
        if is_ahead(held.snapshot.stamp.generated_at, self._now()):
            return Freshness(age, (FUTURE, *troubles))  # how old it really is is not known
        return Freshness(age, (OLD, *troubles) if old else troubles)

    def start(self) -> None:
        """Refresh now, and then again and again, from a thread of its own."""
        self._stop.clear()
        self._loader.start()
        self._thread = threading.Thread(target=self._run, name="xpjob-refresh", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End that. A request that is on the wire is left to end by itself."""
        self._stop.set()
        self._loader.stop()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        pause = self.refresh_seconds
        while not self._stop.is_set():
            well = self.refresh()
            slowest = self.refresh_seconds * _SLOWDOWN
            pause = self.refresh_seconds if well else min(pause * 2, slowest)
            self._stop.wait(pause)

    def refresh(self) -> bool:
        """Ask the store once for what is new; return whether it answered. Never raises.

        Only one refresh runs at a time: a second one returns at once.
        """
        if not self._lock.acquire(blocking=False):
            return True
        try:
            return self._refresh()
        except Exception:  # noqa: BLE001 - see below
            # A bug of ours must not end the thread, and with it all news.
            self._count_bug()
            return False
        finally:
            self._lock.release()

    def _count_bug(self) -> None:
        _log.exception("refreshing failed")
        self._metrics.failures.labels("internal").inc()

    def _refresh(self) -> bool:
        before, well = self._served(), True
        try:
            for name in self._names():
                try:
                    held = self._fetched(name, self._held.get(name, Held()))
                except XpjobError:
                    raise
                except Exception:  # noqa: BLE001 - nor the news of other clusters
                    self._count_bug()
                    well = False
                    continue
                tag = self._served().get(name)
                self._held = {**self._held, name: held}
                if self._served().get(name) != tag:
                    self.changed(self.tags())
        except XpjobError as error:
            self._away(error)
            return False
        if well:
            self._metrics.refreshed(self._now())
        if self._served() != before:
            self.changed(self.tags())  # clusters may be gone
            self._untidy = True
        elif self._untidy:
            # Only now, when no answer is being made of the snapshot that was let go.
            self._untidy = False
            give_back_memory()
        return well

    def _served(self) -> dict[str, str]:
        """Return which snapshot is served of each cluster."""
        return {n: held.snapshot.stamp.tag for n, held in self._held.items() if held.snapshot}

    def _away(self, error: XpjobError) -> None:
        """Mark all: they lie in the same store, so the others are not tried in turn."""
        what = REFUSED if isinstance(error, RefusedError) else AWAY
        self._metrics.failures.labels(what).inc()
        held = self._held or {self.cluster: Held()}
        if any(item.store != what for item in held.values()):
            _log.warning("the store cannot be read; serving what is there", extra=_reason(error))
        self._held = {name: replace(item, store=what) for name, item in held.items()}

    def _names(self) -> list[str]:
        """Return the clusters to ask for: the configured one, or all that there are."""
        if self.cluster:
            return [self.cluster]
        known = list(self._held) or [""]
        seconds = (self._now() - self._listed_at).total_seconds() if self._listed_at else None
        if self._list_refused or (self.ready and seconds and seconds < RELIST_SECONDS):
            return known
        try:
            found = self._store.clusters()
        except RefusedError as error:
            self._list_refused = True
            _log.info("the store may not be listed: serving one cluster", extra=_reason(error))
            return known
        self._listed_at = self._now()
        # The one without a name is asked for first of all; it may never have been there.
        gone = {name for name, held in self._held.items() if name or not held.snapshot} - set(found)
        if found and gone - {""}:
            _log.info("clusters are gone from the store", extra={"clusters": sorted(gone)})
        if found:
            self._held = {name: held for name, held in self._held.items() if name not in gone}
        return found or known

    def _fetched(self, name: str, held: Held) -> Held:
        """Return what is held of a cluster after asking the store. Raises the store's errors."""
        held = self._with_report(name, held)
        try:
            fetched = self._store.fetch(key_of(name, SNAPSHOT), held.known(self._now()))
        except NotAFileError as error:  # of this cluster only: the store has answered
            self._metrics.failures.labels(CORRUPT).inc()
            if held.verdict != CORRUPT:
                _log.warning(
                    "a snapshot was rejected; serving the one before", extra=_reason(error)
                )
            return replace(held, etag="", verdict=CORRUPT, store="")
        if held.store:
            _log.info("the store is back", extra={"cluster": name})
        if fetched is None:
            self._metrics.refreshes.labels("absent").inc()
            return replace(held, etag="", verdict=ABSENT, store="")
        stored, body = fetched
        if stored.unchanged:
            self._metrics.refreshes.labels("unchanged").inc()
            return replace(held, store="")
        where, etag = self._store.where(key_of(name, SNAPSHOT)), stored.etag
        try:
            # No slow client holds on to a third snapshot.
            self.loading(self.tags())
            with self.alone:
                made = Loaded(self._loader.load(body, where, etag))
                if held.snapshot is not None:
                    made.follow(held.snapshot)
        except (BadAnswerError, ValueError) as error:
            verdict = NEWER if isinstance(error, NewerSchemaError) else CORRUPT
            self._metrics.failures.labels(verdict).inc()
            _log.warning("a snapshot was rejected; serving the one before", extra=_reason(error))
            return replace(held, etag=etag, verdict=verdict, store="", failed=0, again=None)
        except LoadError as error:
            return self._not_loaded(held, etag, error)
        self._metrics.refreshes.labels("changed").inc()
        _log.debug(
            "snapshot loaded", extra={"object": where, "generated_at": made.stamp.generated_at}
        )
        return replace(held, snapshot=made, etag=etag, verdict="", store="", failed=0, again=None)

    def _not_loaded(self, held: Held, etag: str, error: LoadError) -> Held:
        """Keep what is there: the snapshot may be good, so it is tried again, ever more seldom."""
        if not self._stop.is_set():
            self._metrics.failures.labels(UNLOADED).inc()
            _log.warning(
                "a snapshot could not be loaded; serving the one before", extra=_reason(error)
            )
        failed = held.failed + 1 if etag == held.etag else 1
        pause = min(self.refresh_seconds * 2 ** min(failed, 10), _RETRY_SECONDS)
        again = self._now() + timedelta(seconds=pause)
        return replace(held, etag=etag, verdict=UNLOADED, store="", failed=failed, again=again)

    def _with_report(self, name: str, held: Held) -> Held:
        key = key_of(name, REPORT)
        try:
            stored = self._store.get(key, held.report_etag)
        except NotAFileError:
            stored = None
        if stored is None:
            return replace(held, report=None, report_etag="")
        if stored.unchanged:
            return held
        try:
            report = documents.decode(stored.body, RunReport, self._store.where(key))
        except BadAnswerError as error:
            self._metrics.failures.labels("report").inc()
            _log.warning("the last run's report was rejected", extra=_reason(error))
            return replace(held, report_etag=stored.etag)
        return replace(held, report=report, report_etag=stored.etag)


def _reason(error: Exception) -> dict[str, str]:
    return {"error": str(error)}
