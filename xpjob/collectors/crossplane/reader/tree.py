"""One tree, from its root down, and what blocks it. No HTTP, no I/O.

``GET /bookkeeping/tree`` answers with it, the page shows it, ``xpjob explain`` prints it. The
nodes come depth first, each below its parent and what is in trouble before what is well.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from xpjob.collectors.crossplane.reader.blockers import Walk, named, say
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.reader.extension import Known
from xpjob.reader.parameters import Params, QueryError, one, shown, similar
from xpjob.reader.render import Json
from xpjob.reader.render import facts as facts_of

MAX_CHILDREN = 100
"""Children shown of one node; the answer has how many are left out."""
MAX_NODES = 1000
_MAX_BLOCKERS = 10
KEYS = (
    *("class", "group", "version", "resource", "kind", "namespace", "name", "uid"),
    *("ready", "readyStatus", "reason", "message", "synced", "syncedStatus", "syncedReason"),
    *("syncedMessage", "paused", "deleting", "notReadySince", "notSyncedSince", "deletingSince"),
    *("team", "creator", "composition", "provider", "providerConfig", "externalName", "composed"),
    *("xr", "deletedAt", "pausedSince", "carriedSince", "createdAt", "ageSeconds"),
)
"""What a node tells of its record, where its class has it."""


def tree(view: Bookkeeping, params: Params, now: int, *, stale: bool) -> Json:
    """Return the tree that a named record is part of. Times are RFC 3339.

    Raises ``QueryError``: 404 with what is near where there is no such record, 400 with all
    of them where several are called so.
    """
    wanted = find(view, params)
    top = view.family.top(wanted)
    walk = Walk(view, top)
    path = set(view.family.path(wanted))
    chosen, left_out = view.family.cut(top, walk.troubled, path, MAX_NODES, MAX_CHILDREN)
    place = {row: number for number, (row, _) in enumerate(chosen)}
    decode = msgspec.json.Decoder(dict[str, object]).decode

    def facts(row: int) -> Json:
        whole = decode(view.row(row, now))
        return {key: whole[key] for key in KEYS if key in whole}

    nodes: list[Json] = []
    blocking = set(walk.blockers)
    for row, depth in chosen:
        parent = view.family.parents[row]
        node: Json = {"depth": depth, "parent": place.get(parent), "asked": row == wanted}
        node |= {"blocks": row in blocking, "state": walk.state(row), **facts(row)}
        node["children"] = len(view.family.children(row))
        node["leftOut"] = left_out.get(row, 0)
        nodes.append(node)
    first = [facts(row) | {"state": walk.state(row)} for row in walk.blockers[:_MAX_BLOCKERS]]
    why = [{**blocker, "says": say(blocker)} for blocker in first]
    of_wanted = facts(wanted) | {"state": walk.state(wanted)}
    of_top = facts(top) | {"state": walk.state(top)}
    return {
        "sentence": walk.sentence(of_wanted, of_top, why, now),
        "blockers": [
            {key: each[key] for key in ("group", "kind", "namespace", "name", "state", "says")}
            for each in why
        ],
        "blockerCount": len(walk.blockers),
        "nodes": nodes,
        "total": len(walk.order),
        **facts_of(view.stamp, stale=stale),
    }


def known(view: Bookkeeping, row: int) -> Known:
    """Return what is the matter with a record as of the snapshot, and a command to look closer."""
    now = view.stamp.generated
    top = view.family.top(row)
    walk = Walk(view, top)
    decode = msgspec.json.Decoder(dict[str, object]).decode

    def facts(number: int) -> Json:
        return {**decode(view.row(number, now)), "state": walk.state(number)}

    blockers = [facts(each) for each in walk.blockers[:_MAX_BLOCKERS]]
    why = [{**each, "says": say(each)} for each in blockers]
    record = facts(row)
    command = ["kubectl", "describe", f"{record['resource']}.{record['group']}", record["name"]]
    if record["namespace"]:
        command += ["--namespace", record["namespace"]]
    return Known(
        sentence=walk.sentence(record, facts(top), why, now),
        # The sentence has the only one.
        notes=[f"{named(each)} {each['says']}" for each in why] if len(why) > 1 else [],
        command=shlex.join(map(str, command)),
    )


def find(view: Bookkeeping, params: Params) -> int:
    """Return the row of the one wanted record; a kind may also be named as its resource."""
    name = one(params, "name")
    found: Sequence[int] = _with_name(view, name)
    for parameter in ("class", "group", "namespace"):
        if parameter in params:
            value = one(params, parameter)
            found = [row for row in found if _value(view, parameter, row) == value]
    if kind := one(params, "kind").casefold():
        found = [row for row in found if kind in _kinds(view, row)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _nothing(view, params)
    raise QueryError(
        "ambiguous",
        f"there are {len(found)} records called {shown(name)}: say more of group, kind, "
        "namespace or class",
        facts={"known": [_path(view, row) for row in found[:100]], "knownCount": len(found)},
    )


def _with_name(view: Bookkeeping, name: str) -> list[int]:
    column = view.columns["name"]
    if (code := column.code(name)) is None:
        return []
    found: list[int] = []
    start = 0
    while True:
        try:
            start = column.codes.index(code, start) + 1
        except ValueError:
            return found
        found.append(start - 1)


def _value(view: Bookkeeping, name: str, row: int) -> str:
    column = view.columns[name]
    return column.values[column.codes[row]] or ""


def _kinds(view: Bookkeeping, row: int) -> tuple[str, str]:
    return _value(view, "kind", row).casefold(), _value(view, "resource", row)


def _path(view: Bookkeeping, row: int) -> str:
    kind = f"{_value(view, 'kind', row)}.{_value(view, 'group', row)}"
    return "/".join(filter(None, (kind, _value(view, "namespace", row), _value(view, "name", row))))


def _nothing(view: Bookkeeping, params: Params) -> QueryError:
    kind, name = one(params, "kind"), one(params, "name")
    named = "/".join(filter(None, (kind, one(params, "namespace"), name)))
    column = view.columns["name"]
    same = _with_name(view, name)[:3]
    known = [value for value in column.values if value]
    close = [value for value in known if name in value] if len(name) > 2 else []
    close = similar(name, [*close[:200], *known])
    near = same or [row for value in dict.fromkeys(close) for row in _with_name(view, value)[:1]]
    paths = [_path(view, row) for row in near]
    hint = (
        f"; did you mean {' or '.join(paths)}?"
        if paths
        else "; see which there are, or wait for the next run"
    )
    return QueryError(
        "no-such-record",
        f"there is no {shown(named)} in the snapshot of {view.stamp.generated_at}{hint}",
        status=404,
        facts={"known": paths},
    )
