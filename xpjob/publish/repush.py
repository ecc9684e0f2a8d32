"""``xpjob repush``: give a gateway that has lost its memory what the store still knows.

What a gateway has already, or what is newer there, is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry

from xpjob.base.errors import NotFoundError, SettingsError, XpjobError
from xpjob.config.settings import Settings
from xpjob.publish import exposition
from xpjob.publish.began import SAME
from xpjob.publish.gateway import Group
from xpjob.publish.publisher import pushgateways
from xpjob.publish.pushgateway import Pushgateway
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunReport, Snapshot, moment
from xpjob.store.base import REPORT, SNAPSHOT, Store, key
from xpjob.store.open import open_reader_store

D = TypeVar("D", Snapshot, RunReport)


class Pushed(NamedTuple):
    """What came of one group of one gateway. ``error`` is None where nothing went wrong."""

    gateway: str
    group: str
    told: str
    error: XpjobError | None = None


class _Piece(NamedTuple):
    name: str
    at: float
    held_at: Callable[[Group], float]
    push: Callable[[Pushgateway], None]


def repush(settings: Settings, *, force: bool) -> Iterator[Pushed]:
    """Push inventory and outcome to every gateway, and yield what came of it.

    ``force`` does so whatever a gateway has. Raises ``SettingsError``, ``NotFoundError`` where
    there is no snapshot, and the store's errors; those of gateways are yielded.
    """
    if not settings.pushgateway_url:
        raise SettingsError(["PUSHGATEWAY_URL: is not set; name the gateway to push to"])
    gateways = pushgateways(settings)
    store = open_reader_store(settings)
    snapshot = _read(store, settings, SNAPSHOT, Snapshot)
    if snapshot is None:
        where = store.where(key(settings, SNAPSHOT))
        raise NotFoundError(f"there is no snapshot at {where}; let xpjob run do the first one")
    pieces = [_inventory(snapshot)]
    if report := _read(store, settings, REPORT, RunReport):
        pieces.append(_outcome(report))
    for gateway in gateways:
        yield from _to_one(gateway, pieces, force=force)


def _read(store: Store, settings: Settings, name: str, kind: type[D]) -> D | None:
    where = store.where(key(settings, name))
    stored = store.get(key(settings, name))
    if stored is None:
        return None
    return documents.decode_own(stored.body, kind, where, settings.cluster_name)


def _inventory(snapshot: Snapshot) -> _Piece:
    registry = exposition.registry(exposition.inventory(snapshot))
    at = moment(snapshot.run.started_at).timestamp()
    return _Piece(
        "inventory", at, lambda group: group.inventory_at, lambda to: to.publish_inventory(registry)
    )


def _outcome(report: RunReport) -> _Piece:
    registry: CollectorRegistry = exposition.registry(exposition.outcome(report))
    whole = bool(report.last_success_at and report.counters)
    at = moment(report.finished_at).timestamp()
    return _Piece(
        "outcome",
        at,
        lambda group: group.run_at,
        lambda to: to.publish_outcome(registry, whole=whole),
    )


def _to_one(gateway: Pushgateway, pieces: list[_Piece], *, force: bool) -> Iterator[Pushed]:
    url = gateway.gateway.url
    try:
        groups = (None, None) if force else gateway.held()
    except XpjobError as error:
        hint = "; with --force it is not asked what it has"
        yield Pushed(url, "all", "not pushed", type(error)(f"{error}{hint}"))
        return
    for piece, group in zip(pieces, groups, strict=False):
        held_at = piece.held_at(group) if group else 0.0
        if held_at > piece.at + SAME:
            yield Pushed(url, piece.name, "not pushed: it has a newer one")
        elif held_at > piece.at - SAME:
            yield Pushed(url, piece.name, "not pushed: it has this one already")
        else:
            try:
                piece.push(gateway)
                yield Pushed(url, piece.name, "pushed")
            except XpjobError as error:
                yield Pushed(url, piece.name, "not pushed", error)
