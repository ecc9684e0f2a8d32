"""``/tables/{key}/rows/{id}``: the endpoint of one row."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from xpjob.collect.description import TableDescription
from xpjob.collect.tables import row_values
from xpjob.reader import parameters, record
from xpjob.reader.extension import Extensions, Known
from xpjob.reader.flights import UnavailableError
from xpjob.reader.ids import row_of
from xpjob.reader.pages import raw_segments
from xpjob.reader.parameters import QueryError, shown
from xpjob.reader.record import Around, Row
from xpjob.reader.render import TYPES
from xpjob.reader.responses import etag_of
from xpjob.reader.service import Served, Service
from xpjob.reader.table import View


class Records:
    """The endpoint."""

    def __init__(self, service: Service, extensions: Extensions) -> None:
        self._service, self._extensions = service, extensions

    async def row(self, request: Request) -> Response:
        """Answer with a row, what is the matter with it, and what hangs together with it."""
        _, served = self._service.ask(request, parameters.ONLY_CLUSTER)
        table = served.snapshot.describe(request.path_params["key"])
        row_id = "/".join(raw_segments(request)[3:])
        wanted = list(row_values(row_id))
        view = await self._service.view(served, table.key)
        prepared = served.snapshot.prepared.tables.get(table.key)
        number = row_of(table, view.rows, prepared.ids, wanted) if prepared else None
        if number is None:
            raise _absent(table, wanted, served)
        around = await self._around(served, table, number)
        findings = served.snapshot.head.findings

        def make() -> bytes:
            row = Row.of(around, table.key, number)
            known = self._known(served, table, number)
            made = record.document(row, around, findings, known, stale=served.stale)
            return msgspec.json.encode(made) + b"\n"

        etag = etag_of(view.tag, "row", wanted, served.stale)
        headers = {"Content-Type": TYPES["json"], **served.headers}
        return await self._service.whole(request, view.stamp.generated, etag, headers, make)

    def _known(self, served: Served, table: TableDescription, number: int) -> Known | None:
        for extension in self._extensions:
            if extension.name == table.collector:
                return extension.known(served.view_of(extension.name), table.key, number)
        return None

    async def _around(self, served: Served, table: TableDescription, number: int) -> Around:
        """Return the tables around a row; one that cannot be read is left out."""
        tables = served.snapshot.tables
        trees = served.snapshot.prepared.trees.get(table.collector)
        kin = trees.kin(table.key, number) if trees else ()
        views: dict[str, View] = {}
        for key in sorted(record.tables_around(table, tables, kin)):
            try:
                views[key] = await self._service.view(served, key)
            except UnavailableError as error:
                if error.code != "corrupt-table":
                    raise
        return Around(tables, views, trees)


def _absent(table: TableDescription, wanted: list[str], served: Served) -> QueryError:
    since, seen = served.snapshot.gone.find(table.key, wanted)
    stamp = served.snapshot.stamp
    return QueryError(
        "no-such-row",
        f"the table {table.key} has no row {shown('/'.join(wanted))} in the snapshot of "
        f"{stamp.generated_at}",
        status=404,
        facts={"code": "no-such-row", "goneSince": since, "lastSeenAt": seen},
    )
