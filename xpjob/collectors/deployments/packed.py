"""Rows as the next run reads them: in columns, each different value once.

Most workloads have images, times and states that others have, too. So a column is a list of the
different values of some fields, and for each row the position of its own in that list.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar, get_args, overload

import msgspec
from msgspec import Struct

from xpjob.collectors.deployments.image_ids import From, Why
from xpjob.collectors.deployments.rows import (
    Attestation,
    ContainerKind,
    Deployment,
    Place,
)
from xpjob.collectors.deployments.rows import State as RowState

P = TypeVar("P", bound=Struct)


class Namespace(Struct, frozen=True, array_like=True, gc=False):
    """The namespace of a row."""

    namespace: str


class Kind(Struct, frozen=True, array_like=True, gc=False):
    """Group and kind of a workload."""

    workload_group: str
    workload_kind: str


class Workload(Struct, frozen=True, array_like=True, gc=False):
    """The name of a workload."""

    workload: str


class Container(Struct, frozen=True, array_like=True, gc=False):
    """A container or image volume."""

    container: str
    container_kind: ContainerKind


class Image(Struct, frozen=True, array_like=True, gc=False):
    """An image as the spec has it, and its parts."""

    image: str
    normalized: str
    registry: str
    repository: str
    tag: str
    pinned: bool


class Digest(Struct, frozen=True, array_like=True, gc=False):
    """A digest, or why there is none."""

    digest: str
    digest_from: From
    no_digest_why: Why
    config_ids: tuple[str, ...]


class Controllers(Struct, frozen=True, array_like=True, gc=False):
    """The UIDs of the direct owners of pods."""

    controllers: tuple[str, ...]


class Notes(Struct, frozen=True, array_like=True, gc=False):
    """What annotations and GitHub say."""

    tags: dict[str, str]
    risks: tuple[str, ...]
    github_repository: str
    attestation: Attestation


class Life(Struct, frozen=True, rename="camel", gc=False):
    """How many there are, since when, and until when."""

    state: RowState
    pods: int
    completed: int
    nodes: int
    since: str
    until: str
    absent_runs: int
    scaled_to_zero: bool
    owner_known: bool
    carried_since: str
    group: str
    resource: str


_Values = tuple[
    list[Namespace],
    list[Kind],
    list[Workload],
    list[Container],
    list[Image],
    list[Digest],
    list[Controllers],
    list[Notes],
    list[Life],
]
_COLUMNS: tuple[type[Struct], ...] = tuple(get_args(each)[0] for each in get_args(_Values))


class Packed(Struct, gc=False):
    """Rows in columns: the different values of each, and for each row a position among these.

    Positions are unsigned integers, little-endian, of as few bytes as suffice: see ``_code``.
    """

    values: _Values = ([], [], [], [], [], [], [], [], [])
    positions: tuple[bytes, ...] = (b"",) * len(_COLUMNS)


class State(Struct, rename="camel"):
    """The keys of the snapshot: what the next run reads in place of the table."""

    deployment_memory: Packed | None = None


def pack(rows: Sequence[Deployment]) -> Packed:
    """Return rows in columns."""
    packed = [_packed(kind, rows) for kind in _COLUMNS]
    values: Any = tuple(each for each, _ in packed)
    return Packed(values, tuple(each for _, each in packed))


class Rows(Sequence[Deployment]):
    """The rows of columns, each of which is made when it is asked for."""

    def __init__(self, packed: Packed) -> None:
        """Raise ``ValueError`` for positions beyond the values, or columns of different lengths."""
        values: Sequence[list[Any]] = packed.values
        self._values = values
        self._positions = list(map(_positions, packed.positions, map(len, values)))
        lengths = {len(each) for each in self._positions}
        if len(packed.positions) != len(values) or len(lengths) != 1:
            raise ValueError("columns of different lengths, or not all of them")

    def __len__(self) -> int:
        return len(self._positions[0])

    @overload
    def __getitem__(self, number: int) -> Deployment: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Deployment]: ...

    def __getitem__(self, number: int | slice) -> Deployment | Sequence[Deployment]:
        """Return a new row."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        fields: dict[str, Any] = {}
        for values, positions in zip(self._values, self._positions, strict=True):
            fields |= msgspec.structs.asdict(values[positions[number]])
        return Deployment(**fields)

    def values(self, kind: type[P]) -> Sequence[P]:
        """Return the different values of a column."""
        return self._values[_COLUMNS.index(kind)]

    def parts(self, *kinds: type[Struct]) -> Iterator[tuple[Any, ...]]:
        """Yield the values of each row in these columns."""
        columns = map(_COLUMNS.index, kinds)
        return zip(
            *(map(self._values[each].__getitem__, self._positions[each]) for each in columns),
            strict=True,
        )

    def places(self) -> Iterator[tuple[Place, str]]:
        """Yield the place of each row, and what runs there: see ``Deployment.content``."""
        parts = self.parts(Namespace, Kind, Workload, Container, Image, Digest)
        for namespace, kind, workload, container, image, digest in parts:
            place = (
                *(namespace.namespace, kind.workload_group, kind.workload_kind, workload.workload),
                *(container.container, container.container_kind == "imageVolume"),
            )
            yield place, digest.digest or image.image


class _Numbers(dict[Any, int]):
    """Numbers keys in the order in which they are asked for."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


def _packed(kind: type[Struct], rows: Sequence[Deployment]) -> tuple[list[Struct], bytes]:
    """Return the different values of a column, and the positions of those of each row."""
    names = kind.__struct_fields__
    fields: Callable[[Deployment], Any] = _notes if kind is Notes else attrgetter(*names)
    numbers = _Numbers()
    places = array("I", map(numbers.__getitem__, map(fields, rows)))
    if kind is Notes:
        found: list[Struct] = [Notes(dict(tags), *rest) for tags, *rest in numbers]
    else:
        found = [kind(*each) for each in numbers] if len(names) > 1 else list(map(kind, numbers))
    return found, _little(array(_code(len(found)), places)).tobytes()


def _notes(row: Deployment) -> tuple[Any, ...]:
    """Return the fields of ``Notes``; tags are a dictionary, which has no hash."""
    return tuple(row.tags.items()), row.risks, row.github_repository, row.attestation


def _positions(column: bytes, values: int) -> Sequence[int]:
    positions = array(_code(values))
    positions.frombytes(column)
    if max(_little(positions), default=-1) >= values:
        raise ValueError(f"a position beyond the {values} values of a column")
    return positions


def _code(values: int) -> str:
    """Return the type of positions among so many values."""
    return "B" if values <= 1 << 8 else "H" if values <= 1 << 16 else "I"


def _little(numbers: array[int]) -> array[int]:
    """Return numbers with the byte order of the document, which is also the inverse."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
