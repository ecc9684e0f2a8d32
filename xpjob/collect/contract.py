"""The collector contract: declarations, subscriptions to lists, and the resulting section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collect.before import Before
from xpjob.collect.description import TableDescription
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import TargetOutcome
from xpjob.collect.tables import TableSpec
from xpjob.config.option import Group
from xpjob.kube.discovery import Catalogue
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import NEVER, Listing, ListKey, Moment, WholeList
from xpjob.kube.version import Version
from xpjob.metrics.stored import Tables
from xpjob.net.options import NetOptions

S = TypeVar("S", bound=Struct)


class Subscription(Struct, frozen=True):
    """One collector's request for a list, with the fields that it reads of each object.

    ``role`` and ``source`` are the labels ``class`` and ``source`` of the target's metrics.
    ``kind`` and ``facts`` (namespaced, why, overrides) are printed by ``xpjob targets``.
    ``wire`` is a struct, or a dictionary. ``selects`` returns the namespace and the labels of an
    object of a wire whose metadata is no struct: a list of a part is selected from a whole one
    then, too. ``metered``: what a meter counts may be in the list. ``context`` is for the collector
    itself. With an ``error`` the list cannot be requested; ``gone``: the API answered, but does not
    serve this kind.
    """

    key: ListKey
    wire: type[Any]
    kind: str = ""
    role: str = ""
    source: str = ""
    context: Any = None
    facts: Mapping[str, object] = {}
    error: XpjobError | None = None
    gone: bool = False
    selects: Callable[[Any], tuple[str, Mapping[str, str]]] | None = None
    metered: bool = True

    def __str__(self) -> str:
        return str(self.key)


class Skipped(Struct, frozen=True):
    """A kind that is not listed although it seems to be the collector's, and why.

    ``advice`` says what to do to list it; empty if nothing can.
    """

    gvr: Gvr
    kind: str
    namespaced: bool
    why: str
    advice: str = ""


class Plan(Struct, frozen=True):
    """All subscriptions of a collector in one run, in a stable order.

    ``notes`` is data for ``finish``. ``configs`` counts the tenants' valid ConfigMaps,
    ``malformed_configs`` the skipped ones, ``conflicting_configs`` those that contradict others.
    ``reads`` are the small lists that planning itself needs rights for. ``hint`` says what to do if
    there are no subscriptions. ``skipped`` and ``remarks`` explain decisions in ``xpjob targets``
    and ``xpjob doctor``; a remark is something that planning could not find out. ``warnings`` are
    for ``xpjob doctor``: what is wrong with other servers that planning asked, and what to do.
    """

    subscriptions: Sequence[Subscription] = ()
    notes: Any = None
    configs: int = 0
    malformed_configs: int = 0
    conflicting_configs: int = 0
    reads: Sequence[ListKey] = ()
    hint: str = ""
    skipped: Sequence[Skipped] = ()
    remarks: Sequence[str] = ()
    warnings: Sequence[tuple[str, str]] = ()


class World(Protocol):
    """The I/O that a collector may do, while it plans."""

    @property
    def options(self) -> Any:
        """Return the collector's own group of options."""

    @property
    def net(self) -> NetOptions:
        """Return timeouts and security of connections to other servers than the API."""

    @property
    def catalogue(self) -> Catalogue:
        """Return the kinds that the API serves."""

    def read(self, key: ListKey, wire: type[S]) -> WholeList[S]:
        """Read a small list. Raises the errors of ``Api.get``, and ``BadAnswerError``."""

    def fold(
        self, key: ListKey, wire: type[S], reader: Callable[[], ListReader]
    ) -> tuple[Any, Listing]:
        """Return what a reader makes of a list, whose objects need not fit into memory.

        ``reader`` is called at the start, and when the list restarts. Raises as ``read`` does.
        """

    def count(self, key: ListKey) -> int:
        """Return the number of objects of a list, mostly with one request. Raises as ``read``."""

    def read_each(
        self, lists: Sequence[tuple[ListKey, type[S]]]
    ) -> Sequence[WholeList[S] | XpjobError]:
        """Read several small lists concurrently; a failed list is an error in its place."""

    def get_each(self, gvr: Gvr, names: Sequence[str], wire: type[S]) -> Sequence[S | XpjobError]:
        """Get the metadata of cluster-scoped objects; a failure is an error in its place."""

    @property
    def max_series(self) -> int:
        """Return the limit of series of a family."""

    def core_kinds(self) -> Catalogue:
        """Discover the kinds without a group, such as pods. A failure makes it incomplete."""

    def server_version(self) -> Version:
        """GET the version of the server. Raises the errors of ``Api.get``, ``BadAnswerError``."""


