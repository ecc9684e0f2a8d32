"""The changes between two snapshots, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from xpjob.base.wildcards import Wildcard
from xpjob.net.deadline import steps
from xpjob.reader import parameters
from xpjob.reader.parameters import Params, one
from xpjob.reader.table import text_of
from xpjob.snapshot.diff import RowChange, Side, TableDiff
from xpjob.snapshot.documents import Head

LISTS = ("came", "went", "changed")
DEFAULT_LIMIT = 100


class Lists(Protocol):
    """The result of a comparison: what came, went and changed."""

    @property
    def came(self) -> Sequence[object]:
        """Return what only the newer snapshot has."""

    @property
    def went(self) -> Sequence[object]:
        """Return what only the older snapshot has."""

    @property
    def changed(self) -> Sequence[object]:
        """Return what differs."""


L = TypeVar("L", bound=Lists)


class Compared(NamedTuple, Generic[L]):
    """What changed between two snapshots. ``tag`` stands for the two.

    It was ``made`` at a time of the monotonic clock, and took so many ``seconds``.
    """

    tag: str
    old: Head
    new: Head
    lists: L
    made: float
    seconds: float


def document(
    compared: Compared[L],
    lists: Mapping[str, Sequence[object]],
    unknown: Sequence[str],
    params: Params,
) -> bytes:
    """Return the changes of each list as JSON, with how many there are of them."""
    limit = int(one(params, "limit", str(DEFAULT_LIMIT)))
    whole = {
        "cluster": compared.new.cluster,
        "from": Side.of(compared.old),
        "to": Side.of(compared.new),
        **{f"{name}Count": len(changes) for name, changes in lists.items()},
        **{name: changes[:limit] for name, changes in lists.items()},
        "unknown": unknown,
    }
    return msgspec.json.encode(whole) + b"\n"


def table_document(
    compared: Compared[TableDiff], filters: Sequence[parameters.Parameter], params: Params
) -> bytes:
    """Return the changes of a table as JSON, those that pass the filters."""
    lists = {
        name: [
            change
            for some in steps(getattr(compared.lists, name), 256)
            for change in some
            if _passes(change, filters, params)
        ]
        for name in LISTS
    }
    return document(compared, lists, compared.lists.unknown, params)


def _passes(change: RowChange, filters: Sequence[parameters.Parameter], params: Params) -> bool:
    for parameter in filters:
        if patterns := params.get(parameter.name):
            value = text_of(change.row.get(parameter.reads))
            wild = parameter.wildcard
            if not any(Wildcard(p).matches(value) if wild else value == p for p in patterns):
                return False
    return True
