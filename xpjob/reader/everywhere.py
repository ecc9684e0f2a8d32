"""The endpoints over all tables: teams, search, findings, changes and runs."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from xpjob.collect.contract import Collectors
from xpjob.collect.tables import row_values
from xpjob.reader import across, changed, described, findings, parameters, render, runs
from xpjob.reader import search as searching
from xpjob.reader import team as one_team
from xpjob.reader import teams as all_teams
from xpjob.reader.changes_document import Compared
from xpjob.reader.clusters import pick
from xpjob.reader.parameters import Parameter, Params, QueryError, one
from xpjob.reader.render import Json
from xpjob.reader.responses import etag_of
from xpjob.reader.service import Served, Service, file_of, pairs
from xpjob.snapshot.diff import Side

_CLUSTERS = replace(parameters.CLUSTER, help=f"{parameters.CLUSTER.help.rstrip('.')}, * for all.")
TEAMS = (
    Parameter("name", "Team to answer with, instead of all; empty for what has none."),
    replace(parameters.Q, help="Words that occur in the name."),
    replace(parameters.LIMIT, help="Teams, at most; 1000."),
    _CLUSTERS,
)
TEAM = (_CLUSTERS,)
SEARCH = (
    replace(
        parameters.Q,
        help="Text to look for: what is called so, and rows in which every word occurs.",
        required=True,
        example="payments",
    ),
    _CLUSTERS,
)
CHANGES = (
    *parameters.MOMENTS,
    Parameter("team", "Only what is this team's; empty for what has none."),
    replace(parameters.MAX_CHANGES, help="Changes of each table that are listed, at most; 100."),
    parameters.CLUSTER,
)
RUNS = (
    replace(parameters.LIMIT, help="Lists, at most; 1000. What failed comes first."),
    parameters.CLUSTER,
)
_MOMENTS = tuple(each.name for each in parameters.MOMENTS)
_SLOW_SECONDS, _LASTS = 1.0, 20
"""A comparison of all tables that is slow is good for so many times the seconds that it took."""
_HELD = 4
_SCHEMA = described.schema_of(findings.TABLE)
FINDINGS = described.questions(_SCHEMA, findings.TABLE)[""]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The snapshots that a request is about: one, or those of all clusters."""

    every: Sequence[Served]
    cluster: str

    @property
    def tags(self) -> list[tuple[str, bool]]:
        """Return what an answer depends on."""
        return [(each.snapshot.stamp.tag, each.stale) for each in self.every]

    @property
    def stale(self) -> bool:
        """Tell whether one of them is."""
        return any(each.stale for each in self.every)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of an answer in JSON."""
        named = {"Content-Type": render.TYPES["json"]}
        if self.cluster == across.ALL:
            return {**named, "Xpjob-Stale": str(self.stale).lower()}
        return {**named, **self.every[0].headers}

    def facts(self) -> Json:
        """Return the members that say which snapshots an answer is of."""
        stamps = [(each.snapshot.stamp, each.stale) for each in self.every]
        return across.facts(stamps, self.cluster)


class Everywhere:
    """The endpoints. ``collectors`` are those that there could be in a snapshot."""

    def __init__(self, service: Service, collectors: Collectors) -> None:
        self._service, self._collectors = service, collectors
        self._lasting: OrderedDict[tuple[str, ...], Compared[changed.Everything]] = OrderedDict()

    async def teams(self, request: Request) -> Response:
        """Answer with all teams, or with the one whose ``name`` is given."""
        if name_in(request):  # a route ends before a line feed at the end
            return await self.team(request)
        params = self._service.params(request, TEAMS)
        if "name" in params:
            if further := params.keys() - {"name", "cluster"}:
                raise QueryError("bad-value", f"{min(further)}: goes without name")
            return await self._team(request, one(params, "name"), params)
        asked = self._asked(params)
        counted = [each.snapshot.prepared.teams for each in asked.every]
        limit = int(one(params, "limit", str(parameters.MAX_LIMIT)))
        words = one(params, "q").split()

        def make() -> bytes:
            tables = across.described_together(each.snapshot.tables for each in asked.every)
            made = all_teams.document(all_teams.merged(counted), tables, words, limit)
            return _encoded({**made, **asked.facts()})

        return await self._whole(request, asked, "teams", params, make)

    async def team(self, request: Request) -> Response:
        """Answer with one team, whose name is in the path as the id of a row is."""
        params = self._service.params(request, TEAM)
        return await self._team(request, name_in(request), params)

    def has(self, request: Request) -> bool:
        """Tell whether there is the team that a request names, for the status of its page."""
        given = dict(pairs(request))
        name = name_in(request) or given.get("name")
        if name is None:
            return True
        try:
            asked = self._asked({"cluster": (given.get("cluster", ""),)})
        except (QueryError, HTTPException):
            return True  # the page says what is wrong with the question
        return any(name in each.snapshot.prepared.teams.names for each in asked.every)

    async def search(self, request: Request) -> Response:
        """Answer with what is called so, and what has these words, in all tables."""
        params = self._service.params(request, SEARCH)
        text = one(params, "q").strip()
        if not text:
            raise QueryError("missing-parameter", "q is needed, and not empty")
        asked = self._asked(params)
        parts = [
            searching.Part(table, await self._service.view(each, key))
            for each in asked.every
            for key, table in each.snapshot.tables.items()
            if key in each.snapshot.prepared.tables  # the overview says which cannot be read
        ]
        names = {
            each.snapshot.stamp.cluster: each.snapshot.prepared.teams.names for each in asked.every
        }

        def make() -> bytes:
            found = searching.find(parts, text, self._service.selections)
            return _encoded(
                {"q": text, **searching.with_teams(found, names, text), **asked.facts()}
            )

        return await self._whole(request, asked, "search", params, make, long=True)

    async def findings(self, request: Request) -> Response:
        """Answer with findings of all collectors, as with rows of a table."""
        params, served = self._service.ask(request, FINDINGS)
        if one(params, "format", "json") == "json":
            params = {parameters.FACETS.name: (",".join(_SCHEMA.dimensions),), **params}
        view = await self._service.prepared(served, "findings", served.snapshot.findings)
        file = file_of(_SCHEMA.file, view.stamp.cluster, view.stamp.generated_at)
        return await self._service.rows(request, params, view, served, file=file)

    async def changes(self, request: Request) -> Response:
        """Answer with what changed in all tables between two snapshots."""
        params, served = self._service.ask(request, CHANGES)
        compared = await self._compared(served, params)
        team = params["team"][0] if "team" in params else None
        limit = int(one(params, "limit", "100"))

        def make() -> bytes:
            sides = {"from": Side.of(compared.old), "to": Side.of(compared.new)}
            made = changed.document(compared.lists, team, limit)
            return _encoded({"cluster": compared.new.cluster, **sides, **made})

        return await self._service.whole(
            request,
            None,
            etag_of("changes", compared.tag, sorted(params.items())),
            {"Content-Type": render.TYPES["json"], **served.headers},
            make,
            lane="long",
        )

    async def _compared(self, served: Served, params: Params) -> Compared[changed.Everything]:
        """Return what changed, which may be until a snapshot before the one that is served.

        A slow comparison lasts: a page that asks with each snapshot must not take all the time.
        """
        key = (served.snapshot.stamp.cluster, *(one(params, name) for name in _MOMENTS))
        held = self._lasting.get(key)
        if held and time.monotonic() - held.made < _LASTS * held.seconds:
            return held
        made = await self._service.changes.between(
            served.snapshot, params, "everything", changed.compare
        )
        self._lasting.pop(key, None)
        if made.seconds > _SLOW_SECONDS:
            self._lasting[key] = made
            while len(self._lasting) > _HELD:
                self._lasting.popitem(last=False)
        return made

    async def runs(self, request: Request) -> Response:
        """Answer with how the last run went, also before there is a snapshot."""
        params = self._service.params(request, RUNS)
        snapshots = self._service.snapshots
        held = pick(snapshots, one(params, "cluster"))
        limit = int(one(params, "limit", str(parameters.MAX_LIMIT)))
        freshness = snapshots.freshness(held)
        whole = {
            **runs.document(held.snapshot, held.report, limit),
            "stale": freshness.stale,
            "staleReasons": freshness.reasons,
            "cluster": held.snapshot.stamp.cluster if held.snapshot else one(params, "cluster"),
        }
        return await self._service.json(request, _encoded(whole), {})

    async def _team(self, request: Request, name: str, params: Params) -> Response:
        asked = self._asked(params)
        views = [
            {key: await self._service.view(each, key) for key in one_team.tables_of(each.snapshot)}
            for each in asked.every
        ]
        counted = [each.snapshot.prepared.teams for each in asked.every]
        one_team.check(name, counted)

        def make() -> bytes:
            parts = [
                one_team.Part(each.snapshot, of)
                for each, of in zip(asked.every, views, strict=True)
            ]
            made = one_team.document(name, parts, self._collectors)
            return _encoded({**made, **asked.facts()})

        return await self._whole(request, asked, f"team {name}", params, make)

    def _asked(self, params: Params) -> _Asked:
        cluster = one(params, "cluster")
        if cluster == across.ALL and (every := self._service.all_served()):
            return _Asked(every, across.ALL)
        served = self._service.served("" if cluster == across.ALL else cluster)
        return _Asked([served], served.snapshot.stamp.cluster)

    async def _whole(
        self,
        request: Request,
        asked: _Asked,
        name: str,
        params: Params,
        make: Callable[[], bytes],
        *,
        long: bool = False,
    ) -> Response:
        return await self._service.whole(
            request,
            None,
            etag_of(name, asked.tags, sorted(params.items())),
            asked.headers,
            make,
            lane="long" if long else "short",
        )


def name_in(request: Request) -> str:
    """Return the name of a team in a path. It may have slashes, which are percent-encoded.

    ``~`` precedes a name that a path cannot hold, as in the id of a row.
    """
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    part = path.decode("latin-1").partition("?")[0].partition("/teams/")[2]
    return "/".join(row_values(part))


def _encoded(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(document) + b"\n"
