"""What all endpoints do alike: read the parameters, find the snapshot, answer from a view."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from xpjob.base import times
from xpjob.base.errors import BadAnswerError
from xpjob.reader import facets, parameters, query, render
from xpjob.reader.changes import Changes
from xpjob.reader.clusters import pick
from xpjob.reader.facets import Facts
from xpjob.reader.flights import UnavailableError
from xpjob.reader.held import Freshness
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import FACETS, Parameter, Params, QueryError, one
from xpjob.reader.query import Query, Selections
from xpjob.reader.render import Body, Shape
from xpjob.reader.responses import answer, etag_of
from xpjob.reader.snapshots import Snapshots
from xpjob.reader.table import Rows, View
from xpjob.reader.workshop import Lane, Workshop

_FEW = 2
"""Dimensions that are counted by in no time."""
_VIEW_SECONDS = 60.0
"""Time to prepare a table for queries, which is done once for all who ask."""
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served:
    """The snapshot that a request is about, how fresh it is, and the time of the request.

    ``now`` is in seconds of the epoch.
    """

    snapshot: Loaded
    freshness: Freshness
    now: int

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that say how fresh it is."""
        if not self.freshness.stale:
            return {"Xpjob-Stale": "false"}
        return {"Xpjob-Stale": "true", "Xpjob-Stale-Reasons": " ".join(self.freshness.reasons)}

    @property
    def stale(self) -> bool:
        """Tell whether this may not be how things are now."""
        return self.freshness.stale

    def view_of(self, extension: str) -> Any:
        """Return what an extension has made of the snapshot."""
        return self.snapshot.view_of(extension)


