"""The page's addresses: one document, whose base is the root whatever the depth of the address."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xpjob.collect.tables import row_values
from xpjob.reader.assets import Asset
from xpjob.reader.extension import Endpoint
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import QueryError, shown
from xpjob.reader.render import Body
from xpjob.reader.responses import VARY, accepts_html, answer, etag_of
from xpjob.reader.service import Service, pairs

BASE = b'<base href="./">'
"""What index.html has, and each address gets its own of."""
PAGE_VARY = f"Accept, {VARY}"
Exists = Callable[[Request], bool]


class Pages:
    """The endpoints that answer browsers with the page."""

    def __init__(self, service: Service, index: Asset) -> None:
        """Raise ``ValueError`` if the document has no base that can be set."""
        if index.body.count(BASE) != 1:
            raise ValueError(f"index.html: expected {BASE.decode()} once")
        self._service, self._index = service, index

    async def home(self, request: Request) -> Response:
        """Answer with the page, whatever the client accepts."""
        return await self._page(request, 200, VARY)

    async def table(self, request: Request) -> Response:
        """Answer with the page of a table or row; with 404 if there is none, and to programs."""
        segments = raw_segments(request)
        if not accepts_html(request):
            raise _not_found(unquote(segments[0]), self._tables())
        found = self._exists(request, segments)
        return await self._page(request, 200 if found else 404)

    def negotiated(self, endpoint: Endpoint, exists: Exists = lambda _request: True) -> Endpoint:
        """Return an endpoint that answers browsers with the page, and programs with JSON.

        A browser that names a format, as a link to CSV does, gets what a program gets.
        ``exists`` says whether there is what the address names; if not, the page has status 404.
        """

        async def either(request: Request) -> Response:
            if accepts_html(request) and "format" not in request.query_params:
                return await self._page(request, 200 if exists(request) else 404)
            response = await endpoint(request)
            response.headers["Vary"] = PAGE_VARY
            return response

        return either

    async def _page(self, request: Request, status: int, vary: str = PAGE_VARY) -> Response:
        up = len(raw_segments(request)) - 1
        base = b'<base href="%s">' % (b"../" * up or b"./")
        body = self._index.body.replace(BASE, base)
        return await answer(
            request,
            self._service.workshop,
            etag_of(self._index.etag, up),
            {"Content-Type": self._index.content_type},
            lambda: Body.of(body),
            vary=vary,
            status=status,
        )

    def _tables(self) -> set[str]:
        held = self._service.snapshots.clusters.values()
        return {key for item in held if item.snapshot for key in item.snapshot.tables}

    def _exists(self, request: Request, segments: Sequence[str]) -> bool:
        """Tell whether a cluster has this table or row. Before any snapshot, it may exist."""
        names = [value for name, value in pairs(request) if name == "cluster"]
        held = self._service.snapshots.clusters
        chosen = [item.snapshot for name, item in held.items() if not names or name in names]
        if names and names[0] == "*":
            chosen = [item.snapshot for item in held.values()]
        if not any(item.snapshot for item in held.values()):
            return True
        return any(snapshot is not None and _has(snapshot, segments) for snapshot in chosen)


def deep(path: str, endpoint: Endpoint, *, include_in_schema: bool = True) -> Route:
    """Return a route whose last parameter is any text, line feeds included."""
    route = Route(path, endpoint, include_in_schema=include_in_schema)
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route


def raw_segments(request: Request) -> list[str]:
    """Return the segments of the path as they were sent, percent-encoding kept.

    Values of a row's id may have slashes, which the decoded path does not tell apart.
    """
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return path.decode("latin-1").removeprefix("/").split("/")


def _has(snapshot: Loaded, segments: Sequence[str]) -> bool:
    key, *parts = segments
    table = snapshot.tables.get(unquote(key))
    if table is None:
        return False
    if parts in ([], [""]):
        return True
    known = snapshot.prepared.tables.get(table.key)
    # Only the hash of the id is compared: the page shows what the API answers, in any case.
    return known is not None and next(known.ids.find(row_values("/".join(parts))), None) is not None


def _not_found(key: str, tables: set[str]) -> Exception:
    if key not in tables:
        return HTTPException(404)
    return QueryError(
        "not-found",
        f"{shown(key)} is an address of the page; the table is at /tables/{key}",
        status=404,
        facts={"known": [f"/tables/{key}"]},
    )
