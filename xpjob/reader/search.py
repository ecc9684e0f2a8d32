"""Search over all tables: exact matches, then rows with these words.

Words match as in ``q`` of one table, so the number of hits is that of the rows behind its link.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from xpjob.collect.description import TableDescription
from xpjob.collect.tables import row_id
from xpjob.net import deadline
from xpjob.reader import entries
from xpjob.reader.query import Query, Selections
from xpjob.reader.render import Json
from xpjob.reader.table import View

SHOWN = 5
"""Hits of each table that are listed, exact ones and others."""
_EXACT = 20
TEAMS = "teams"
"""Stands for the table in a hit that is a team: the first part of its address."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table of one cluster."""

    table: TableDescription
    view: View

    @property
    def cluster(self) -> str:
        """Return the name of the cluster."""
        return self.view.stamp.cluster


@dataclass(slots=True)
class _Found:
    title: str
    total: int = 0
    hits: list[Json] = field(default_factory=list)


def find(parts: Sequence[Part], text: str, selections: Selections) -> dict[str, Any]:
    """Return the hits in all parts, exact ones first. Raises ``DeadlineError``."""
    exact: list[tuple[int, Json]] = []
    exact_total = 0
    tables: dict[str, _Found] = {}
    for part in parts:
        same = _exact(part, text, selections)
        exact_total += len(same)
        named = sorted(same, key=lambda row: (same[row], row))[:SHOWN]
        exact += zip((same[row] for row in named), _hits(part, named), strict=True)
        if not part.view.schema.search:
            continue
        rows = selections.select(part.view, Query(q=text, sort=part.view.schema.default))
        if not rows:
            continue
        found = tables.setdefault(part.table.key, _Found(part.table.title))
        found.total += len(rows)
        listed = set(named)
        more = islice((row for row in rows if row not in listed), SHOWN - len(found.hits))
        found.hits += _hits(part, list(more))
    exact.sort(key=lambda each: each[0])
    return {
        "exact": [hit for _, hit in exact[:_EXACT]],
        "exactTotal": exact_total,
        "tables": [
            {"table": key, "title": found.title, "total": found.total, "hits": found.hits}
            for key, found in tables.items()
        ],
        "total": sum(found.total for found in tables.values()),
    }


def with_teams(found: dict[str, Any], teams: Mapping[str, Sequence[str]], text: str) -> Json:
    """Return hits with the teams of each cluster that are called so, which come first."""
    folded = text.casefold()
    hits = [
        {
            "table": TEAMS,
            "id": row_id((name,)),
            "title": name,
            "kind": "Team",
            "team": name,
            "ok": None,
            "why": "",
            "cluster": cluster,
        }
        for cluster, names in teams.items()
        for name in names
        if name.casefold() == folded
    ]
    return {
        **found,
        "exact": [*hits, *found["exact"]][:_EXACT],
        "exactTotal": found["exactTotal"] + len(hits),
    }


def _exact(part: Part, text: str, selections: Selections) -> Mapping[int, int]:
    """Return the rows with exactly this text, each with how many rows have it in its column.

    A name that few rows have says more than a namespace of thousands. Teams are hits themselves.
    """
    view, found = part.view, dict[int, int]()
    types = {column.name: column.type for column in part.table.columns}
    for name in dict.fromkeys((*part.table.identity, *view.schema.search)):
        if name not in types or name == entries.TEAM:
            continue
        deadline.check()
        folded = selections.folded(view, name)
        numbers = set(folded.equal(text))
        column = view.columns.get(name)
        if column and types[name] == "list":
            numbers |= {code for code in folded.having(text) if _has(column.values[code], text)}
        rows: Collection[int] = numbers
        if column and numbers:
            rows = [row for row, code in enumerate(column.codes) if code in numbers]
        for row in rows:
            found[row] = min(found.get(row, len(rows)), len(rows))
    return found


def _has(members: str | None, wanted: str) -> bool:
    return wanted.casefold() in (members or "").casefold().split(",")


def _hits(part: Part, rows: Sequence[int]) -> list[Json]:
    decode = msgspec.json.Decoder(dict[str, object]).decode
    return [
        {
            **entries.described(part.table, decode(part.view.row(row, 0))),
            "cluster": part.cluster,
        }
        for row in rows
    ]