class ListReader(Protocol):
    """Processes one list page by page. A restarted list gets a new reader."""

    def page(self, objects: Sequence[Any]) -> None:
        """Process the objects of a page. They have at least the fields of the subscription's wire.

        Must not keep the objects: other collectors read them too.
        """

    def result(self) -> Any:
        """Return the result of the complete list."""


class Listed(Struct, frozen=True):
    """The outcome of a subscription: its reader's result, or ``error`` and no result.

    ``moment`` is the time of the list; ``NEVER`` if it failed.
    """

    subscription: Subscription
    outcome: TargetOutcome
    result: Any = None
    error: XpjobError | None = None
    moment: Moment = NEVER


class Section(Struct, frozen=True):
    """The content of one collector in the snapshot.

    ``tables`` maps each key to its rows; ``specs`` describes tables that the collector does not
    declare, because users define them; a description is that of a table which is kept. The fields
    of ``state`` become keys of the document.
    ``shown`` has the settings for converting rows to series, for the metrics of old documents.
    ``kept`` has the outcomes of lists that were not made, and whose previous rows are kept.
    ``lacks_rows``: rows are to be kept, and ``Before.whole`` was empty; the core then fills it, and
    calls ``finish`` again.
    """

    tables: Mapping[str, Sequence[Any]]
    findings: Sequence[Finding] = ()
    state: Struct | None = None
    specs: Sequence[TableSpec | TableDescription] = ()
    shown: Mapping[str, Any] = {}
    kept: Sequence[TargetOutcome] = ()
    lacks_rows: bool = False


class Collector(Protocol):
    """A collector: turns lists into a section, and a section into metric tables.

    ``carry`` says what is carried over when one of its lists fails: with "section" the core keeps
    the whole previous section, with "list" ``finish`` keeps the rows of that list (see
    ``collect.carry``). ``state`` is the type of ``Section.state``. ``results`` maps each role to
    a key and the type of its readers' results, which shards exchange.
    """

    name: str
    options: type[Group]
    tables: Sequence[TableSpec]
    carry: Literal["list", "section"]
    state: type[Struct] | None
    results: Mapping[str, tuple[str, Any]]

    def plan(self, world: World) -> Plan:
        """Decide which lists to request. May read small lists through ``world``."""

    def reader(self, subscription: Subscription) -> ListReader:
        """Return a new reader of one list."""

    def recall(self, before: Before) -> Any:
        """Return what ``finish`` needs of the previous run, as compact as possible.

        ``before.rows`` has the fields of ``TableSpec.previous`` and is dropped afterwards.
        """

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return the section at a time (RFC 3339). No I/O; may be called again for the same lists.

        ``before`` is None if the previous snapshot could not be read.
        """

    def metrics(self, section: Section, at: str) -> Tables:
        """Yield the metric tables of a section at a time (RFC 3339). No I/O."""


Collectors = Sequence[Collector]

RESERVED = frozenset(
    (
        *("schemaVersion", "generatedAt", "cluster", "run", "targets", "counters", "findings"),
        *("shown", "collectors", "tables", "metrics", "identity", "usage", "nextRun"),
    )
)
"""Keys of the document that tables and state must not use."""

ADDRESSES = frozenset(
    (
        *("tables", "overview", "version", "clusters", "bookkeeping", "sync", "metrics"),
        *("healthz", "readyz", "schema.json", "openapi.json", "views"),
        *("teams", "findings", "changes", "search", "runs", "usage"),
    )
)
"""First segments of the reader's addresses, which no table has as its key: it has a page there."""


def check_collectors(collectors: Collectors) -> None:
    """Raise ``ValueError`` if two collectors share a name or a key of the document.

    Also if a table has the key of an address of the reader.
    """
    taken: dict[str, str] = dict.fromkeys(RESERVED, "the snapshot itself")
    names: set[str] = set()
    for collector in collectors:
        if collector.name in names:
            raise ValueError(f"two collectors have the name {collector.name!r}")
        names.add(collector.name)
        if used := ADDRESSES & {spec.key for spec in collector.tables}:
            raise ValueError(
                f"collector {collector.name}: table {min(used)!r} has the name of an address of "
                "the reader; choose another key"
            )
        for key in keys_of(collector):
            if key in taken:
                raise ValueError(
                    f"collector {collector.name}: key {key!r} is already used by {taken[key]}"
                )
            taken[key] = f"collector {collector.name}"


def keys_of(collector: Collector) -> tuple[str, ...]:
    """Return the keys of the document that a collector declares."""
    return (*(spec.key for spec in collector.tables), *state_keys(collector))


def state_keys(collector: Collector) -> tuple[str, ...]:
    """Return the keys of the document that hold a collector's state."""
    return collector.state.__struct_encode_fields__ if collector.state else ()
