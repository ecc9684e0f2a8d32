"""Make all lists of a run, a few at a time. One wrapper runs, catches and times every target."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.contract import Collector
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Record
from xpjob.collectors.crossplane.targets import Plan, Target, Unlistable
from xpjob.config.settings import Settings
from xpjob.kube.api import Api
from xpjob.kube.lists import list_all
from xpjob.net.threads import each

_log = logging.getLogger(__name__)


class View(Protocol):
    """Whoever watches a run: a progress bar, or nobody."""

    def planned(self, targets: Sequence[Target]) -> None:
        """Hear which lists will be made."""

    def progress(self, target: Target, listed: int, total: int) -> None:
        """Hear how far a list is. Called from several threads."""

    def done(self, target: Target) -> None:
        """Hear that a list is complete, or has failed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What came of one target: its records, or the error and nothing."""

    outcome: TargetOutcome
    records: Sequence[Record] = ()
    error: XpjobError | None = None


def list_targets(
    plans: Sequence[tuple[Collector, Plan]], api: Api, settings: Settings, view: View
) -> list[Listed]:
    """Make every list of the plans. A target that fails is an outcome, not an error.

    What could not even be planned is for ``unlisted``.
    """
    work = [(collector, target) for collector, plan in plans for target in plan.targets]
    view.planned([target for _, target in work])

    def one(item: tuple[Collector, Target]) -> Listed:
        collector, target = item

        def on_page(listed: int, total: int) -> None:
            view.progress(target, listed, total)

        try:
            return _execute(collector, target, api, settings, on_page)
        finally:
            view.done(target)

    return each(one, work, settings.concurrency)


def outcome_of(target: Target) -> TargetOutcome:
    """Return the outcome of a target that nothing has come of yet."""
    return TargetOutcome(
        class_=target.class_,
        group=target.kind.group,
        version=target.kind.version,
        resource=target.kind.resource,
        kind=target.kind.kind,
        namespace=target.namespace,
        source=target.owners.source,
    )


def raise_if_nothing(all_listed: Sequence[Listed], *, known_before: bool) -> None:
    """Raise when there were lists to make and every one failed.

    Where all kinds are gone and there is a snapshot from before, nothing has failed: the records
    have to go. Without one it is a typing mistake. ``RefusedError`` where the API refused them
    all, else ``XpjobError``.
    """
    errors = [listed.error for listed in all_listed if listed.error]
    if not errors or len(errors) < len(all_listed):
        return
    failed = [item.error for item in all_listed if item.error and not item.outcome.gone]
    if known_before and not failed:
        return
    errors = failed or errors
    refused = all(isinstance(error, RefusedError) for error in errors)
    raise (RefusedError if refused else XpjobError)(
        f"nothing could be listed, so nothing is published; {len(errors)} failed, the first: "
        f"{errors[0]}"
    )


def _execute(
    collector: Collector,
    target: Target,
    api: Api,
    settings: Settings,
    on_page: Callable[[int, int], None],
) -> Listed:
    """List one target, timed; an error of ours becomes an outcome, one of the code does not."""
    started = time.monotonic()
    outcome = outcome_of(target)
    try:
        listing = list_all(
            api,
            target.kind.path(target.namespace),
            collector.decoder(target, settings),
            page_size=settings.page_size,
            on_page=on_page,
        )
    except XpjobError as error:
        outcome.seconds = time.monotonic() - started
        # Also for a 404 it is not ``gone``: discovery has just named this kind, so if it is gone
        # the next run's discovery says so, and if not, a proxy's 404 has cost nothing.
        outcome.error = str(error)
        _log.error("target failed", extra=_facts(outcome))
        return Listed(outcome, error=error)
    outcome.seconds = time.monotonic() - started
    outcome.records = len(listing.items)
    outcome.malformed = listing.malformed
    outcome.pages = listing.pages
    outcome.restarts = listing.restarts
    outcome.bytes = listing.bytes
    _log.debug("target listed", extra=_facts(outcome))
    if outcome.malformed:
        _log.warning("objects that cannot be read were left out", extra=_facts(outcome))
    return Listed(outcome, listing.items)


def unlisted(item: Unlistable) -> Listed:
    """Return what came of a target that could not even be planned, and log it."""
    outcome = outcome_of_unlistable(item)
    _log.error("target failed", extra=_facts(outcome))
    return Listed(outcome, error=item.error)


def outcome_of_unlistable(item: Unlistable) -> TargetOutcome:
    """Return the outcome of what failed before it could be listed."""
    return TargetOutcome(
        class_=item.class_,
        group=item.gvr.group,
        version=item.gvr.version,
        resource=item.gvr.resource,
        kind="",
        namespace=item.namespace,
        source=item.source,
        error=str(item.error),
        gone=item.gone,
    )


def _facts(outcome: TargetOutcome) -> dict[str, object]:
    """Return what a log line says of an outcome."""
    said: dict[str, object] = {"gvr": outcome.gvr, "source": outcome.source}
    if outcome.namespace:
        said["namespace"] = outcome.namespace
    if outcome.error:
        return {**said, "error": outcome.error}
    said |= {"records": outcome.records, "pages": outcome.pages, "bytes": outcome.bytes}
    if outcome.restarts:
        said["restarts"] = outcome.restarts
    if outcome.malformed:
        said["malformed"] = outcome.malformed
    return {**said, "seconds": round(outcome.seconds, 3)}
