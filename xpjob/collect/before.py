"""A collector's section of the previous snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from xpjob.base.errors import BadAnswerError
from xpjob.base.future import set_back
from xpjob.collect.findings import Finding
from xpjob.collect.tables import TableDescription

R = TypeVar("R", bound=Struct)


class UnreadableRowError(BadAnswerError):
    """A row of the previous snapshot cannot be read, so nothing can be carried over from it."""


class Placed(Struct, frozen=True, rename="camel", gc=False):
    """The fields of a row that identify its list, the source of that list, and the row's kind."""

    group: str
    resource: str
    namespace: str
    source: str = ""
    kind: str = ""


class Before(Struct, frozen=True):
    """A collector's section of the previous snapshot. Times are RFC 3339.

    ``started_at`` is when its run started, ``generated_at`` when it was generated. ``rows`` has the
    rows of each table, with the fields of ``TableSpec.previous``; they are dropped after
    ``recall``, whose result is ``recalled``. ``whole`` has the complete rows as stored; it is empty
    unless something failed in this run; ``described`` then has the descriptions of the tables.
    ``max_age``: seconds after which carried rows are dropped.
    ``limit``: the time to which later times are set back, empty unless the snapshot is misdated.
    ``delivered`` is what ``Delivering.recalled`` asks for, None if it is not there or unreadable;
    like ``rows`` it is dropped after ``recall``.
    """

    started_at: str
    generated_at: str
    state: Any = None
    findings: Sequence[Finding] = ()
    rows: Mapping[str, Sequence[Any]] = {}
    recalled: Any = None
    whole: Mapping[str, Sequence[Raw]] = {}
    max_age: float = 0.0
    limit: str = ""
    delivered: Any = None
    described: Sequence[TableDescription] = ()

    def read(self, key: str, record: type[R], wanted: Callable[[Placed], bool]) -> Iterator[R]:
        """Yield the complete rows of a table for which ``wanted`` is true.

        Raises ``UnreadableRowError``, which is the core's to catch: it keeps the document aside,
        and calls ``finish`` again without ``whole``.
        """
        try:
            for raw in self.whole.get(key, ()):
                if wanted(msgspec.json.decode(raw, type=Placed)):
                    row = msgspec.json.decode(raw, type=record)
                    yield set_back(row, self.limit) if self.limit else row
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadableRowError(
                f"reading a row of {key} in the previous snapshot: {error}"
            ) from error
