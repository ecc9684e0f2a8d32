"""Request the lists that collectors subscribe to, each once, and pass every page to its readers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Collector, Listed, ListReader, Subscription
from xpjob.collect.outcome import TargetOutcome
from xpjob.kube.api import Api
from xpjob.kube.decode import decoder
from xpjob.kube.lists import Listing, ListKey, read_pages
from xpjob.kube.selectors import Selector
from xpjob.kube.unite import unite
from xpjob.net.threads import each

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives the progress of a run, e.g. for a progress bar."""

    def planned(self, lists: Sequence[ListKey]) -> None:
        """Receive the lists that will be requested."""

    def progress(self, key: ListKey, listed: int, total: int) -> None:
        """Receive the number of objects so far, and the estimated total. Called from threads."""

    def done(self, key: ListKey) -> None:
        """Receive that a list is complete, or has failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One subscription, its collector, and that collector's attempt."""

    collector: Collector
    attempt: Attempt
    subscription: Subscription


class _Labelled(Struct, gc=False):
    namespace: str = ""
    labels: dict[str, str] | None = None


class _Selectable(Struct, gc=False):
    """The fields for selecting objects from a longer list."""

    metadata: _Labelled | None = None


@dataclass(slots=True, eq=False)
class _SharedList:
    """One list to request, and the wishes that read it."""

    key: ListKey
    wishes: list[Wish] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One wish while its list is being read."""

    wish: Wish
    reader: ListReader
    select: Callable[[Any], bool] | None
    count: list[int]

    def page(self, objects: Sequence[Any]) -> None:
        if self.wish.attempt.failed:
            return
        if self.select:
            objects = tuple(item for item in objects if self.select(item))
        self.count[0] += len(objects)
        self.wish.attempt.run("page", lambda: self.reader.page(objects))


def fetch(
    wishes: Sequence[Wish],
    api: Api,
    progress: Progress,
    *,
    page_size: int,
    concurrency: int,
    sizes: Mapping[tuple[str, str, str], int],
) -> list[Listed]:
    """Request every list, and return the outcome of each wish, in order.

    A failed list is an outcome, not an exception. ``sizes`` has the number of objects of each list
    in the previous run, by ``TargetOutcome.scope``: the longest list starts first.
    """
    lists = _shared(wish for wish in wishes if wish.subscription.error is None)
    progress.planned([shared.key for shared in lists])
    lists.sort(key=lambda shared: -sizes.get(_scope(shared.key), 0))

    def one(shared: _SharedList) -> dict[Wish, Listed]:
        try:
            made = _read(shared, api, page_size, progress)
            if any(isinstance(listed.error, RefusedError) for listed in made.values()):
                # Rights for a part of a list may be granted where those for all of it are not.
                for part in _by_key(w for w in shared.wishes if w.subscription.key != shared.key):
                    made |= _read(part, api, page_size, progress)
            return made
        finally:
            progress.done(shared.key)

    made = {wish: listed for some in each(one, lists, concurrency) for wish, listed in some.items()}
    return [made[wish] if wish in made else unlisted(wish.subscription) for wish in wishes]


def outcome_of(subscription: Subscription, collector: str = "") -> TargetOutcome:
    """Return the initial outcome of a list."""
    key = subscription.key
    return TargetOutcome(
        class_=subscription.role,
        group=key.gvr.group,
        version=key.gvr.version,
        resource=key.gvr.resource,
        kind=subscription.kind,
        namespace=key.namespace,
        source=subscription.source,
        error=str(subscription.error) if subscription.error else "",
        gone=subscription.gone,
        collector=collector,
        selector=", ".join(filter(None, (key.label_selector, key.field_selector))),
    )


def unlisted(subscription: Subscription, collector: str = "") -> Listed:
    """Return the outcome of a list that could not be requested."""
    return Listed(subscription, outcome_of(subscription, collector), error=subscription.error)


def log_outcome(outcome: TargetOutcome) -> None:
    """Log the outcome of a list."""
    facts: dict[str, object] = {"gvr": outcome.gvr, "source": outcome.source}
    if outcome.namespace:
        facts["namespace"] = outcome.namespace
    if outcome.error:
        _log.error("list failed", extra={**facts, "error": outcome.error})
        return
    facts |= {"records": outcome.records, "pages": outcome.pages, "bytes": outcome.bytes}
    if outcome.restarts:
        facts["restarts"] = outcome.restarts
    if outcome.malformed:
        facts["malformed"] = outcome.malformed
    facts["seconds"] = round(outcome.seconds, 3)
    if outcome.malformed:
        _log.warning("unreadable objects skipped", extra=facts)
    else:
        _log.debug("list complete", extra=facts)


def _shared(wishes: Iterable[Wish]) -> list[_SharedList]:
    """Group wishes by list; a wish for part of a list joins a wish for the whole of it.

    What cannot be selected from the whole, or reads a field as another type, is requested by
    itself.
    """
    own = _by_key(wishes)
    # Lists of all objects first, and of whole objects before those of metadata.
    own.sort(key=lambda shared: (shared.key != shared.key.whole, shared.key.metadata_only))
    lists: list[_SharedList] = []
    by_key: dict[ListKey, list[_SharedList]] = {}
    for shared in own:
        # No field can be selected by from a longer list.
        covering = (shared.key,) if shared.key.field_selector else shared.key.covering()
        for wish in shared.wishes:
            there = (other for key in covering for other in by_key.get(key, ()))
            joined = next((other for other in there if _can_join(other, wish)), None)
            if joined is None:
                joined = _SharedList(shared.key)
                lists.append(joined)
                by_key.setdefault(shared.key, []).append(joined)
            joined.wishes.append(wish)
    return lists


def _by_key(wishes: Iterable[Wish]) -> list[_SharedList]:
    lists: dict[ListKey, _SharedList] = {}
    for wish in wishes:
        key = wish.subscription.key
        lists.setdefault(key, _SharedList(key)).wishes.append(wish)
    return list(lists.values())


def _can_join(shared: _SharedList, wish: Wish) -> bool:
    try:
        _selector(shared.key, wish)
        decoder(unite(_wires(_SharedList(shared.key, [*shared.wishes, wish]))))
    except Exception:  # noqa: BLE001 - whatever is wrong with it shows where it is read by itself
        return False
    return True


def _scope(key: ListKey) -> tuple[str, str, str]:
    return (key.gvr.group, key.gvr.resource, key.namespace)


def _read(shared: _SharedList, api: Api, page_size: int, progress: Progress) -> dict[Wish, Listed]:
    started = time.monotonic()
    readings: list[_Reading] = []
    first = shared.wishes[0]
    decode = first.attempt.run("reader", lambda: decoder(unite(_wires(shared))))
    if decode is None:  # nobody else is affected: what joins a list can be decoded with it
        return {wish: _failed(wish, first.attempt.error, started) for wish in shared.wishes}

    def restart() -> Callable[[Sequence[Any]], None]:
        readings[:] = _readings(shared)

        def sink(objects: Sequence[Any]) -> None:
            page = tuple(objects)  # no reader can change what the next one gets
            for reading in readings:
                reading.page(page)

        return sink

    try:
        listing = read_pages(
            api,
            shared.key,
            decode,
            restart,
            page_size=page_size,
            on_page=lambda listed, total: progress.progress(shared.key, listed, total),
        )
    except XpjobError as error:
        # Not ``gone`` even for a 404: discovery has just listed this kind. If it is really gone,
        # the next run's discovery will show it; if not, a proxy's 404 did no harm.
        made = {wish: _failed(wish, error, started) for wish in shared.wishes}
    else:
        made = {reading.wish: _listed(reading, listing, started) for reading in readings}
        for wish in shared.wishes:
            if wish not in made:
                made[wish] = _failed(wish, wish.attempt.error, started)
    log_outcome(next(iter(made.values())).outcome)
    return made


def _readings(shared: _SharedList) -> list[_Reading]:
    made = []
    for wish in shared.wishes:
        reader = wish.attempt.run("reader", partial(_reader, wish))
        if reader is not None:
            made.append(_Reading(wish, reader, _selector(shared.key, wish), [0]))
    return made


def _reader(wish: Wish) -> ListReader:
    reader = wish.collector.reader(wish.subscription)
    if reader is None:
        raise TypeError(f"{wish.collector.name}.reader returned None")
    return reader


def _selector(key: ListKey, wish: Wish) -> Callable[[_Selectable], bool] | None:
    """Return a filter for the objects of a wish in a longer list; None for all objects."""
    own = wish.subscription.key
    if replace(own, metadata_only=key.metadata_only) == key:
        return None
    namespace = own.namespace
    labels = Selector.parse(own.label_selector)

    def select(item: _Selectable) -> bool:
        metadata = item.metadata
        if metadata is None or (namespace and metadata.namespace != namespace):
            return False
        return labels.matches(metadata.labels or {})

    return select


def _wires(shared: _SharedList) -> list[type[Struct]]:
    """Return the structs with the fields that all subscribers read."""
    wires = [wish.subscription.wire for wish in shared.wishes]
    if any(wish.subscription.key != shared.key for wish in shared.wishes):
        wires.append(_Selectable)
    return wires


def _listed(reading: _Reading, listing: Listing, started: float) -> Listed:
    wish = reading.wish
    outcome = outcome_of(wish.subscription, wish.collector.name)
    outcome.seconds = time.monotonic() - started
    outcome.records = reading.count[0]
    outcome.malformed, outcome.pages = listing.malformed, listing.pages
    outcome.restarts, outcome.bytes = listing.restarts, listing.bytes
    result = None
    if not wish.attempt.failed:
        result = wish.attempt.run("result", reading.reader.result)
    return Listed(wish.subscription, outcome, result)


def _failed(wish: Wish, error: XpjobError | None, started: float) -> Listed:
    outcome = outcome_of(wish.subscription, wish.collector.name)
    outcome.seconds = time.monotonic() - started
    outcome.error = str(error)
    return Listed(wish.subscription, outcome, error=error)
