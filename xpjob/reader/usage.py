"""``/usage``: who had how much, for how long, from the daily files and the newest snapshots.

The files of closed days never change, so they are held, folded to the dimensions that were asked
for. One report is made at a time, within its own deadline.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from xpjob.base.errors import XpjobError
from xpjob.reader import render
from xpjob.reader.cells import harmless
from xpjob.reader.clusters import default
from xpjob.reader.flights import UnavailableError
from xpjob.reader.parameters import Params, QueryError, one, unknown
from xpjob.reader.patience import PatientStore
from xpjob.reader.render import Body, Json
from xpjob.reader.responses import answer, etag_of
from xpjob.reader.service import Service
from xpjob.reader.table import give_back_memory
from xpjob.reader.usage_documented import PARAMETERS
from xpjob.snapshot.documents import USAGE
from xpjob.usage import asked, current, document
from xpjob.usage.columns import DEFAULT_CLUSTER
from xpjob.usage.errors import NoUsageError, QuestionError
from xpjob.usage.files import FileKey
from xpjob.usage.fold import Folded
from xpjob.usage.gather import Current, gather, read_file
from xpjob.usage.question import Question
from xpjob.usage.report import report

MAX_DAYS = 400
"""Days of clusters that one report is made of."""
_SECONDS = 30.0
"""Time for one report, the store's answers included."""
_HELD = 60_000
"""Keys that are held of files: some 40 MB."""

_log = logging.getLogger(__name__)


class Usage:
    """The endpoint. ``orders`` are the classes that are counted by default."""

    def __init__(self, service: Service, store: PatientStore, orders: Collection[str]) -> None:
        self._service, self._store, self._orders = service, store, orders
        self._held: OrderedDict[tuple[FileKey, tuple[str, ...]], Folded] = OrderedDict()
        self._lock = threading.Lock()

    async def report(self, request: Request) -> Response:
        """Answer with a report, as JSON or CSV."""
        params = self._service.params(request, PARAMETERS)
        form = one(params, "format", "json")
        try:
            question = asked.question(self._values(params), self._service.now(), self._orders)
            body = await self._service.workshop.once(
                f"usage {sorted(params.items())}",
                lambda: self._made(question, form),
                lane="usage",
                seconds=_SECONDS,
            )
        except QuestionError as error:
            raise _query_error(error) from error
        except NoUsageError as error:
            raise QueryError("no-usage", str(error), status=404) from error
        except (QueryError, UnavailableError):
            raise
        except XpjobError as error:
            _log.warning("usage could not be read", extra={"error": str(error)})
            text = "the store does not give the usage files; the reader's log says more"
            raise UnavailableError("store-away", text, 30) from error
        headers = {"Content-Type": render.TYPES[form]}
        if form == "csv":
            headers["Content-Disposition"] = 'attachment; filename="usage.csv"'
        return await answer(
            request, self._service.workshop, etag_of(body), headers, lambda: Body.of(body)
        )

    def _values(self, params: Params) -> Params:
        """Return the parameters with the cluster that is meant. Raises ``QueryError``."""
        served, own = self._service.snapshots.clusters, self._service.snapshots.cluster
        names = [name for name in params.get("cluster", ()) if name]
        if own:
            for name in names:
                if name not in (own, asked.ALL):
                    raise unknown("cluster", name, [own])
            names = [own]
        if not names:
            names = [default(served, own) or DEFAULT_CLUSTER]
            if names == [DEFAULT_CLUSTER] and len(served) > 1 and "" not in served:
                raise QueryError(
                    "cluster-needed",
                    "there are several clusters; name one with cluster=, or all with cluster=*",
                    facts={"known": sorted(served)},
                )
        return {**params, "cluster": tuple(names)}

    def _made(self, question: Question, form: str) -> bytes:
        today = self._service.now().date()
        read = partial(self._read, question.read)
        gathered = gather(
            self._store, question, (), self._current(), today, read=read, most=MAX_DAYS
        )
        made = report(gathered)
        body = document.as_json(made) if form == "json" else document.as_csv(made, harmless)
        del gathered, made
        give_back_memory()
        return body

    def _current(self) -> list[Current]:
        """Return the usage in the snapshots that are served."""
        found = []
        for name, held in sorted(self._service.snapshots.clusters.items()):
            for raw in held.snapshot.raw.rows(USAGE) if held.snapshot else ():
                taken = held.snapshot.head.generated_at if held.snapshot else ""
                found.append(current.of_raw(name, taken, raw))
        return [each for each in found if each]

    def _read(self, dimensions: tuple[str, ...], key: FileKey) -> Folded:
        """Return a file, folded; several are read at the same time."""
        name = (key, dimensions)
        with self._lock:
            if (folded := self._held.get(name)) is not None:
                self._held.move_to_end(name)
                return folded
        folded = read_file(self._store, dimensions, key)
        with self._lock:
            self._held[name] = folded
            while len(self._held) > 1 and sum(f.size for f in self._held.values()) > _HELD:
                self._held.popitem(last=False)
        return folded


def _query_error(error: QuestionError) -> QueryError:
    facts: Json = {"parameter": error.parameter}
    if error.known:
        facts["known"] = list(error.known)
    return QueryError("unknown-value" if error.known else "bad-value", str(error), facts=facts)
