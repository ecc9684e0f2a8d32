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
from xpjob.kube.lists import Listing, ListKey, Page, read_pages
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
    """One list to request, and the wishes that read it.

    Those of one group are served by one decoding of each page. What reads a field as another type
    is in a group of its own: to decode a page once more costs less than to request it.
    """

    key: ListKey
    groups: list[list[Wish]] = field(default_factory=list)

    @property
    def wishes(self) -> list[Wish]:
        """Return the wishes of all groups."""
        return [wish for group in self.groups for wish in group]

    def join(self, wish: Wish) -> bool:
        """Add a wish, if its objects can be selected from this list; return whether it was."""
        for group in (*self.groups, None):
            if _can_decode(self.key, [*(group or ()), wish]):
                if group is None:
                    self.groups.append([wish])
                else:
                    group.append(wish)
                return True
        return False


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
                for part in _parts(shared):
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
    # Lists of all objects first, and of whole objects before those of metadata.
    ordered = sorted(wishes, key=lambda wish: _order(wish.subscription.key))
    lists: list[_SharedList] = []
    by_key: dict[ListKey, list[_SharedList]] = {}
    for wish in ordered:
        own = wish.subscription.key
        # No field can be selected by from a longer list.
        covering = (own,) if own.field_selector else own.covering()
        there = (other for key in covering for other in by_key.get(key, ()))
        if not any(other.join(wish) for other in there):
            lists.append(_SharedList(own, [[wish]]))
            by_key.setdefault(own, []).append(lists[-1])
    return lists


def _order(key: ListKey) -> tuple[bool, bool]:
    return key != key.whole, key.metadata_only


def _can_decode(key: ListKey, group: Sequence[Wish]) -> bool:
    try:
        for wish in group:
            _selector(key, wish)
        decoder(unite(_wires(key, group)))
    except Exception:  # noqa: BLE001 - whatever is wrong with it shows where it is read by itself
        return False
    return True


def _parts(shared: _SharedList) -> Iterable[_SharedList]:
    """Return lists of those parts that were wanted instead of all."""
    return _shared(wish for wish in shared.wishes if wish.subscription.key != shared.key)


def _scope(key: ListKey) -> tuple[str, str, str]:
    return (key.gvr.group, key.gvr.resource, key.namespace)


def _read(shared: _SharedList, api: Api, page_size: int, progress: Progress) -> dict[Wish, Listed]:
    started = time.monotonic()
    readings: list[_Reading] = []
    decoding = _Decoding(shared)
    if not decoding.groups:
        return {wish: _failed(wish, wish.attempt.error, started) for wish in shared.wishes}

    def restart() -> Callable[[Sequence[Any]], None]:
        groups = [_readings(shared.key, group) for group in decoding.groups]
        readings[:] = [reading for group in groups for reading in group]

        def sink(_objects: Sequence[Any]) -> None:
            for group, page in zip(groups, decoding.taken(), strict=True):
                for reading in group:
                    reading.page(page)

        return sink

    try:
        listing = read_pages(
            api,
            shared.key,
            decoding.decode,
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


class _Decoding:
    """Decodes each page once for each group of wishes; ``groups`` has those that can be served."""

    def __init__(self, shared: _SharedList) -> None:
        self.groups: list[list[Wish]] = []
        self._decoders: list[Callable[[bytes], Page[Any]]] = []
        self._pages: list[tuple[Any, ...]] = []
        for group in shared.groups:
            first = group[0]
            wires = partial(_wires, shared.key, group)
            decode = first.attempt.run("reader", lambda wires=wires: decoder(unite(wires())))  # type: ignore[misc]
            if decode is not None:
                self.groups.append(group)
                self._decoders.append(decode)

    def decode(self, body: bytes) -> Page[Any]:
        """Decode a page for all groups, and return it as the first one gets it."""
        first, *others = pages = [decode(body) for decode in self._decoders]
        # No reader can change what the next one gets.
        self._pages = [tuple(page.items) for page in pages]
        malformed = max(page.malformed for page in pages)
        return replace(first, malformed=malformed) if others else first

    def taken(self) -> list[tuple[Any, ...]]:
        """Return the objects of the last page for each group, and forget them."""
        pages, self._pages = self._pages, []
        return pages


def _readings(key: ListKey, group: Sequence[Wish]) -> list[_Reading]:
    made = []
    for wish in group:
        reader = wish.attempt.run("reader", partial(_reader, wish))
        if reader is not None:
            made.append(_Reading(wish, reader, _selector(key, wish), [0]))
    return made


def _reader(wish: Wish) -> ListReader:
    reader = wish.collector.reader(wish.subscription)
    if reader is None:
        raise TypeError(f"{wish.collector.name}.reader returned None")
    return reader


def _place(item: _Selectable) -> tuple[str, Mapping[str, str]]:
    metadata = item.metadata or _NOWHERE
    return metadata.namespace, metadata.labels or {}


_NOWHERE = _Labelled()


def _selector(key: ListKey, wish: Wish) -> Callable[[Any], bool] | None:
    """Return a filter for the objects of a wish in a longer list; None for all objects."""
    own = wish.subscription.key
    if replace(own, metadata_only=key.metadata_only) == key:
        return None
    namespace = own.namespace
    selector = Selector.parse(own.label_selector)
    place = wish.subscription.selects or _place

    def select(item: Any) -> bool:
        where, labels = place(item)
        return namespace in ("", where) and selector.matches(labels)

    return select


def _wires(key: ListKey, group: Sequence[Wish]) -> list[type[Struct]]:
    """Return the structs with the fields that all subscribers of a group read."""
    wires = [wish.subscription.wire for wish in group]
    parts = [wish.subscription for wish in group if wish.subscription.key != key]
    if not all(subscription.selects for subscription in parts):
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
