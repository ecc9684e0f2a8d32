"""What a collector may add to the reader beyond its tables: endpoints, and a comparison."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client.metrics_core import Metric
from rich.console import RenderableType
from starlette.requests import Request
from starlette.responses import Response

from xpjob.reader.render import Json
from xpjob.snapshot.documents import RawSnapshot

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from xpjob.reader.parameters import Parameter
    from xpjob.reader.service import Service
    from xpjob.reader.show import Answer
    from xpjob.reader.table import Stamp, View

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Documented:
    """What an extension adds to the OpenAPI document."""

    paths: Mapping[str, Json] = field(default_factory=dict)
    schemas: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What an extension knows of a row beyond its columns: what is the matter with it, in words.

    ``notes`` are what blocks it, and ``command`` is one that shows more. What is empty is derived
    from the description of the table.
    """

    sentence: str = ""
    notes: Sequence[str] = ()
    command: str = ""


class Comparison(Protocol):
    """What an extension finds out about two snapshots, for ``xpjob diff``."""

    def document(self) -> Json:
        """Return the members of the JSON document."""

    def table(self) -> RenderableType:
        """Return what a terminal shows."""


class Listing(Protocol):
    """The default listing of ``xpjob show``: a path of the reader, and how to print its rows."""

    @property
    def path(self) -> str:
        """Return the path whose answer is listed, without the first slash."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters that the path takes."""

    def view(self, made: Any) -> View:
        """Return the view that the path answers from."""

    def pairs(self, *, not_ready: bool) -> Sequence[tuple[str, str]]:
        """Return the parameters of the options that need more than their value."""

    def print(self, answer: Answer, console: Console, now: datetime) -> None:
        """Print rows as a table."""


class Explainer(Protocol):
    """``xpjob explain``: what blocks one object."""

    @property
    def path(self) -> str:
        """Return the path that explains, without the first slash."""

    def pairs(self, target: str) -> Sequence[tuple[str, str]]:
        """Return the parameters of ``KIND/[NAMESPACE/]NAME``. Raises ``QueryError``."""

    def explain(self, made: Any, pairs: Sequence[tuple[str, str]], now: int) -> Json:
        """Return the answer from a view. Raises ``QueryError``."""

    def print(self, document: Json, console: Console, now: int) -> None:
        """Print it for people."""


class Extension(Protocol):
    """What one collector adds to the reader. ``name`` is the collector's."""

    name: str
    title: str

    @property
    def listing(self) -> Listing | None:
        """Return the default listing of ``xpjob show``."""

    @property
    def explainer(self) -> Explainer | None:
        """Return what ``xpjob explain`` asks."""

    def view(self, raw: RawSnapshot, stamp: Stamp) -> Any:
        """Return what the endpoints answer from, made once for each snapshot.

        Raises ``MsgspecError`` or ``ValueError`` where the snapshot is corrupt.
        """

    def routes(self, service: Service) -> Mapping[str, Endpoint]:
        """Return the endpoints by path. They find their view with ``Served.view_of(name)``."""

    def documented(self) -> Documented:
        """Return what the OpenAPI document says of these endpoints."""

    def cluster(self, view: Any | None) -> Json:
        """Return members of a cluster in ``/clusters``; ``view`` is None before any snapshot."""

    def records(self, view: Any) -> Mapping[str, int]:
        """Return the counts for ``xpjob_reader_records``, by class."""

    def live(self, view: Any, now: int) -> Iterable[Metric]:
        """Return the families of ``/metrics/inventory`` that change with the time.

        ``now`` is in seconds of the epoch.
        """

    def known(self, view: Any, table: str, number: int) -> Known | None:
        """Return what is known of a row of a table, by its number; None for no more than it says.

        As of the snapshot: it is the same until there is a newer one.
        """

    def tags(self, view: Any) -> Sequence[str]:
        """Return the tags of its views, so that their selections are remembered."""

    def compare(self, old: RawSnapshot, new: RawSnapshot) -> Comparison | None:
        """Compare two snapshots; None leaves it to the comparison of tables. Raises as ``view``."""


Extensions = Sequence[Extension]
