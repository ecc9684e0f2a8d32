"""The newest snapshot for a terminal, from the store or from a reader's URL.

Both ways answer the same query: here through ``query.py``, there through its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import msgspec
import urllib3

from xpjob.base import times
from xpjob.base.errors import (
    NotFoundError,
)
from xpjob.collect.contract import Collectors
from xpjob.collect.description import Column, TableDescription
from xpjob.config.option import Config
from xpjob.reader import across, described, loading, parameters, query, render
from xpjob.reader.client import Pairs, ask, decode, document_of, not_a_reader
from xpjob.reader.extension import Extension, Extensions
from xpjob.reader.loaded import Loaded
from xpjob.reader.parameters import Parameter, QueryError, one, unknown
from xpjob.reader.render import Json, Shape
from xpjob.reader.table import View
from xpjob.store.base import SNAPSHOT, key_of
from xpjob.store.open import open_reader_store
from xpjob.store.options import StoreOptions


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the form that is wanted, and when its snapshot was taken ("" = unknown).

    ``carried_since`` is when its rows were taken, if they are kept because their collector failed.
    """

    body: bytes
    generated_at: str
    total: int
    carried_since: str = ""

    def carried(self, since: Iterable[str]) -> Answer:
        """Return it with the oldest of these times, each empty for none, if rows are of then."""
        oldest = min(filter(None, since), default="")
        older = oldest and not (self.generated_at and self.generated_at < oldest)
        return replace(self, carried_since=oldest) if older else self

    def age(self, now: int) -> str:
        """Return of when the rows are, as the end of a sentence; empty where that is unknown."""
        taken = times.read(self.carried_since or self.generated_at)
        if taken is None:
            return ""
        kept = ", when its collector was last well" if self.carried_since else ""
        return f", as of {times.ago(now - int(taken.timestamp()))} ago{kept}"


class Source:
    """Where the newest snapshot is read: the store, or a reader where there is a ``url``."""

    def __init__(
        self, config: Config, url: str | None, collectors: Collectors, extensions: Extensions
    ) -> None:
        self.config, self.url = config, url
        self.collectors, self._extensions = collectors, extensions

    def listing(self, extension: Extension, pairs: Pairs) -> Answer:
        """Return the rows of an extension's default listing.

        Raises the store's or the reader's errors and ``QueryError``.
        """
        listing = extension.listing
        if listing is None:
            raise AssertionError(f"{extension.name} lists nothing")
        if self.url:
            return _from_reader(self.config, self.url, listing.path, pairs)
        view = listing.view(self.newest().view_of(extension.name))
        return _from_view(view, listing.parameters, pairs)

    def explained(self, extension: Extension, target: str) -> Json:
        """Return what an extension says of one object. Raises ``NotFoundError``, and as above."""
        explainer = extension.explainer
        if explainer is None:
            raise AssertionError(f"{extension.name} explains nothing")
        pairs = explainer.pairs(target)
        try:
            if self.url:
                answer = ask(self.config, self.url, explainer.path, pairs)
                return document_of(answer.body, ("generatedAt",), self.url)
            made = self.newest().view_of(extension.name)
            return explainer.explain(made, pairs, int(times.now().timestamp()))
        except QueryError as error:
            if error.status == 404:
                raise NotFoundError(str(error)) from error
            raise

    def table(self, key: str, pairs: Pairs) -> tuple[TableDescription, Answer]:
        """Return the description of a table, and its rows. Raises as ``listing``."""
        if self.url:
            schema = decode(ask(self.config, self.url, "schema.json", ()).body, Tables, self.url)
            tables = {table.key: table for table in schema.tables}
            if key not in tables:
                raise unknown("table", key, tables)
            path = f"tables/{quote(key, safe='')}"
            answer = _from_reader(self.config, self.url, path, pairs)
            return tables[key], answer.carried([self._carried(key, ())])
        snapshot = self.newest()
        if key not in snapshot.tables:
            raise unknown("table", key, snapshot.tables)
        table = snapshot.tables[key]
        view = snapshot.table(key)
        answer = _from_view(view, described.questions(view.schema, table)[""], pairs)
        return table, answer.carried([_carried(snapshot, key)])

    def table_of_all(self, key: str, pairs: Pairs) -> tuple[TableDescription, Answer]:
        """Return the rows of a table in all clusters, with a column for the cluster."""
        if self.url:
            schema = decode(
                ask(self.config, self.url, "clusters", (), cluster=False).body,
                _Clusters,
                self.url,
            )
            named = next((each.name for each in schema.clusters if key in each.tables), None)
            if named is None:
                raise unknown("table", key, {key for c in schema.clusters for key in c.tables})
            described_by = ask(
                self.config, self.url, "schema.json", (("cluster", named),), cluster=False
            )
            tables = {t.key: t for t in decode(described_by.body, Tables, self.url).tables}
            path = f"tables/{quote(key, safe='')}"
            asked = (*pairs, ("cluster", across.ALL))
            answer = _from_reader(self.config, self.url, path, asked, cluster=False)
            having = [each.name for each in schema.clusters if key in each.tables]
            since = [self._carried(key, (("cluster", name),)) for name in having]
            return _with_cluster(tables[key]), answer.carried(since)
        snapshots = [self.newest(name) for name in open_reader_store(self.config).clusters()]
        tables = across.described_together(each.tables for each in snapshots)
        if key not in tables:
            raise unknown("table", key, tables)
        parts = [
            across.Part(each.tables[key], each.table(key), stale=False)
            for each in snapshots
            if key in each.tables
        ]
        params = across.check(pairs, tables[key])
        found = across.find(parts, params, int(times.now().timestamp()))
        answer = Answer(b"".join(found.body.pieces), found.generated_at, found.total)
        since = [_carried(each, key) for each in snapshots if key in each.tables]
        return _with_cluster(tables[key]), answer.carried(since)

    def _carried(self, key: str, cluster: Pairs) -> str:
        """Return since when the rows of a table are kept, as a reader says it; "" if they are not.

        Without ``cluster`` of the configured one.
        """
        url = self.url or ""
        answer = ask(self.config, url, "tables", cluster, cluster=not cluster)
        tables = decode(answer.body, _Index, url).tables
        return next((each.carried_since for each in tables if each.key == key), "")

    def newest(self, cluster: str | None = None) -> Loaded:
        """Return the newest snapshot in the store. Raises the store's errors."""
        store = open_reader_store(self.config)
        own = self.config[StoreOptions].cluster_name if cluster is None else cluster
        name = key_of(own, SNAPSHOT)
        stored = store.get(name)
        if stored is None:
            named = [cluster for cluster in store.clusters() if cluster]
            clusters = ", ".join(named)
            hint = f"; there are the clusters {clusters}: give --cluster-name" if named else ""
            raise NotFoundError(f"there is no snapshot at {store.where(name)} (yet){hint}")
        where = store.where(name)
        raw = loading.read(stored.body, where, self.collectors)
        makers = {extension.name: extension.view for extension in self._extensions}
        return Loaded(loading.contents(raw, stored.etag, where, makers, views=False))


