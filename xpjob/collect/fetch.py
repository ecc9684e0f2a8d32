"""Request the lists that collectors subscribe to, each once, and pass every page to its readers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.contract import Listed, ListReader, Subscription
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.shared import Decoding, SharedList, Wish, parts_of, selector, shared_lists
from xpjob.kube.api import Api
from xpjob.kube.lists import Listing, ListKey, read_pages
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


class _Reading(Struct, frozen=True):
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
    in the previous run, by ``TargetOutcome.scope``: the longest list starts first. It may become
    known meanwhile, so it is looked at each time that a list starts.
    """
    lists = shared_lists(wish for wish in wishes if wish.subscription.error is None)
    progress.planned([shared.key for shared in lists])
    choosing = threading.Lock()

    def longest() -> SharedList:
        with choosing:
            chosen = max(lists, key=lambda shared: sizes.get(_scope(shared.key), 0))
            lists.remove(chosen)
            return chosen

    def one(_: object) -> dict[Wish, Listed]:
        shared = longest()
        try:
            made = _read(shared, api, page_size, progress)
            if any(isinstance(listed.error, RefusedError) for listed in made.values()):
                # Rights for a part of a list may be granted where those for all of it are not.
                for part in parts_of(shared):
                    made |= _read(part, api, page_size, progress)
            return made
        finally:
            progress.done(shared.key)

    done = each(one, [None] * len(lists), concurrency)
    made = {wish: listed for some in done for wish, listed in some.items()}
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


def _scope(key: ListKey) -> tuple[str, str, str]:
    return (key.gvr.group, key.gvr.resource, key.namespace)


def _read(shared: SharedList, api: Api, page_size: int, progress: Progress) -> dict[Wish, Listed]:
    started = time.monotonic()
    readings: list[_Reading] = []
    decoding = Decoding(shared)
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


def _readings(key: ListKey, group: Sequence[Wish]) -> list[_Reading]:
    made = []
    for wish in group:
        reader = wish.attempt.run("reader", partial(_reader, wish))
        if reader is not None:
            made.append(_Reading(wish, reader, selector(key, wish), [0]))
    return made


def _reader(wish: Wish) -> ListReader:
    reader = wish.collector.reader(wish.subscription)
    if reader is None:
        raise TypeError(f"{wish.collector.name}.reader returned None")
    return reader


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
    return Listed(wish.subscription, outcome, result, moment=listing.moment)


def _failed(wish: Wish, error: XpjobError | None, started: float) -> Listed:
    outcome = outcome_of(wish.subscription, wish.collector.name)
    outcome.seconds = time.monotonic() - started
    outcome.error = str(error)
    return Listed(wish.subscription, outcome, error=error)
