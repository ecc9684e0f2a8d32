"""What a report is asked for: period, dimensions, filters, sharing, renamed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from xpjob.base.wildcards import Wildcard
from xpjob.usage.columns import ALLOCATABLE, DIMENSIONS, REQUESTS
from xpjob.usage.errors import QuestionError
from xpjob.usage.period import Period
from xpjob.usage.rules import OBSERVED

How = Literal["none", "proportional", "even"]
HOWS: tuple[How, ...] = ("none", "proportional", "even")
TIMES = ("day", "month")
CLUSTER = "cluster"
TAGS = "tags."
IDLE = "idle"
MAX_BY = 6
_NAMES = (*DIMENSIONS, CLUSTER)


@dataclass(frozen=True, slots=True)
class Share:
    """Usage that is shared by the others: rows with this value of a dimension, or what is idle."""

    dimension: str
    value: str
    how: How


@dataclass(frozen=True)
class Question:
    """A question. ``orders`` are the classes of which no other class is a part.

    ``filters`` and ``renamed`` are by dimension. ``priced`` are the dimensions of prices.
    """

    period: Period
    by: Sequence[str] = ("team",)
    meters: Sequence[str] = ()
    classes: Sequence[str] = ()
    clusters: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shares: Sequence[Share] = ()
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    orders: frozenset[str] = frozenset()
    priced: Sequence[str] = ()
    exact: bool = False

    @property
    def time(self) -> str:
        """Return how finely the report tells days apart: "day", "month" or not at all."""
        return next((each for each in TIMES if each in self.by), "")

    @property
    def named(self) -> list[str]:
        """Return the dimensions that the report groups by, without times and the cluster."""
        return [name for name in self.by if name not in (*TIMES, CLUSTER)]

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Return the dimensions of which the values are needed, without times and the cluster."""
        others = (*self.filters, *(share.dimension for share in self.shares), *self.priced)
        # What nodes have to give is compared with requests by group.
        wanted = dict.fromkeys((*self.named, *others, "nodeGroup"))
        return tuple(name for name in wanted if name not in (CLUSTER, IDLE))

    @cached_property
    def read(self) -> tuple[str, ...]:
        """Return the dimensions to read: the needed ones, and the team, for the footer."""
        return tuple(dict.fromkeys((*self.dimensions, "team")))

    @cached_property
    def _patterns(self) -> dict[str, tuple[Wildcard, ...]]:
        return {name: tuple(map(Wildcard, values)) for name, values in self.filters.items()}

    @cached_property
    def _clusters(self) -> tuple[Wildcard, ...]:
        return tuple(map(Wildcard, self.clusters))

    @cached_property
    def _classes(self) -> tuple[Wildcard, ...]:
        return tuple(map(Wildcard, self.classes))

    def has_cluster(self, cluster: str) -> bool:
        """Return whether a cluster is asked for."""
        return not self._clusters or any(each.matches(cluster) for each in self._clusters)

    def has_class(self, class_: str) -> bool:
        """Return whether usage of a class is asked for: by default what has none, and orders."""
        if not class_:
            return True
        if self.classes:
            return any(each.matches(class_) for each in self._classes)
        return class_ in self.orders

    @property
    def apart(self) -> bool:
        """Return whether usage of several classes is asked for, of which ``by`` has the class.

        One may be a part of another one: they are neither summed nor shared among each other.
        """
        return "class" in self.by and several(self.classes)

    def has_meter(self, meter: str) -> bool:
        """Return whether a meter is to be shown: by default all but what nodes have to give."""
        if self.meters:
            return meter in self.meters
        return not meter.endswith(ALLOCATABLE) or "nodeGroup" in self.by

    def needs_meter(self, meter: str) -> bool:
        """Return whether a meter must be read: what nodes have to give, for what is idle."""
        if meter == OBSERVED:
            return False
        requests = meter.removesuffix(ALLOCATABLE) + REQUESTS
        idle = meter.endswith(ALLOCATABLE) and self.has_meter(requests)
        return idle or self.has_meter(meter)

    def passes(self, values: Mapping[str, str]) -> bool:
        """Return whether values of the dimensions pass all filters."""
        return all(
            any(pattern.matches(values[name]) for pattern in patterns)
            for name, patterns in self._patterns.items()
        )

    def rename(self, name: str, value: str) -> str:
        """Return the value of a dimension as the report has it."""
        return self.renamed.get(name, {}).get(value, value)

    @property
    def idle(self) -> How:
        """Return how idle is shared."""
        return next((share.how for share in self.shares if share.dimension == IDLE), "none")


def several(classes: Sequence[str]) -> bool:
    """Return whether values of a filter may be of several classes: ``*`` stands for any text."""
    return len(set(classes)) > 1 or any("*" in name for name in classes)


def dimensions(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names of dimensions, comma-separated, each once. Raises ``QuestionError``."""
    found = [part for value in values for part in value.split(",")]
    for name in found:
        if name not in TIMES:
            check_dimension("by", name)
    if len(set(found)) > MAX_BY:
        raise QuestionError("by", f"by: at most {MAX_BY} dimensions")
    return tuple(dict.fromkeys(found)) or ("team",)


def check_dimension(parameter: str, name: str) -> None:
    """Raise ``QuestionError`` for what is no dimension; a tag is called ``tags.NAME``."""
    if name not in _NAMES and not (name.startswith(TAGS) and name != TAGS):
        known = [*_NAMES, *(TIMES if parameter == "by" else ()), f"{TAGS}NAME"]
        raise QuestionError(parameter, f"{parameter}: unknown dimension {name[:60]!r}", known)


def shares(texts: Iterable[str]) -> tuple[Share, ...]:
    """Return what is to be shared. Raises ``QuestionError``."""
    found: list[Share] = []
    for text in texts:
        what, equals, rest = text.partition("=")
        value, how = ("", rest) if what == IDLE else rest.rpartition(":")[::2]
        if not equals or how not in HOWS or (what != IDLE and ":" not in rest):
            raise QuestionError(
                "share",
                f"share: invalid {text[:60]!r}: expected idle=none, idle=proportional, idle=even, "
                "or e.g. namespace=kube-system:proportional",
            )
        if what != IDLE:
            check_dimension("share", what)
        found.append(Share(what, value, how))
    if len({(share.dimension, share.value) for share in found}) < len(found):
        raise QuestionError("share", "share: the same is shared twice")
    return tuple(found)


def renames(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return renamed values by dimension, of e.g. ``team:old=new``. Raises ``QuestionError``."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, colon, rest = text.partition(":")
        old, equals, new = rest.partition("=")
        if not colon or not equals:
            raise QuestionError("map", f"map: invalid {text[:60]!r}: expected e.g. team:old=new")
        check_dimension("map", name)
        if name == CLUSTER:
            known = [each for each in _NAMES if each != CLUSTER]
            raise QuestionError("map", "map: clusters keep their names", [*known, f"{TAGS}NAME"])
        if old in found.setdefault(name, {}):
            raise QuestionError("map", f"map: {name} {old[:60]!r} is renamed twice")
        found[name][old] = new
    return found


def filters(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the values by dimension that rows must have. Raises ``QuestionError``."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        check_dimension("filter", name)
        found.setdefault(name, []).append(value)
    return found
