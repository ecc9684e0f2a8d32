"""Teams for a terminal, from the store or from a reader's URL: the numbers of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xpjob.collect.description import TableDescription
from xpjob.collect.tables import row_id
from xpjob.reader import across, team, teams
from xpjob.reader.client import Pairs, ask, decode, document_of
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import MAX_LIMIT
from xpjob.reader.show import Source, Tables
from xpjob.reader.team import Part
from xpjob.store.open import open_reader_store

Document = dict[str, Any]
Described = Mapping[str, TableDescription]


def listed(source: Source, words: str, limit: int | None, *, all_clusters: bool) -> Document:
    """Return the teams with these words in their names. Raises the store's or reader's errors."""
    if source.url:
        pairs = [("q", words)] if words else []
        pairs += [("limit", str(limit))] if limit else []
        return _asked(source, "teams/", pairs, ("teams", "total"), all_clusters=all_clusters)
    snapshots = _snapshots(source, all_clusters=all_clusters)
    counted = teams.merged([each.prepared.teams for each in snapshots])
    made = teams.document(counted, _described(snapshots), words.split(), limit or MAX_LIMIT)
    return {**made, **_facts(snapshots, all_clusters=all_clusters)}


def one(source: Source, name: str, *, all_clusters: bool) -> tuple[Document, Described]:
    """Return what a team has, and the descriptions of its tables. Raises as ``listed``.

    Raises ``QueryError`` where there is no such team.
    """
    if source.url:
        path = f"teams/{row_id((name,))}"
        found = _asked(source, path, (), ("team", "sections"), all_clusters=all_clusters)
        return found, _tables_of(source, source.url, found, all_clusters=all_clusters)
    snapshots = _snapshots(source, all_clusters=all_clusters)
    team.check(name, [each.prepared.teams for each in snapshots])
    parts = [
        Part(each, {key: each.table(key) for key in team.tables_of(each)}) for each in snapshots
    ]
    made = team.document(name, parts, source.collectors)
    whole = {**made, **_facts(snapshots, all_clusters=all_clusters)}
    return msgspec.to_builtins(whole), _described(snapshots)


def _asked(
    source: Source, path: str, pairs: Pairs, keys: Sequence[str], *, all_clusters: bool
) -> Document:
    url = source.url or ""
    chosen = [*pairs, ("cluster", across.ALL)] if all_clusters else pairs
    answer = ask(source.config, url, path, chosen, cluster=not all_clusters)
    return document_of(answer.body, keys, url)


def _tables_of(source: Source, url: str, document: Document, *, all_clusters: bool) -> Described:
    """Return the tables of a team's sections, as the cluster of each describes them."""
    found: list[Described] = []
    clusters = dict.fromkeys(section["cluster"] for section in document["sections"])
    for cluster in clusters if all_clusters else [""]:
        pairs = [("cluster", cluster)] if cluster else []
        answer = ask(source.config, url, "schema.json", pairs, cluster=not all_clusters)
        found.append({table.key: table for table in decode(answer.body, Tables, url).tables})
    return across.described_together(found)


def _snapshots(source: Source, *, all_clusters: bool) -> list[Loaded]:
    if not all_clusters:
        return [source.newest()]
    names = open_reader_store(source.config).clusters()
    return [source.newest(name) for name in names] or [source.newest()]


def _described(snapshots: Sequence[Loaded]) -> Described:
    return across.described_together(each.tables for each in snapshots)


def _facts(snapshots: Sequence[Loaded], *, all_clusters: bool) -> Document:
    stamps = [(each.stamp, False) for each in snapshots]
    return across.facts(stamps, across.ALL if all_clusters else stamps[0][0].cluster)
