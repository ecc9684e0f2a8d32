"""One row: what is the matter with it, what hangs together with it, and what happened when."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from xpjob.base.times import ago
from xpjob.collect.description import LATENESS, TableDescription
from xpjob.collect.findings import Finding
from xpjob.net import deadline
from xpjob.reader import derived, entries, gathering
from xpjob.reader.extension import Known
from xpjob.reader.render import REF_KEYS, Json, facts
from xpjob.reader.table import UNKNOWN, View, seconds_of, text_of
from xpjob.reader.trees import Trees, is_of_objects

MAX_NODES = 500


@dataclass(frozen=True, slots=True)
class Around:
    """The tables of a snapshot whose views there are, and the trees of the row's collector."""

    tables: Mapping[str, TableDescription]
    views: Mapping[str, View]
    trees: Trees | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, by its number."""

    table: TableDescription
    number: int
    values: Json

    @classmethod
    def of(cls, around: Around, key: str, number: int) -> Row:
        """Decode a row."""
        values: Json = msgspec.json.decode(around.views[key].row(number, 0))
        return cls(around.tables[key], number, values)

    @property
    def id(self) -> str:
        """Return its id."""
        return entries.id_of(self.table, self.values)

    def text(self, name: str) -> str:
        """Return the text of a column."""
        return text_of(self.values.get(name))


def document(
    row: Row, around: Around, findings: list[Finding], known: Known | None, *, stale: bool
) -> Json:
    """Return the answer about a row. Raises ``DeadlineError``."""
    table, view = row.table, around.views[row.table.key]
    known = known or Known()
    tree, count = _tree(row, around)
    usual = derived.usual_seconds(table.usual, row.text(table.usual.by)) if table.since else None
    return {
        "table": table.key,
        "id": row.id,
        "title": entries.title_of(table, row.values),
        "row": row.values,
        "lateness": _derived(view, LATENESS, row.number),
        "usualSeconds": usual,
        "sentence": known.sentence or sentence(row, view.stamp.generated),
        "command": known.command or command(row),
        "notes": known.notes,
        "tree": tree,
        "treeCount": count,
        "links": list(_links(row, around)),
        "referrers": list(_referrers(row, around)),
        "findings": [each for each in findings if _is_about(each, row)],
        "history": _history(row),
        **facts(view.stamp, stale=stale),
    }


def sentence(row: Row, now: int) -> str:
    """Return what is the matter with a row, from its description alone."""
    table = row.table
    kind, namespace, name = gathering.naming(table, row.values)
    begin = " ".join(filter(None, (kind, "/".join(filter(None, (namespace, name))))))
    if not table.ok and not table.since:
        return ""
    ok = entries.ok_of(table, row.values)
    column = table.column(table.ok)
    word = (column.title or column.name).lower() if column else "ok"
    if ok is None and table.ok:
        return f"Whether {begin} is {word} is not known."
    since = seconds_of(row.values.get(table.since))
    span = "" if since == UNKNOWN else f" for {ago(now - since)}"
    why = "" if ok else " ".join(entries.why_of(table, row.values).split()).rstrip(".")
    if not table.ok:
        said = f"is listed{span}" if span else "is listed"
    else:
        said = f"is {word}" if ok else f"is not {word}{span}"
    return f"{begin} {said}: {why}." if why else f"{begin} {said}."


def command(row: Row) -> str:
    """Return the command that shows the object of a row; empty where it is none."""
    if not is_of_objects(row.table) or not row.text("kind") or not row.text("name"):
        return ""
    resource = ".".join(filter(None, (row.text("kind"), row.text("group"))))
    words = ["kubectl", "describe", resource, row.text("name")]
    if row.text("namespace"):
        words += ["--namespace", row.text("namespace")]
    return shlex.join(words)


def tables_around(
    row: TableDescription, tables: Mapping[str, TableDescription], kin: Collection[str]
) -> set[str]:
    """Return the tables in which there may be something about a row; ``kin`` are in its tree."""
    linked = {link.table for link in row.links} & tables.keys()
    linking = {
        key for key, table in tables.items() if any(link.table == row.key for link in table.links)
    }
    named = {
        key
        for key, table in tables.items()
        if table.collector == row.collector and is_of_objects(table)
    }
    has_refs = any(column.type == "ref" for column in row.columns)
    return {row.key, *linked, *linking, *kin, *(named if has_refs else ())}


def _derived(view: View, name: str, number: int) -> str:
    column = view.columns.get(name) if name in view.schema.derived else None
    return (column.values[column.codes[number]] or "") if column else ""


def _tree(row: Row, around: Around) -> tuple[list[Json], int]:
    trees = around.trees
    if trees is None or row.table.key not in trees.starts:
        return [], 0
    wanted = trees.number(row.table.key, row.number)
    top = trees.tops[wanted]
    every = trees.forest.below(top)
    deadline.check()
    if len(every) == 1 or any(key not in around.views for key in trees.starts):
        return [], 0
    troubled: set[int] = set()
    for number in reversed(every):
        if number in troubled or _is_bad(trees, around, number):
            troubled |= {number, trees.forest.parents[number]}
    path = set(trees.forest.path(wanted))
    chosen, _ = trees.forest.cut(top, troubled.__contains__, path, MAX_NODES - 1, MAX_NODES)
    return [_node(trees, around, number, depth, wanted) for number, depth in chosen], len(every)


def _is_bad(trees: Trees, around: Around, number: int) -> bool:
    key, row = trees.place(number)
    column = around.views[key].columns.get(around.tables[key].ok)
    return column is not None and column.values[column.codes[row]] == "false"


def _node(trees: Trees, around: Around, number: int, depth: int, wanted: int) -> Json:
    key, place = trees.place(number)
    row = Row.of(around, key, place)
    ok = entries.ok_of(row.table, row.values)
    return {
        "table": key,
        "id": row.id,
        "depth": depth,
        "title": entries.title_of(row.table, row.values),
        "kind": row.text(entries.KIND),
        "ok": ok,
        "state": row.text(state_column(row.table)),
        "why": "" if ok else entries.why_of(row.table, row.values),
        "since": "" if ok else row.text(row.table.since),
        "current": number == wanted,
    }


def state_column(table: TableDescription) -> str:
    """Return the first column with a state that is shown; empty where there is none."""
    columns = filter(None, map(table.column, table.shown))
    return next((column.name for column in columns if column.type == "state"), "")


def _links(row: Row, around: Around) -> Iterator[Json]:
    """Yield what a row refers to, if it is in the snapshot."""
    for link in row.table.links:
        view, text = around.views.get(link.table), row.text(link.column)
        if view is None or not text:
            continue
        found = _rows(view, link.to, text)
        if len(found) == 1:
            target = Row.of(around, link.table, found[0])
            yield _link(row, link.column, link.table, target.id, text)
    for column in row.table.columns:
        value = row.values.get(column.name)
        if column.type == "ref" and isinstance(value, dict):
            for key, number in _objects(row, around, value):
                target = Row.of(around, key, number)
                named = (value.get("namespace"), value.get("name"))
                name = "/".join(filter(None, map(text_of, named)))
                text = f"{text_of(value.get('kind'))} {name}".strip()
                yield _link(row, column.name, key, target.id, text)


def _link(row: Row, column: str, table: str, row_: str, text: str) -> Json:
    named = row.table.column(column)
    title = named.title if named and named.title else column
    return {"title": title, "table": table, "id": row_, "text": text}


def _objects(row: Row, around: Around, ref: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """Yield the row of the object that a reference names: none or one."""
    wanted = [text_of(ref.get(name)) for name in REF_KEYS]
    for key, view in around.views.items():
        table = around.tables[key]
        if table.collector == row.table.collector and is_of_objects(table):
            for number in _rows(view, "name", wanted[-1]):
                if [Row.of(around, key, number).text(name) for name in REF_KEYS] == wanted:
                    yield key, number
                    return


def _referrers(row: Row, around: Around) -> Iterator[Json]:
    """Yield the tables with rows that refer to this one, and how many do."""
    for key, view in around.views.items():
        table = around.tables[key]
        filters = {each.reads: each.name for each in view.schema.filters}
        for link in table.links:
            text = row.text(link.to)
            if link.table == row.table.key and link.column in filters and text:
                count = len(_rows(view, link.column, text))
                if count:
                    yield {
                        "title": table.title,
                        "table": key,
                        "filters": {filters[link.column]: [text]},
                        "rows": count,
                    }


def _rows(view: View, name: str, text: str) -> list[int]:
    column = view.column(name)
    if (wanted := column.code(text)) is None:
        return []
    return [number for number, code in enumerate(column.codes) if code == wanted]


def _is_about(finding: Finding, row: Row) -> bool:
    if finding.table:
        return (finding.table, finding.row) == (row.table.key, row.id)
    about = (finding.group, finding.kind, finding.namespace, finding.name)
    if finding.collector not in ("", row.table.collector) or not is_of_objects(row.table):
        return False
    return list(about) == [row.text(name) for name in REF_KEYS]


def _history(row: Row) -> list[Json]:
    """Return what happened when: each time of a row, the oldest first."""
    found = [
        (seconds_of(row.values.get(column.name)), column)
        for column in row.table.columns
        if column.type == "time"
    ]
    known = sorted((each for each in found if each[0] != UNKNOWN), key=lambda each: each[0])
    return [
        {"at": row.values[column.name], "text": column.title or column.name} for _, column in known
    ]
