"""The HTTP service: a literal list of routes, and the endpoints that are not of tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xpjob.base import repeats as repeated
from xpjob.base import times
from xpjob.base.repeats import Repeats
from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.publish import exposition
from xpjob.reader import (
    assets,
    openapi_document,
    openapi_everywhere,
    openapi_home,
    parameters,
    usage_documented,
)
from xpjob.reader.access import Access
from xpjob.reader.assets import Asset
from xpjob.reader.changes import Changes
from xpjob.reader.clusters import describe, metric_facts, version
from xpjob.reader.everywhere import Everywhere
from xpjob.reader.extension import Extensions
from xpjob.reader.flights import Flights, budget
from xpjob.reader.hosts import Hosts
from xpjob.reader.metrics import Metrics
from xpjob.reader.middleware import Front
from xpjob.reader.options import AccessOptions, ReaderOptions
from xpjob.reader.overview import Overview
from xpjob.reader.pages import Pages, deep
from xpjob.reader.patience import PatientStore, Readable
from xpjob.reader.problem import HANDLERS
from xpjob.reader.records import Records
from xpjob.reader.render import Body
from xpjob.reader.responses import Answer, answer, etag_of
from xpjob.reader.service import Service
from xpjob.reader.snapshots import Snapshots
from xpjob.reader.tables import Tables
from xpjob.reader.usage import Usage
from xpjob.reader.workshop import Workshop
from xpjob.store.options import StoreOptions
from xpjob.usage.meters import orders

_TEXT = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_EXPOSITION = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
_STALE_INVENTORY = b"# The snapshot is stale, so its metrics are left out.\n"


def create_app(
    store: Readable,
    config: Config,
    collectors: Collectors,
    extensions: Extensions,
    now: Callable[[], datetime] = times.now,
) -> Starlette:
    """Return the service. It begins to ask the store when its lifespan begins.

    ``collectors`` describe the tables of documents that do not themselves; ``extensions`` add
    endpoints. ``app.state.snapshots`` is what it knows. Nothing is contacted before that.
    """
    metrics, cluster = Metrics(), config[StoreOptions].cluster_name
    net = config[NetOptions]
    patience = net.connect_timeout_seconds + net.request_timeout_seconds
    snapshots = Snapshots(
        PatientStore(store, patience),
        config[ReaderOptions],
        cluster,
        metrics,
        collectors,
        extensions,
        now,
    )
    workshop = Workshop(Flights(budget(config[ReaderOptions].reader_answer_bytes)))
    changes = Changes(PatientStore(store, patience), snapshots, collectors, workshop, now)
    service = Service(snapshots, changes, workshop, now)
    hosts = Hosts(config[ReaderOptions].reader_hosts)
    files = assets.load("xpjob.reader")
    reader, tables = _Reader(service, extensions, files, metrics), Tables(service)
    pages, overview = Pages(service, files["/"]), Overview(service)
    everywhere, records = Everywhere(service, collectors), Records(service, extensions)
    usage = Usage(service, PatientStore(store, patience), orders(collectors))
    repeats = Repeats()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        workshop.start()
        snapshots.start()
        repeats.watch(_CAUSED_BY_CLIENTS)
        flushing = asyncio.create_task(_flush(repeats))
        yield
        flushing.cancel()
        repeats.flush(all_=True)
        workshop.stop()
        snapshots.stop()

    app = Starlette(
        routes=[
            Route("/", pages.home),
            *(Route(path, reader.asset) for path in files if path != "/"),
            Route("/tables", tables.list),
            Route("/tables/{key}", tables.rows),
            Route("/tables/{key}/summary", tables.summary),
            Route("/tables/{key}/trees", tables.trees),
            Route("/tables/{key}/diff", tables.diff),
            deep("/tables/{key}/rows/{id:path}", records.row),
            *(
                Route(path, endpoint)
                for extension in extensions
                for path, endpoint in extension.routes(service).items()
            ),
            Route("/version", reader.version),
            Route("/overview", overview.answer),
            Route("/teams/", pages.negotiated(everywhere.teams, everywhere.has)),
            Route("/teams/{name:path}", pages.negotiated(everywhere.team, everywhere.has)),
            Route("/search", pages.negotiated(everywhere.search)),
            Route("/findings", pages.negotiated(everywhere.findings)),
            Route("/changes", pages.negotiated(everywhere.changes)),
            Route("/runs", pages.negotiated(everywhere.runs)),
            Route("/usage", pages.negotiated(usage.report)),
            Route("/clusters", reader.clusters),
            Route("/schema.json", reader.schema),
            Route("/metrics", reader.metrics),
            Route("/metrics/inventory", reader.inventory),
            Route("/openapi.json", reader.openapi),
            Route("/healthz", reader.healthz),
            Route("/readyz", reader.readyz),
            # The last: what is nothing else is a table of the page.
            deep("/{table:path}", pages.table, include_in_schema=False),
        ],
        middleware=[
            Middleware(Front, metrics=metrics, hosts=hosts),
            *_access(config[AccessOptions]),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.snapshots, app.state.workshop = snapshots, workshop
    return app


async def _flush(repeats: Repeats) -> None:
    while True:
        await asyncio.sleep(repeated.SECONDS)
        repeats.flush()


def _access(options: AccessOptions) -> list[Middleware]:
    file = options.reader_token_file
    return [Middleware(Access, file=file)] if file else []


_CAUSED_BY_CLIENTS = (
    *("uvicorn.error", "asyncio", "xpjob.reader.middleware"),
    *("xpjob.reader.changes", "xpjob.reader.service", "xpjob.reader.usage", "xpjob.usage.gather"),
)
"""Loggers of what requests cause."""


class _Reader:
    """The endpoints. Each is one method, and one route above."""

    def __init__(
        self,
        service: Service,
        extensions: Extensions,
        files: Mapping[str, Asset],
        metrics: Metrics,
    ) -> None:
        self._service, self._extensions = service, extensions
        self._metrics, self._assets = metrics, files
        snapshots = service.snapshots
        metrics.watch(lambda: metric_facts(snapshots, extensions))

    async def clusters(self, request: Request) -> Response:
        """Answer with the clusters that there are, how fresh each is, and how its last run went."""
        self._service.params(request, parameters.NONE)
        whole = describe(self._service.snapshots, self._extensions, self._service.now())
        return await self._service.json(request, msgspec.json.encode(whole) + b"\n", {})

    async def version(self, request: Request) -> Response:
        """Answer with which snapshots are served, and which runs were the last."""
        self._service.params(request, parameters.NONE)
        body = msgspec.json.encode(version(self._service.snapshots)) + b"\n"
        return await self._service.json(request, body, {})

    async def schema(self, request: Request) -> Response:
        """Answer with the descriptions of all tables, and with what extensions add."""
        _, served = self._service.ask(request, parameters.ONLY_CLUSTER)
        views = [
            {
                "name": extension.name,
                "title": extension.title,
                "paths": list(extension.documented().paths),
            }
            for extension in self._extensions
        ]
        whole = {
            "tables": list(served.snapshot.tables.values()),
            "views": views,
            "reserved": sorted(parameters.RESERVED),
        }
        body = msgspec.json.encode(whole) + b"\n"
        return await self._service.json(request, body, served.headers)

    async def inventory(self, request: Request) -> Response:
        """Answer with the families that the job pushes; with none of them once it is stale."""
        _, served = self._service.ask(request, parameters.ONLY_CLUSTER)
        snapshot, headers = served.snapshot, {**_EXPOSITION, **served.headers}
        if served.freshness.old:
            return Answer(Body.of(_STALE_INVENTORY), {**headers, "Cache-Control": "no-cache"})
        live = b"".join(
            generate_latest(exposition.registry(each.live(served.view_of(each.name), served.now)))
            for each in self._extensions
        )
        return await answer(
            request,
            self._service.workshop,
            etag_of(snapshot.stamp.tag, "inventory", live),
            headers,
            lambda: snapshot.inventory(live),
            modified=None if live else snapshot.stamp.generated,
        )

    async def metrics(self, _request: Request) -> Response:
        """Answer with the reader's own metrics."""
        body = self._metrics.exposition()
        return Answer(Body.of(body), {**_EXPOSITION, "Cache-Control": "no-store"})

    async def openapi(self, request: Request) -> Response:
        """Answer with the OpenAPI document: of the tables that are served, and of the rest."""
        held = self._service.snapshots.clusters.values()
        tables = {
            key: table
            for item in held
            if item.snapshot
            for key, table in item.snapshot.tables.items()
        }
        name = etag_of("openapi", msgspec.json.encode(tables))
        others = (
            *(openapi_home.documented(), openapi_everywhere.documented()),
            usage_documented.DOCUMENTED,
        )
        body = await self._service.workshop.whole(
            name,
            lambda: msgspec.json.encode(
                openapi_document.document(tables, self._extensions, others)
            ),
        )
        headers = {"Content-Type": "application/json"}
        return await answer(
            request,
            self._service.workshop,
            etag_of(body),
            headers,
            lambda: Body.of(body),
        )

    async def asset(self, request: Request) -> Response:
        """Answer with a file of the page."""
        asset = self._assets[request.url.path]
        headers = {"Content-Type": asset.content_type}
        return await answer(
            request,
            self._service.workshop,
            asset.etag,
            headers,
            lambda: Body.of(asset.body),
        )

    async def healthz(self, _request: Request) -> Response:
        """Answer that the process is up."""
        return Answer(Body.of(b"ok\n"), _TEXT)

    async def readyz(self, _request: Request) -> Response:
        """Answer whether a first snapshot was loaded."""
        if self._service.snapshots.ready:
            return Answer(Body.of(b"ok\n"), _TEXT)
        return Answer(Body.of(b"not ready\n"), _TEXT, 503)
