"""What Crossplane adds to the reader: ``/bookkeeping`` and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response

from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.reader import (
    changes,
    findings,
    openapi,
    parameters,
    summary,
    tree,
    view,
)
from xpjob.collectors.crossplane.reader.explain import Explainer
from xpjob.collectors.crossplane.reader.listing import Listing
from xpjob.collectors.crossplane.reader.view import KEYS, NAME, Bookkeeping
from xpjob.reader import render
from xpjob.reader.changes_document import document
from xpjob.reader.extension import Documented, Endpoint, Known
from xpjob.reader.parameters import Parameter, Params, one
from xpjob.reader.render import Json
from xpjob.reader.responses import answer, etag_of
from xpjob.reader.service import Served, Service
from xpjob.snapshot.documents import RawSnapshot

_LISTS = {"claims": CLAIM, "xrs": COMPOSITE, "mrs": MANAGED}


class CrossplaneExtension:
    """Claims, XRs and MRs as the exporter served them, their trees, findings and changes."""

    name = NAME
    title = "Crossplane"
    listing = Listing()
    explainer = Explainer()
    view = staticmethod(view.make)

    def routes(self, service: Service) -> Mapping[str, Endpoint]:
        """Return the endpoints by path."""
        endpoints = _Endpoints(service)
        return {
            "/bookkeeping": endpoints.bookkeeping,
            "/bookkeeping/summary": endpoints.summary,
            "/bookkeeping/tree": endpoints.tree,
            "/bookkeeping/findings": endpoints.findings,
            "/bookkeeping/diff": endpoints.diff,
        }

    def documented(self) -> Documented:
        """Return what the OpenAPI document says of them."""
        return openapi.documented()

    def cluster(self, view: Bookkeeping | None) -> Json:
        """Return how many there are of each class, and how many of them are ready."""
        if view is None:
            return {key: {"total": 0, "ready": 0} for key in _LISTS}
        return {
            key: {"total": view.total[class_], "ready": view.ready[class_]}
            for key, class_ in _LISTS.items()
        }

    def records(self, view: Bookkeeping) -> Mapping[str, int]:
        """Return how many records there are of each class."""
        return view.total

    def live(self, view: Bookkeeping, now: int) -> Sequence[Metric]:
        """Return none: the ages that are pushed are those of the snapshot."""
        return ()

    def known(self, view: Bookkeeping, table: str, number: int) -> Known | None:
        """Return what blocks the tree of a record, and the command that shows more."""
        if table not in view.lists:
            return None
        return tree.known(view, sum(islice(view.lists.values(), KEYS.index(table))) + number)

    def tags(self, view: Bookkeeping) -> Sequence[str]:
        """Return the tag of the view."""
        return (view.tag,)

    def compare(self, old: RawSnapshot, new: RawSnapshot) -> changes.Diff:
        """Compare two snapshots."""
        return changes.compare(old, new)


class _Endpoints:
    def __init__(self, service: Service) -> None:
        self._service = service

    def _ask(
        self, request: Request, known: tuple[Parameter, ...]
    ) -> tuple[Params, Bookkeeping, Served]:
        params, served = self._service.ask(request, known)
        return params, served.view_of(NAME), served

    async def bookkeeping(self, request: Request) -> Response:
        """Answer with records: all, or those that are wanted, page by page."""
        params, view, served = self._ask(request, parameters.BOOKKEEPING)
        return await self._service.rows(request, params, view, served)

    async def summary(self, request: Request) -> Response:
        """Answer with counts of what is wanted, by any of the dimensions."""
        params, view, served = self._ask(request, parameters.SUMMARY)
        return await self._service.summary(
            request,
            params,
            view,
            served,
            lambda rows, by, top, shape: summary.document(view, rows, by, top, shape),
        )

    async def tree(self, request: Request) -> Response:
        """Answer with the tree that one record is part of, and what blocks it."""
        params, view, served = self._ask(request, parameters.TREE)
        now, stale = served.now, served.stale

        def make() -> bytes:
            return msgspec.json.encode(tree.tree(view, params, now, stale=stale)) + b"\n"

        etag = etag_of(view.tag, "tree", sorted(params.items()), stale, now)
        headers = {"Content-Type": render.TYPES["json"], **served.headers}
        return await self._service.whole(request, view.stamp.generated, etag, headers, make)

    async def findings(self, request: Request) -> Response:
        """Answer with what does not fit together."""
        params, view, served = self._ask(request, parameters.FINDINGS_QUERY)
        selected = await self._service.workshop.work(lambda: findings.select(view, params))
        form = one(params, "format", "json")
        headers = {"Content-Type": render.TYPES[form], **served.headers}
        headers["Xpjob-Total"] = str(selected.total)
        if form == "csv":
            headers["Content-Disposition"] = 'attachment; filename="findings.csv"'
        return await answer(
            request,
            self._service.workshop,
            etag_of(view.tag, "findings", sorted(params.items()), served.stale),
            headers,
            lambda: findings.document(view, params, selected, stale=served.stale),
            modified=view.stamp.generated,
        )

    async def diff(self, request: Request) -> Response:
        """Answer with what came, went and changed state between two snapshots."""
        params, _, served = self._ask(request, parameters.DIFF)
        compared = await self._service.changes.between(
            served.snapshot, params, NAME, changes.compare
        )
        diff = compared.lists
        return await self._service.whole(
            request,
            None,
            etag_of("diff", compared.tag, sorted(params.items())),
            {"Content-Type": render.TYPES["json"], **served.headers},
            lambda: document(compared, changes.select(diff, params), diff.unknown, params),
            lane="long",
        )
