"""``xpjob repush``: push the stored snapshot again, to a gateway that lost its data.

A group that the gateway already has, or has newer, is not pushed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from xpjob.base import times
from xpjob.base.errors import NotFoundError, SettingsError, XpjobError
from xpjob.base.future import TOLERANCE as TOLERATED
from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.kube.identity import Identity, identity_of
from xpjob.publish import exposition
from xpjob.publish.gateway import Group
from xpjob.publish.options import PublishOptions
from xpjob.publish.publisher import pushgateways
from xpjob.publish.pushgateway import Pushgateway
from xpjob.publish.start_times import TOLERANCE
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import Head, RunReport
from xpjob.store.base import REPORT, SNAPSHOT, Store, key_of
from xpjob.store.open import open_reader_store
from xpjob.store.options import StoreOptions


class Pushed(NamedTuple):
    """The result for one group on one gateway. ``error`` is None on success."""

    gateway: str
    group: str
    result: str
    error: XpjobError | None = None


class _Piece(NamedTuple):
    name: str
    at: float
    published_at: Callable[[Group], float]
    push: Callable[[Pushgateway], None]
    identity: Identity | None = None


def repush(config: Config, collectors: Collectors, *, force: bool) -> Iterator[Pushed]:
    """Push inventory and outcome to every gateway, and yield the results.

    With ``force``, groups are pushed without checking the gateway. Raises ``SettingsError``,
    ``NotFoundError`` if there is no snapshot, and the store's errors; those of gateways are
    yielded.
    """
    if not config[PublishOptions].pushgateway_url:
        raise SettingsError(["PUSHGATEWAY_URL: is not set; set the URL of the gateway to push to"])
    gateways = pushgateways(config)
    store, cluster = open_reader_store(config), config[StoreOptions].cluster_name
    snapshot = _read_head(store, cluster, collectors)
    if snapshot is None:
        where = store.where(key_of(cluster, SNAPSHOT))
        raise NotFoundError(f"there is no snapshot at {where}; run xpjob run first")
    pieces = [_inventory(snapshot)]
    if report := _read_report(store, cluster):
        pieces.append(_outcome(report))
    for gateway in gateways:
        yield from _to_one(gateway, pieces, force=force)


def _read_head(store: Store, cluster: str, collectors: Collectors) -> Head | None:
    where = store.where(key_of(cluster, SNAPSHOT))
    stored = store.get(key_of(cluster, SNAPSHOT))
    if stored is None:
        return None
    raw = documents.decode_raw(stored.body, where)
    documents.check_cluster(raw.head, where, cluster)
    return sections.upgraded(raw, collectors, where)


def _read_report(store: Store, cluster: str) -> RunReport | None:
    stored = store.get(key_of(cluster, REPORT))
    if stored is None:
        return None
    where = store.where(key_of(cluster, REPORT))
    return documents.decode_own(stored.body, RunReport, where, cluster)


def _inventory(head: Head) -> _Piece:
    registry = exposition.registry(exposition.inventory(head))
    at = times.parse(head.run.started_at).timestamp()
    return _Piece(
        "inventory",
        at,
        lambda group: group.inventory_at,
        lambda to: to.publish_inventory(registry),
        head.identity,
    )


def _outcome(report: RunReport) -> _Piece:
    registry: CollectorRegistry = exposition.registry(exposition.outcome(report))
    whole = bool(report.last_success_at and report.counters)
    at = times.parse(report.finished_at).timestamp()
    return _Piece(
        "outcome",
        at,
        lambda group: group.run_at,
        lambda to: to.publish_outcome(registry, whole=whole),
    )


def _ahead(seconds: float, now: datetime) -> bool:
    return seconds - now.timestamp() > TOLERATED.total_seconds()


def _to_one(gateway: Pushgateway, pieces: list[_Piece], *, force: bool) -> Iterator[Pushed]:
    url = gateway.gateway.url
    try:
        groups = (None, None) if force else gateway.groups()
    except XpjobError as error:
        hint = ", or use --force to push without checking"
        yield Pushed(url, "all", "not pushed", type(error)(f"{error}{hint}"))
        return
    for piece, group in zip(pieces, groups, strict=False):
        now = times.now()
        published_at = piece.published_at(group) if group else 0.0
        if _ahead(published_at, now):
            published_at = 0.0  # of a run whose clock was wrong, so it is not newer
        if _ahead(piece.at, now) and not force:
            misdated = XpjobError(
                f"the {piece.name} in the store is dated in the future: its run, or this machine, "
                "has a wrong clock; correct it and wait for the next run, or use --force"
            )
            yield Pushed(url, piece.name, "not pushed", misdated)
        elif group and piece.identity and piece.identity.differs(identity_of(group.cluster)):
            another = XpjobError(
                f"the gateway has the {piece.name} of the cluster {group.cluster}, and the store "
                f"that of {piece.identity}; give each its own CLUSTER_NAME, or use --force"
            )
            yield Pushed(url, piece.name, "not pushed", another)
        elif published_at > piece.at + TOLERANCE:
            yield Pushed(url, piece.name, "not pushed: the gateway has a newer one")
        elif published_at > piece.at - TOLERANCE:
            yield Pushed(url, piece.name, "not pushed: already up to date")
        else:
            try:
                piece.push(gateway)
                yield Pushed(url, piece.name, "pushed")
            except XpjobError as error:
                yield Pushed(url, piece.name, "not pushed", error)