class Tables(msgspec.Struct):
    """The part of ``/schema.json`` that is read."""

    tables: list[TableDescription]


class _Listed(msgspec.Struct, rename="camel"):
    key: str
    carried_since: str = ""


class _Index(msgspec.Struct):
    """The part of ``/tables`` that is read."""

    tables: list[_Listed]


class _Cluster(msgspec.Struct):
    name: str
    tables: dict[str, int]


class _Clusters(msgspec.Struct):
    """The part of ``/clusters`` that is read."""

    clusters: list[_Cluster]


def _carried(snapshot: Loaded, key: str) -> str:
    name = snapshot.tables[key].collector
    outcomes = snapshot.head.collectors or ()
    return next((each.carried_since for each in outcomes if each.collector == name), "")


def _from_view(view: View, known: Sequence[Parameter], pairs: Pairs) -> Answer:
    now = int(times.now().timestamp())
    params = parameters.check(pairs, known)
    wanted = query.query(view, params, now)
    rows = query.Selections().select(view, wanted)
    page = query.page(view, wanted, rows, 0, int(one(params, "limit", "0")))
    fields = parameters.names(params, "fields", view.schema.fields)
    shape = Shape(one(params, "format", "json"), fields, now, stale=False)
    body = b"".join(render.document(view, page, shape).pieces)
    return Answer(body, view.stamp.generated_at, page.total)


def _with_cluster(table: TableDescription) -> TableDescription:
    column = Column(across.COLUMN, title="Cluster")
    return msgspec.structs.replace(
        table, columns=(column, *table.columns), shown=(across.COLUMN, *table.shown)
    )


def _from_reader(
    config: Config, url: str, path: str, pairs: Pairs, *, cluster: bool = True
) -> Answer:
    answer = ask(config, url, path, pairs, cluster=cluster)
    headers = urllib3.HTTPHeaderDict(answer.headers)
    total = headers.get("Xpjob-Total", "")
    if not total.isdecimal():
        raise not_a_reader(url)
    return Answer(answer.body, headers.get("Xpjob-Generated-At", ""), int(total))
