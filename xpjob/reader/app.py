"""The HTTP service: a literal list of routes, and the endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xpjob.collectors.crossplane.reader import findings, tree
from xpjob.config.settings import Settings
from xpjob.reader import assets, changes, openapi, parameters, query, render
from xpjob.reader.access import Access
from xpjob.reader.changes import Changes
from xpjob.reader.clusters import describe, metric_facts, pick
from xpjob.reader.metrics import Metrics
from xpjob.reader.middleware import Front
from xpjob.reader.parameters import Given, Parameter, one
from xpjob.reader.problem import HANDLERS
from xpjob.reader.render import Body, Shape
from xpjob.reader.responses import Answer, Workshop, answer, etag_of
from xpjob.reader.snapshots import Freshness, Held, Snapshots
from xpjob.reader.table import View
from xpjob.snapshot import documents
from xpjob.store.base import Store

_TEXT = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_EXPOSITION = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
_STALE_INVENTORY = b"# The snapshot is stale, so its metrics are left out.\n"


def create_app(
    store: Store, settings: Settings, now: Callable[[], datetime] = documents.now
) -> Starlette:
    """Return the service. It begins to ask the store when its lifespan begins.

    ``app.state.snapshots`` is what it knows. Nothing is contacted before that.
    """
    metrics = Metrics()
    snapshots = Snapshots(store, settings, metrics, now)
    reader = _Reader(settings, snapshots, Changes(store, snapshots, now), metrics, now)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        snapshots.start()
        yield
        snapshots.stop()

    app = Starlette(
        routes=[
            *(Route(path, reader.asset) for path in assets.PATHS),
            Route("/bookkeeping", reader.bookkeeping),
            Route("/bookkeeping/summary", reader.summary),
            Route("/bookkeeping/tree", reader.tree),
            Route("/bookkeeping/findings", reader.findings),
            Route("/bookkeeping/diff", reader.diff),
            Route("/clusters", reader.clusters),
            Route("/metrics", reader.metrics),
            Route("/metrics/inventory", reader.inventory),
            Route("/openapi.json", reader.openapi),
            Route("/healthz", reader.healthz),
            Route("/readyz", reader.readyz),
        ],
        middleware=[Middleware(Front, metrics=metrics), *_access(settings)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.snapshots = snapshots
    return app


def _access(settings: Settings) -> list[Middleware]:
    file = settings.reader_token_file
    return [Middleware(Access, file=file)] if file else []


class _Reader:
    """The endpoints. Each is one method, and one route above."""

    def __init__(
        self,
        settings: Settings,
        snapshots: Snapshots,
        changes: Changes,
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._snapshots, self._changes = settings, snapshots, changes
        self._metrics, self._now = metrics, now
        self._selections = query.Selections()
        self._workshop = Workshop()
        self._assets = assets.load()
        self._openapi = msgspec.json.encode(openapi.document())
        snapshots.changed = self._selections.forget
        metrics.watch(lambda: metric_facts(snapshots))

    async def bookkeeping(self, request: Request) -> Response:
        """Answer with records: all, or those asked for, page by page."""
        given, view, freshness = self._asked(request, parameters.BOOKKEEPING)
        now = int(self._now().timestamp())
        form = one(given, "format", "json")
        shape = Shape(form, parameters.fields(given), now, freshness.stale)
        asked, offset = query.resume(view, query.question(view, given, now), given)
        timed = now if shape.timed or ("since" in given and not offset) else 0
        quick = self._selections.known(view, asked) and (
            "limit" in given or (form == "json" and not shape.fields)
        )
        rows = self._selections.select(view, asked) if quick else None
        headers = {"Content-Type": render.TYPES[form], **_freshness_headers(freshness)}
        if form == "csv":
            headers["Content-Disposition"] = 'attachment; filename="bookkeeping.csv"'
        if rows is None:
            rows = await self._workshop.work(lambda: self._selections.select(view, asked))
        page = query.page(view, asked, rows, offset, int(one(given, "limit", "0")))
        headers["Xpjob-Total"] = str(page.total)
        headers["Xpjob-Generated-At"] = view.generated_at
        if page.token:
            headers["Link"] = f'<?{_next(request, page.token)}>; rel="next"'
        etag = etag_of(view.tag, sorted(given.items()), shape.stale, timed)
        return await answer(
            request,
            self._workshop,
            etag,
            headers,
            lambda: render.document(view, page, shape),
            quick=quick and len(page.rows) <= parameters.MAX_LIMIT,
            modified=view.generated,
        )

    async def summary(self, request: Request) -> Response:
        """Answer with counts of what is asked for, by any of the dimensions."""
        given, view, freshness = self._asked(request, parameters.SUMMARY)
        now = int(self._now().timestamp())
        by, form = query.dimensions(given), one(given, "format", "json")
        asked = query.question(view, given, now)
        shape = Shape(form, (), now, freshness.stale)
        top = int(one(given, "limit", "0"))

        def make() -> Body:
            groups = query.summary(view, self._selections.select(view, asked), by)
            return render.counts(view, by, groups, top, shape)

        etag = etag_of(view.tag, "summary", sorted(given.items()), shape.stale, asked.cutoff)
        headers = {"Content-Type": render.TYPES[form], **_freshness_headers(freshness)}
        return await self._whole(request, view, etag, headers, lambda: b"".join(make().pieces))

    async def tree(self, request: Request) -> Response:
        """Answer with the tree that one record is part of, and what blocks it."""
        given, view, freshness = self._asked(request, parameters.TREE)
        now = int(self._now().timestamp())

        def make() -> bytes:
            return msgspec.json.encode(tree.tree(view, given, now, stale=freshness.stale)) + b"\n"

        etag = etag_of(view.tag, "tree", sorted(given.items()), freshness.stale, now)
        headers = {"Content-Type": render.TYPES["json"], **_freshness_headers(freshness)}
        return await self._whole(request, view, etag, headers, make)

    async def findings(self, request: Request) -> Response:
        """Answer with what does not fit together."""
        given, view, freshness = self._asked(request, parameters.FOUND)
        chosen = findings.chosen(view, given)
        form = one(given, "format", "json")
        headers = {"Content-Type": render.TYPES[form], **_freshness_headers(freshness)}
        headers["Xpjob-Total"] = str(len(chosen))
        if form == "csv":
            headers["Content-Disposition"] = 'attachment; filename="findings.csv"'
        return await answer(
            request,
            self._workshop,
            etag_of(view.tag, "findings", sorted(given.items()), freshness.stale),
            headers,
            lambda: findings.document(view, given, chosen, stale=freshness.stale),
            quick=len(chosen) <= parameters.MAX_LIMIT,
            modified=view.generated,
        )

    async def diff(self, request: Request) -> Response:
        """Answer with what came, went and changed state between two snapshots."""
        given, view, freshness = self._asked(request, parameters.DIFF)
        compared = await self._changes.between(view, given)
        return await answer(
            request,
            self._workshop,
            etag_of("diff", compared.tag, sorted(given.items())),
            {"Content-Type": render.TYPES["json"], **_freshness_headers(freshness)},
            lambda: Body.of(changes.document(compared.diff, given)),
            quick=False,
        )

    async def clusters(self, request: Request) -> Response:
        """Answer with the clusters that there are, how fresh each is, and how its last run went."""
        _given(request, parameters.NONE)
        body = msgspec.json.encode(describe(self._snapshots, self._settings, self._now())) + b"\n"
        headers = {"Content-Type": render.TYPES["json"]}
        return await answer(
            request, self._workshop, etag_of(body), headers, lambda: Body.of(body), quick=True
        )

    async def inventory(self, request: Request) -> Response:
        """Answer with the families that the job pushes; with none of them once it is stale."""
        _, view, freshness = self._asked(request, parameters.INVENTORY)
        headers = {**_EXPOSITION, **_freshness_headers(freshness)}
        if freshness.old:
            return Answer(Body.of(_STALE_INVENTORY), {**headers, "Cache-Control": "no-cache"})
        etag = etag_of(view.tag, "inventory")
        return await answer(
            request,
            self._workshop,
            etag,
            headers,
            lambda: Body.of(view.inventory_text()),
            quick=False,
            modified=view.generated,
        )

    async def metrics(self, _request: Request) -> Response:
        """Answer with the reader's own metrics."""
        body = self._metrics.exposition()
        return Answer(Body.of(body), {**_EXPOSITION, "Cache-Control": "no-store"})

    async def openapi(self, request: Request) -> Response:
        """Answer with the OpenAPI document."""
        headers = {"Content-Type": "application/json"}
        body = self._openapi
        return await answer(
            request, self._workshop, etag_of(body), headers, lambda: Body.of(body), quick=True
        )

    async def asset(self, request: Request) -> Response:
        """Answer with a file of the page."""
        asset = self._assets[request.url.path]
        headers = {"Content-Type": asset.content_type}
        return await answer(
            request, self._workshop, asset.etag, headers, lambda: Body.of(asset.body), quick=True
        )

    async def healthz(self, _request: Request) -> Response:
        """Answer that the process is up."""
        return Answer(Body.of(b"ok\n"), _TEXT)

    async def readyz(self, _request: Request) -> Response:
        """Answer whether a first snapshot was loaded."""
        if self._snapshots.ready:
            return Answer(Body.of(b"ok\n"), _TEXT)
        return Answer(Body.of(b"not ready\n"), _TEXT, 503)

    async def _whole(
        self,
        request: Request,
        view: View,
        etag: str,
        headers: Mapping[str, str],
        make: Callable[[], bytes],
    ) -> Response:
        """Answer with a document that is made once for all who ask for it at the same time."""
        body = Body.of(await self._workshop.whole(etag, make))
        return await answer(
            request,
            self._workshop,
            etag,
            headers,
            lambda: body,
            quick=True,
            modified=view.generated,
        )

    def _asked(
        self, request: Request, known: tuple[Parameter, ...]
    ) -> tuple[Given, View, Freshness]:
        """Return the parameters, the snapshot they are about, and how fresh it is."""
        given = _given(request, known)
        held: Held = pick(self._snapshots, self._settings, one(given, "cluster"))
        if held.view is None:
            raise HTTPException(
                503,
                "there is no snapshot yet; the first run stores one",
                {"Retry-After": str(max(1, int(self._settings.refresh_seconds)))},
            )
        return given, held.view, self._snapshots.freshness(held)


def _given(request: Request, known: tuple[Parameter, ...]) -> Given:
    return parameters.check(parse_qsl(request.url.query, keep_blank_values=True), known)


def _next(request: Request, token: str) -> str:
    pairs = parse_qsl(request.url.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name != "continue"]
    return urlencode([*kept, ("continue", token)])


def _freshness_headers(freshness: Freshness) -> dict[str, str]:
    if not freshness.stale:
        return {"Xpjob-Stale": "false"}
    return {"Xpjob-Stale": "true", "Xpjob-Stale-Reasons": " ".join(freshness.reasons)}