class Service:
    """What endpoints share. ``workshop`` is where long work is done; ``now`` is the clock."""

    def __init__(
        self,
        snapshots: Snapshots,
        changes: Changes,
        workshop: Workshop,
        now: Callable[[], datetime],
    ) -> None:
        self.snapshots, self.changes, self.now = snapshots, changes, now
        self.selections, self.workshop = Selections(), workshop
        snapshots.changed = self._changed
        snapshots.loading = workshop.flights.keep_only

    def _changed(self, tags: set[str]) -> None:
        self.selections.forget(tags)
        self.workshop.flights.release(tags)

    def params(self, request: Request, known: Iterable[Parameter]) -> Params:
        """Return the parameters of a request. Raises ``QueryError``."""
        return parameters.check(pairs(request), known)

    def served(self, cluster: str) -> Served:
        """Return the snapshot of a cluster; empty means the one there is.

        Raises ``QueryError`` for an unknown cluster, and 503 before there is a snapshot.
        """
        held = pick(self.snapshots, cluster)
        if held.snapshot is None:
            raise HTTPException(
                503,
                "there is no snapshot yet; the first run stores one",
                {"Retry-After": str(max(1, int(self.snapshots.refresh_seconds)))},
            )
        freshness = self.snapshots.freshness(held)
        return Served(held.snapshot, freshness, int(self.now().timestamp()))

    def all_served(self) -> list[Served]:
        """Return the snapshots of all clusters, by name."""
        now = int(self.now().timestamp())
        return [
            Served(held.snapshot, self.snapshots.freshness(held), now)
            for _, held in sorted(self.snapshots.clusters.items())
            if held.snapshot
        ]

    def ask(self, request: Request, known: Iterable[Parameter]) -> tuple[Params, Served]:
        """Return the parameters of a request, and the snapshot that it is about."""
        params = self.params(request, known)
        return params, self.served(one(params, "cluster"))

    async def view(self, served: Served, key: str) -> View:
        """Return the view of a table, made once for all who wait for it."""
        snapshot = served.snapshot
        if (view := snapshot.ready(key)) is not None:
            return view
        return await self.prepared(served, key, lambda: snapshot.table(key))

    async def prepared(self, served: Served, name: str, make: Callable[[], T]) -> T:
        """Return what is made of a whole table or snapshot, once for all who wait for it.

        Raises ``UnavailableError`` where it takes too long, or a row is corrupt.
        """
        try:
            return await self.workshop.once(
                f"table {served.snapshot.stamp.tag} {name}",
                make,
                lane="table",
                seconds=_VIEW_SECONDS,
            )
        except BadAnswerError as error:
            _log.warning("a table cannot be read", extra={"error": str(error)})
            text = f"the table {name} cannot be read; the reader's log says more"
            raise UnavailableError("corrupt-table", text, 30) from error

    async def rows(
        self,
        request: Request,
        params: Params,
        view: View,
        served: Served,
        known: Facts | None = None,
        file: str = "",
    ) -> Response:
        """Answer with rows: all, or those that are wanted, page by page.

        ``known`` is what is known of all rows, for questions about them; ``file`` the name of CSV.
        """
        schema, form, now = view.schema, one(params, "format", "json"), served.now
        fields = parameters.names(params, "fields", (*schema.fields, *schema.derived))
        shape = Shape(form, fields, now, served.stale)
        wanted, offset = query.resume(view, query.query(view, params, now), params)
        moving = schema.since and "since" in params and not offset
        timed = now if shape.timed(schema) or moving else 0
        headers = {"Content-Type": render.TYPES[form], **served.headers}
        if form == "csv":
            headers["Content-Disposition"] = f'attachment; filename="{file or schema.file}.csv"'
        rows = await self._selected(view, wanted)
        page = query.page(view, wanted, rows, offset, int(one(params, "limit", "0")))
        headers["Xpjob-Total"] = str(page.total)
        headers["Xpjob-Generated-At"] = view.stamp.generated_at
        if page.token:
            headers["Link"] = f'<?{_next(request, page.token)}>; rel="next"'
        more = await self._facts(params, view, wanted, known)
        etag = etag_of(view.tag, sorted(params.items()), shape.stale, timed)
        return await answer(
            request,
            self.workshop,
            etag,
            headers,
            lambda: render.document(view, page, shape, more),
            modified=view.stamp.generated,
            tags=[view.tag],
        )

    async def _selected(self, view: View, wanted: Query) -> Rows:
        if (rows := self.selections.held(view, wanted)) is not None:
            return rows
        return await self.workshop.once(
            f"rows {view.tag} {wanted}",
            lambda: self.selections.select(view, wanted),
            lane="long" if wanted.searches else "short",
        )

    async def _facts(self, params: Params, view: View, wanted: Query, known: Facts | None) -> bytes:
        """Return what the rows that match have in common as JSON, an empty object if unasked."""
        if FACETS.name not in params:
            return b"{}"
        if one(params, "format", "json") != "json":
            raise QueryError("bad-value", "facets: only with format=json")
        asked = {FACETS.name: tuple(filter(None, params[FACETS.name]))}
        names = parameters.names(asked, FACETS.name, view.schema.dimensions)
        most = int(one(params, parameters.FACET_LIMIT.name, str(facets.FEW)))
        if known and not wanted.filters and not wanted.q and {*names} <= known.facets.keys():
            return msgspec.json.encode(known.only(names, most).document(len(view)))

        def make() -> bytes:
            found = facets.facts(view, self.selections, wanted, names, most)
            return msgspec.json.encode(found.document(len(view)))

        name = etag_of("facts", view.tag, wanted.filters, wanted.q, names, most)
        return await self.workshop.whole(name, make, "long" if wanted.searches else "facets")

    async def summary(
        self,
        request: Request,
        params: Params,
        view: View,
        served: Served,
        summarize: Callable[[Rows, Sequence[str], int, Shape], Body],
    ) -> Response:
        """Answer with groups of the rows that are wanted.

        ``summarize`` gets the rows, the dimensions, the most groups (0 for all), and the shape.
        """
        by = parameters.names(params, "by", view.schema.dimensions)
        if len(by) > parameters.MAX_BY:
            raise QueryError("bad-value", f"by: at most {parameters.MAX_BY} dimensions")
        form = one(params, "format", "json")
        wanted: Query = query.query(view, params, served.now)
        shape = Shape(form, (), served.now, served.stale)
        top = int(one(params, "limit", "0"))

        def make() -> bytes:
            rows = self.selections.select(view, wanted)
            return b"".join(summarize(rows, by, top, shape).pieces)

        etag = etag_of(view.tag, "summary", sorted(params.items()), shape.stale, wanted.cutoff)
        headers = {"Content-Type": render.TYPES[form], **served.headers}
        return await self.whole(
            request,
            view.stamp.generated,
            etag,
            headers,
            make,
            lane="long" if wanted.searches or len(by) > _FEW else "short",
        )

    async def whole(
        self,
        request: Request,
        modified: int | None,
        etag: str,
        headers: Mapping[str, str],
        make: Callable[[], bytes],
        lane: Lane = "short",
    ) -> Response:
        """Answer with a document that is made once for all who ask for it at the same time."""
        body = Body.of(await self.workshop.whole(etag, make, lane))
        return await answer(request, self.workshop, etag, headers, lambda: body, modified=modified)

    async def json(self, request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
        """Answer with a small document that is there already."""
        named = {"Content-Type": render.TYPES["json"], **headers}
        return await answer(request, self.workshop, etag_of(body), named, lambda: Body.of(body))


def file_of(key: str, cluster: str, generated_at: str) -> str:
    """Return the name of a file with rows of a table: with the cluster, and the snapshot's time."""
    moment = f"{times.parse(generated_at):%Y%m%dT%H%M%SZ}"
    return re.sub(r"[^-._A-Za-z0-9]", "_", "-".join(filter(None, ("xpjob", cluster, key, moment))))


def pairs(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of a request as they were sent."""
    return parse_qsl(request.url.query, keep_blank_values=True)


def _next(request: Request, token: str) -> str:
    kept = [(name, value) for name, value in pairs(request) if name != "continue"]
    return urlencode([*kept, ("continue", token)])
