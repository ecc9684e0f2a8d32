"""The endpoints of tables: ``/tables`` and what is below it. All derives from descriptions."""

from __future__ import annotations

from array import array

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from xpjob.reader import (
    across,
    changes_document,
    derived,
    described,
    loaded,
    parameters,
    query,
    render,
    summaries,
    troubled,
)
from xpjob.reader.parameters import Params, QueryError, one
from xpjob.reader.responses import answer, etag_of
from xpjob.reader.service import Served, Service, file_of, pairs
from xpjob.reader.table import View
from xpjob.snapshot.diff import diff

_TREES = 50
"""Trees of one page."""


class Tables:
    """The endpoints."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self, request: Request) -> Response:
        """Answer with the tables that there are, how many rows each has, and how fresh it is."""
        _, served = self._service.ask(request, parameters.ONLY_CLUSTER)
        snapshot = served.snapshot
        facts = render.facts(snapshot.stamp, stale=served.stale)
        body = msgspec.json.encode({"tables": loaded.describe_tables(snapshot), **facts}) + b"\n"
        return await self._service.json(request, body, served.headers)

    async def rows(self, request: Request) -> Response:
        """Answer with rows: all, or those that are wanted, page by page."""
        if ("cluster", across.ALL) in pairs(request):
            return await self._rows_of_all(request)
        params, served = self._ask(request, "")
        view = await self._view(request, served)
        known = served.snapshot.prepared.tables.get(request.path_params["key"])
        file = file_of(view.schema.file, view.stamp.cluster, view.stamp.generated_at)
        return await self._service.rows(
            request, params, view, served, known.facts if known else None, file
        )

    async def summary(self, request: Request) -> Response:
        """Answer with counts and sums of the rows that are wanted, by any of the dimensions."""
        params, served = self._ask(request, "summary")
        view = await self._view(request, served)
        return await self._service.summary(
            request,
            params,
            view,
            served,
            lambda rows, by, top, shape: render.groups(
                view, by, summaries.summary(view, rows, by), top, shape
            ),
        )

    async def trees(self, request: Request) -> Response:
        """Answer with the trees that the rows that are wanted are part of, those in trouble first.

        Each has its topmost row, which may be in another table, and the row that explains it.
        """
        params, served = self._ask(request, "trees")
        view, snapshot = await self._view(request, served), served.snapshot
        table = snapshot.tables[request.path_params["key"]]
        if derived.TREE not in view.schema.derived:
            text = f"rows of the table {table.key} name no parents"
            raise QueryError("no-trees", text, status=404)
        members = (each for each in snapshot.tables.values() if each.collector == table.collector)
        grown = snapshot.prepared.trees.get(table.collector)
        keys = grown.starts if grown else (table.key,)
        tops = {
            each.key: (each, await self._service.view(served, each.key))
            for each in members
            if each.key in keys
        }
        wanted, offset = query.resume(view, query.query(view, params, served.now), params)
        limit = int(one(params, "limit", str(_TREES)))

        def make() -> bytes:
            rows = self._service.selections.select(view, wanted)
            found = troubled.find(table, view, rows, grown)
            worst = array("I", (tree.worst for tree in found.trees))
            page = query.page(view, wanted, worst, offset, limit)
            shown = found.trees[offset : offset + len(page.rows)]
            return (
                msgspec.json.encode(
                    {
                        "trees": troubled.document(table, view, shown, tops, grown),
                        "total": page.total,
                        "troubled": found.troubled,
                        "rows": found.rows,
                        "continue": page.token,
                        **render.facts(view.stamp, stale=served.stale),
                    }
                )
                + b"\n"
            )

        return await self._service.whole(
            request,
            view.stamp.generated,
            etag_of(view.tag, "trees", sorted(params.items()), served.stale),
            {"Content-Type": render.TYPES["json"], **served.headers},
            make,
            lane="long" if wanted.searches else "facets",
        )

    async def diff(self, request: Request) -> Response:
        """Answer with what came, went and changed between two snapshots."""
        params, served = self._ask(request, "diff")
        key = request.path_params["key"]
        compared = await self._service.changes.between(
            served.snapshot, params, f"table {key}", lambda old, new: diff(old, new, key)
        )
        filters = described.schema_of(served.snapshot.tables[key]).filters
        return await self._service.whole(
            request,
            None,
            etag_of("diff", key, compared.tag, sorted(params.items())),
            {"Content-Type": render.TYPES["json"], **served.headers},
            lambda: changes_document.table_document(compared, filters, params),
            lane="long",
        )

    async def _rows_of_all(self, request: Request) -> Response:
        """Answer with rows of all clusters that have the table; there are no pages."""
        key = request.path_params["key"]
        every = [each for each in self._service.all_served() if key in each.snapshot.tables]
        first = (every or [self._service.served("")])[0]
        described_by = {key: first.snapshot.describe(key)}
        tables = across.described_together([described_by, *(e.snapshot.tables for e in every)])
        params = across.check(pairs(request), tables[key])
        parts = [
            across.Part(each.snapshot.tables[key], await self._view(request, each), each.stale)
            for each in every
        ]
        now = first.now
        found = await self._service.workshop.work(lambda: across.find(parts, params, now), "long")
        form = one(params, "format", "json")
        stale = any(part.stale for part in parts)
        headers = {
            "Content-Type": render.TYPES[form],
            "Xpjob-Stale": str(stale).lower(),
            "Xpjob-Total": str(found.total),
            "Xpjob-Generated-At": found.generated_at,
        }
        if form == "csv":
            file = file_of(key, "all", found.generated_at)
            headers["Content-Disposition"] = f'attachment; filename="{file}.csv"'
        tags = [(part.view.tag, part.stale) for part in parts]
        etag = etag_of("across", key, tags, sorted(params.items()))
        return await answer(
            request,
            self._service.workshop,
            etag,
            headers,
            lambda: found.body,
            tags=[part.view.tag for part in parts],
        )

    def _ask(self, request: Request, endpoint: str) -> tuple[Params, Served]:
        """Return the parameters, and the snapshot. Which parameters there are, that one says."""
        given = pairs(request)
        clusters = [value for name, value in given if name == "cluster"]
        served = self._service.served(clusters[0] if clusters else "")
        table = served.snapshot.describe(request.path_params["key"])
        known = described.questions(described.schema_of(table), table)[endpoint]
        return parameters.check(given, known), served

    async def _view(self, request: Request, served: Served) -> View:
        """Return the view of a table, made once for all who wait for it."""
        return await self._service.view(served, request.path_params["key"])
