"""``/overview``: what the home page shows. All but freshness was prepared with the snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from xpjob import __version__
from xpjob.reader import across, parameters
from xpjob.reader.cards import Card, Number, Shown, TableCard, sentence
from xpjob.reader.clusters import default, run_of
from xpjob.reader.held import Freshness, Held
from xpjob.reader.needs import CRITICAL, Need, Needs
from xpjob.reader.parameters import one
from xpjob.reader.render import Json
from xpjob.reader.service import Served, Service
from xpjob.reader.snapshots import Snapshots
from xpjob.snapshot.documents import USAGE

_REASONS = {
    "old": "runs are missing: see how the last one ended",
    "future": "its time is in the future: check the clock of the job",
    "store_away": "the store does not answer",
    "store_refused": "the store refuses access",
    "corrupt": "the newest snapshot cannot be read",
    "not_loaded": "the newest snapshot could not be loaded: see the reader's log",
    "newer_schema": "the newest snapshot was written by a newer xpjob: update the reader",
    "absent": "it is gone from the store",
}


class Overview:
    """The endpoint."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, request: Request) -> Response:
        """Answer with what needs a human, and how collectors and clusters are."""
        params = self._service.params(request, (parameters.CLUSTERS,))
        snapshots = self._service.snapshots
        named = one(params, "cluster")
        wanted = named or default(snapshots.clusters, snapshots.cluster)
        several = sum(held.snapshot is not None for held in snapshots.clusters.values()) > 1
        if wanted == across.ALL or (not wanted and several):
            chosen = self._service.all_served() or [self._service.served("")]
        else:
            chosen = [self._service.served(wanted)]
        body = msgspec.json.encode(document(snapshots, chosen, named=wanted)) + b"\n"
        return await self._service.json(request, body, headers_of(chosen))


def document(snapshots: Snapshots, chosen: Sequence[Served], *, named: str) -> Json:
    """Return the answer about the clusters that are chosen."""
    prepared = [each.snapshot.prepared for each in chosen]
    needs = needs_of(chosen)
    cards = merged([card for each in prepared for card in each.cards])
    tables = {table.key: table.rows for card in cards for table in card.tables}
    stamps = [each.snapshot.stamp for each in chosen]
    return {
        "generatedAt": min(stamp.generated_at for stamp in stamps),
        "stale": any(each.stale for each in chosen),
        "staleReasons": _reasons(chosen),
        "cluster": stamps[0].cluster if len(chosen) == 1 and named != across.ALL else across.ALL,
        "version": __version__,
        "clusters": [_cluster(snapshots, *item) for item in snapshots.clusters.items()],
        "collectors": cards,
        "needs": {
            "total": needs.total,
            "critical": needs.critical,
            "warning": needs.warning,
            "looked": {
                "rows": sum(tables.values()),
                "tables": len(tables),
                "collectors": len(cards),
            },
            "entries": needs.entries,
        },
        "teams": len({team for each in prepared for team in each.teams.names} - {""}),
        "usage": any(USAGE in each.snapshot.raw.packed for each in chosen),
    }


def needs_of(chosen: Sequence[Served]) -> Needs:
    """Return what needs a human in these clusters: also that a snapshot is stale."""
    stale = (
        _stale(each.snapshot.stamp.cluster, each.snapshot.stamp.generated_at, each.freshness)
        for each in chosen
    )
    return Needs.merged([*(each.snapshot.prepared.needs for each in chosen), *map(Needs.of, stale)])


def headers_of(chosen: Sequence[Served]) -> dict[str, str]:
    """Return the headers that say how fresh the answer is."""
    reasons = _reasons(chosen)
    headers = {"Xpjob-Stale": str(any(each.stale for each in chosen)).lower()}
    return headers | ({"Xpjob-Stale-Reasons": " ".join(reasons)} if reasons else {})


def merged(cards: Sequence[Card]) -> list[Card]:
    """Return the cards of several clusters as one for each collector, its numbers added up."""
    found: dict[str, list[Card]] = {}
    for card in cards:
        found.setdefault(card.name, []).append(card)
    return [_merged(some) if len(some) > 1 else some[0] for some in found.values()]


def _merged(cards: Sequence[Card]) -> Card:
    first = cards[0]
    tables: dict[str, list[TableCard]] = {}
    numbers: dict[tuple[object, ...], list[Number]] = {}
    for card in cards:
        for table in card.tables:
            tables.setdefault(table.key, []).append(table)
        for number in card.card.numbers:
            filters = tuple(sorted(number.filters.items()))
            numbers.setdefault((number.label, number.table, filters), []).append(number)
    rows = [
        msgspec.structs.replace(
            some[0],
            rows=sum(each.rows for each in some),
            late=sum(each.late for each in some),
            error=next((each.error for each in some if each.error), ""),
            carried_since=_oldest(some),
        )
        for some in tables.values()
    ]
    values = [
        msgspec.structs.replace(
            some[0], value=sum(each.value for each in some), bad=any(each.bad for each in some)
        )
        for some in numbers.values()
    ]
    late = {table.key: f"{table.late:,} late" for table in rows if table.late}
    return Card(
        name=first.name,
        title=first.title,
        error=next((card.error for card in cards if card.error), ""),
        carried_since=_oldest(cards),
        failed_lists=sum(card.failed_lists for card in cards),
        tables=tuple(rows),
        card=Shown(numbers=tuple(values), sentence=sentence(rows, late)),
    )


def _oldest(several: Sequence[Card] | Sequence[TableCard]) -> str:
    return min((each.carried_since for each in several if each.carried_since), default="")


def _cluster(snapshots: Snapshots, name: str, held: Held) -> Json:
    freshness, snapshot = snapshots.freshness(held), held.snapshot
    needs = Needs()
    if snapshot is not None:
        stale = Needs.of(_stale(name, snapshot.stamp.generated_at, freshness))
        needs = Needs.merged([snapshot.prepared.needs, stale])
    return {
        "name": name,
        "generatedAt": snapshot.stamp.generated_at if snapshot else "",
        "stale": freshness.stale,
        "staleReasons": freshness.reasons,
        "lastRun": run_of(held.report),
        "findings": sum(f.confirmed for f in snapshot.head.findings) if snapshot else 0,
        "needs": {"critical": needs.critical, "warning": needs.warning},
        "failedLists": sum(bool(t.error) for t in snapshot.head.targets) if snapshot else 0,
    }


def _stale(cluster: str, generated_at: str, freshness: Freshness) -> Iterator[Need]:
    if freshness.stale:
        yield Need(
            severity=CRITICAL,
            what="Snapshot is stale",
            name=cluster,
            since=generated_at,
            why="; ".join(_REASONS.get(reason, reason) for reason in freshness.reasons),
            cluster=cluster,
        )


def _reasons(chosen: Sequence[Served]) -> list[str]:
    return list(dict.fromkeys(r for each in chosen for r in each.freshness.reasons))
