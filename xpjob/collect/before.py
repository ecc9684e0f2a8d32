"""A collector's section of the previous snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, TypeVar, overload

import msgspec
from msgspec import Raw, Struct, structs

from xpjob.base.errors import BadAnswerError
from xpjob.base.future import set_back
from xpjob.collect.description import TableDescription
from xpjob.collect.findings import Finding

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


class Rows(Sequence[Any]):
    """Rows of which many share all but a few fields. Each is made when it is read.

    ``own`` has the values of the fields ``names`` of each row, and its position in ``shared``.
    """

    def __init__(
        self, names: Sequence[str], own: Sequence[tuple[Any, ...]], shared: Sequence[Struct]
    ) -> None:
        self.names, self.own, self.shared = names, own, shared

    def __len__(self) -> int:
        return len(self.own)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Rows(self.names, self.own[index], self.shared)
        return self._row(self.own[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self._row, self.own)

    def values(self, name: str) -> set[Any]:
        """Return the different values of a field."""
        if name in self.names:
            return set(map(itemgetter(self.names.index(name)), self.own))
        return set(map(attrgetter(name), self.shared))

    def _row(self, own: tuple[Any, ...]) -> Any:
        return structs.replace(self.shared[own[-1]], **dict(zip(self.names, own, strict=False)))


class Before(Struct, frozen=True):
    """A collector's section of the previous snapshot. Times are RFC 3339.

    ``started_at`` is when its run started, ``generated_at`` when it was generated. ``rows`` has the
    rows of each table, with the fields of ``TableSpec.previous``, as ``Rows`` if the snapshot
    stores what they share; they are dropped after ``recall``, whose result is ``recalled``.
    ``whole`` has the complete rows as stored; it is empty unless something failed in this run;
    ``described`` then has the descriptions of the tables. ``max_age``: seconds after which carried
    rows are dropped. ``limit``: the time to which later times are set back, empty unless the
    snapshot is misdated. ``delivered`` is what ``Delivering.recalled`` asks for, None if it is not
    there or unreadable; like ``rows`` it is dropped after ``recall``.
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
