"""The view of a table, made of its rows and its description alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from xpjob.collect.description import LATENESS, NUMBERS, SUMMED, Column, TableDescription
from xpjob.reader import derived, parameters
from xpjob.reader.columns import read
from xpjob.reader.packed import Encoded
from xpjob.reader.parameters import Parameter
from xpjob.reader.table import Column as Codes
from xpjob.reader.table import Order, Schema, Stamp, View
from xpjob.reader.trees import Trees, grow

ROWS = "rows"
"""The key under which a JSON answer has the rows."""
_FLAGS = ("true", "false", "")
"""Values of a flag; the empty one is unknown."""
_CLUSTERS = replace(
    parameters.CLUSTER,
    help="Cluster, where there are several (see /clusters); * for all, whose rows then have it.",
)
_WITHOUT_WILDCARDS = NUMBERS | {"flag", "time"}


def schema_of(table: TableDescription) -> Schema:
    """Return how a table can be queried."""
    columns = {column.name: column for column in table.columns}
    open_filters = frozenset(table.unchecked or ())
    added = derived.filters(table)
    filters = (
        *(
            _filter(columns[name], unchecked=name in open_filters)
            for name in table.filters
            if name in columns
        ),
        *added,
    )
    default = (table.sort.removeprefix("-"), table.sort.startswith("-"))
    return Schema(
        file=table.key,
        filters=filters,
        search=tuple(name for name in table.search if name in columns),
        sorts={name: Order(name) for name in columns},
        fields=tuple(columns),
        dimensions={each.name: each.reads for each in filters},
        sums=tuple(c.name for c in table.columns if c.type in SUMMED),
        default=(default,) if default[0] in columns else (),
        derived=tuple(each.name for each in added),
    )


def view_of(
    table: TableDescription, rows: Encoded, stamp: Stamp, trees: Trees | None = None
) -> View:
    """Return the view of a table. Raises ``MsgspecError`` for rows that are not objects."""
    return with_trees(table, outline_of(table, rows, stamp), trees)


def with_trees(table: TableDescription, view: View, trees: Trees | None) -> View:
    """Return the view of a table, with the column of its trees."""
    if derived.TREE not in view.schema.derived:
        return view
    # Without trees, as where a table of the collector cannot be read, each row is its own.
    found = trees or grow([table], {table.key: view.rows})
    if found is None:
        return view
    return replace(view, columns={**view.columns, derived.TREE: found.column(table, view.rows)})


def outline_of(
    table: TableDescription, rows: Encoded, stamp: Stamp, also: Sequence[str] = ()
) -> View:
    """Return the view of a table without trees.

    It has the columns of ``also``, too, if the table has them.
    """
    schema = schema_of(table)
    kinds = {column.name: column.type for column in table.columns}
    texts, moments = derived.needed(table)
    coded = [each.reads for each in schema.filters if each.reads not in schema.derived]
    columns = read(
        rows,
        list(dict.fromkeys((*coded, *schema.search, *texts, *(kinds.keys() & {*also})))),
        [name for name, kind in kinds.items() if kind in NUMBERS],
        list(dict.fromkeys((*(name for name, kind in kinds.items() if kind == "time"), *moments))),
    )
    made: dict[str, Codes] = {}
    if LATENESS in schema.derived:
        made[LATENESS] = derived.lateness(table, columns, stamp.generated)
    tag = hashlib.blake2b(f"{stamp.tag}\n{table.key}".encode(), digest_size=8).hexdigest()
    return View(
        stamp=replace(stamp, tag=tag),
        schema=schema,
        rows=rows,
        lists={ROWS: len(rows)},
        columns={**columns.texts, **made},
        numbers=columns.numbers,
        times=columns.times,
    )


def questions(schema: Schema, table: TableDescription) -> Mapping[str, tuple[Parameter, ...]]:
    """Return the parameters of a table's endpoints, by the last part of their path."""
    search = _search(table)
    selection = (*schema.filters, search) if table.search else schema.filters
    by = ", ".join(schema.dimensions)
    rows = (
        *selection,
        replace(
            parameters.SORT,
            help=f"Order, with - for descending, comma-separated: {', '.join(schema.sorts)}.",
            example=f"-{table.sort.removeprefix('-')}" if table.sort else "",
        ),
        *(parameters.LIMIT, parameters.CONTINUE),
        replace(parameters.FIELDS, example=",".join(schema.fields[:2])),
        *(parameters.FORMAT, _CLUSTERS),
        replace(parameters.FACETS, example=",".join(list(schema.dimensions)[:2])),
        parameters.FACET_LIMIT,
    )
    summary = (
        *selection,
        replace(
            parameters.BY,
            help=f"What to count by, comma-separated: {by}.",
            example=",".join(list(schema.dimensions)[:1]),
        ),
        *(parameters.TOP, parameters.FORMAT, parameters.CLUSTER),
    )
    # What is gone may be the last of its kind, so any value may be asked for.
    diff = (
        *parameters.MOMENTS,
        *(each for each in schema.filters if each.name not in schema.derived),
        *(parameters.MAX_CHANGES, parameters.CLUSTER),
    )
    trees = (
        *selection,
        replace(parameters.LIMIT, help="Trees of one page; 50."),
        *(parameters.CONTINUE, parameters.CLUSTER),
    )
    return {"": rows, "summary": summary, "trees": trees, "diff": diff}


def _search(table: TableDescription) -> Parameter:
    return replace(parameters.Q, help=f"Text to look for in: {', '.join(table.search)}.")


def _filter(column: Column, *, unchecked: bool) -> Parameter:
    name = column.name
    if name in parameters.RESERVED:
        name = f"column.{name}"
    return Parameter(
        name,
        column.help or f"{column.title or column.name}.",
        _FLAGS if column.type == "flag" else (),
        repeatable=True,
        column=column.name,
        wildcard=column.type not in _WITHOUT_WILDCARDS,
        unchecked=unchecked,
    )
