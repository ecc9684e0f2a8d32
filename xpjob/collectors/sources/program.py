"""What a document becomes: a source that is compiled, and what it makes of the objects of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import UNSET, Struct

from xpjob.collect.tables import TableSpec
from xpjob.collectors.sources.shape import Shape
from xpjob.kube.discovery import Kind
from xpjob.metrics.series import Labels

FamilyType = Literal["gauge", "info", "stateset"]
MAX_EXAMPLES = 5
"""Problems of each source of which the message is kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Target:
    """Objects that a source counts.

    ``version`` and ``kind`` may be ``*``. ``resource`` is the plural, if it was said. A name in
    ``category`` (such as ``managed``) stands instead of group, version and kind. ``include`` and
    ``exclude`` are namespaces with wildcards, exclude wins; none included means all.
    """

    group: str
    version: str
    kind: str
    resource: str = ""
    category: str = ""
    namespaced: bool | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    label_selector: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family that a source may have."""

    name: str
    help: str
    type: FamilyType = "gauge"


class Example(Struct, frozen=True, rename="camel", gc=False):
    """One value that did not become a number, and why: ``Kind/namespace/name``, and what to do."""

    object: str
    where: str
    message: str


class Used(NamedTuple):
    """An amount of usage: that of objects of a namespace and a team, since when (epoch seconds)."""

    namespace: str
    team: str
    begin: int
    amount: int


class Tally(Struct, rename="camel"):
    """What a source made of the objects of one list; several are merged.

    ``missing`` counts values that are not there or null, ``invalid`` those that cannot be
    converted, ``errors`` those that an expression, or a limit, kept from being computed.
    ``adjusted`` counts labels that are not as the author of the document may expect them.
    ``series`` has the samples of each family; a family that passed a limit is in ``over`` with its
    number of samples, and not in ``series``. ``rows`` are values by position, in the order of the
    fields of the table's record; ``dropped`` counts rows beyond the limit of the source.
    ``used`` is what counts as usage. ``partial`` is the source's own: what its aggregations need,
    encoded as JSON can hold it.
    """

    objects: int = 0
    missing: int = 0
    invalid: int = 0
    errors: int = 0
    adjusted: int = 0
    examples: list[Example] = []
    series: dict[str, list[tuple[Labels, float]]] = {}
    over: dict[str, int] = {}
    rows: list[list[Any]] = []
    dropped: int = 0
    used: list[Used] = []
    partial: Any = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one source in a run. ``now`` is the time of the run in seconds since the epoch."""

    now: float
    family_series: int = 10_000


class Folder(Protocol):
    """Takes the objects of one list, one by one."""

    def add(self, item: Any) -> None:
        """Take an object of the wire type. Never raises because of what is in it."""

    def result(self) -> Tally:
        """Return what it made of all of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a source is in the end: samples of its families, and rows of its table."""

    tally: Tally
    series: Mapping[str, Sequence[tuple[Labels, float]]] = field(default_factory=dict)
    rows: Sequence[Struct] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """What becomes of one field, computed value, aggregation or metric of an object.

    ``what`` is which of these it is, and ``of`` the path or the expression. ``raw`` is the value
    in the object, ``value`` what it is converted to; each is UNSET if there is none. ``why`` says
    why there is no value or no sample, or what else is worth knowing. Samples of an aggregation
    are those of this object alone.
    """

    what: Literal["field", "computed", "aggregation", "metric"]
    name: str
    of: str
    raw: Any = UNSET
    value: Any = UNSET
    samples: Sequence[tuple[Labels, float]] = ()
    family: str = ""
    why: tuple[str, ...] = ()


class Source(Protocol):
    """A compiled document.

    ``name`` is the value of the label ``source``: namespace/name of an object, or the name of a
    file. ``table`` describes its rows, if it has any.
    """

    @property
    def name(self) -> str:
        """Return the value of the label ``source``."""

    @property
    def targets(self) -> Sequence[Target]:
        """Return which objects it counts."""

    @property
    def families(self) -> Sequence[Family]:
        """Return the families that it may have, each name once."""

    @property
    def table(self) -> TableSpec | None:
        """Return the description of its rows."""

    @property
    def meter(self) -> str:
        """Return the name of the meter that its objects count to, empty if they do not."""

    def declare(self, target: int, shape: Shape) -> None:
        """Add what it reads of the objects of a target, by its position, to their shape."""

    def folder(self, target: int, kind: Kind, limits: Limits) -> Folder:
        """Return what takes the objects of a target in one of its kinds."""

    def finish(self, tallies: Sequence[Tally], limits: Limits) -> Outcome:
        """Merge what the lists gave, and compute what needs all of them."""

    def explain(
        self, target: int, kind: Kind, item: Mapping[str, Any], limits: Limits
    ) -> Sequence[Explained]:
        """Return what becomes of each value of an object, and of each metric. ``item`` is JSON."""
