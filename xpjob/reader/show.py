"""``xpjob show``: the newest snapshot on a terminal, from the store or from a reader's URL.

Both ways ask the same question: here through ``query.py``, there through its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import msgspec
import urllib3
from rich.console import Console
from rich.table import Table

from xpjob.base.errors import (
    BadAnswerError,
    NotFoundError,
    RefusedError,
    SettingsError,
    TransientError,
    XpjobError,
)
from xpjob.base.times import ago
from xpjob.collectors.crossplane.reader import rows
from xpjob.config import parsers, secrets
from xpjob.config.settings import Settings
from xpjob.net import http
from xpjob.net.http import Timeouts
from xpjob.reader import parameters, query, render
from xpjob.reader.parameters import QuestionError, one
from xpjob.reader.render import Shape
from xpjob.reader.table import View
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Snapshot
from xpjob.store.base import SNAPSHOT, key
from xpjob.store.open import open_reader_store
from xpjob.terminal.tables import plain

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer in the form that was asked for, and when its snapshot was taken ("" = unknown)."""

    body: bytes
    generated_at: str
    total: int


def newest(settings: Settings) -> View:
    """Return the newest snapshot in the store. Raises the store's errors."""
    store = open_reader_store(settings)
    name = key(settings, SNAPSHOT)
    stored = store.get(name)
    if stored is None:
        named = [cluster for cluster in store.clusters() if cluster]
        hint = f"; there are the clusters {', '.join(named)}: give --cluster-name" if named else ""
        raise NotFoundError(f"there is no snapshot at {store.where(name)} (yet){hint}")
    return View(documents.decode(stored.body, Snapshot, store.where(name)), stored.etag)


def from_store(settings: Settings, pairs: Pairs) -> Told:
    """Ask the newest snapshot in the store. Raises the store's errors and ``QuestionError``."""
    view = newest(settings)
    now = int(documents.now().timestamp())
    given = parameters.check(pairs, parameters.BOOKKEEPING)
    asked = query.question(view, given, now)
    selected = query.Selections().select(view, asked)
    page = query.page(view, asked, selected, 0, int(one(given, "limit", "0")))
    shape = Shape(one(given, "format", "json"), parameters.fields(given), now, stale=False)
    body = b"".join(render.document(view, page, shape).pieces)
    return Told(body, view.generated_at, page.total)


def from_url(settings: Settings, url: str, pairs: Pairs) -> Told:
    """Ask a reader. Raises ``TransientError``, or an ``XpjobError`` with the reader's words."""
    answer = ask(settings, url, "bookkeeping", pairs)
    headers = urllib3.HTTPHeaderDict(answer.headers)
    total = headers.get("Xpjob-Total", "")
    if not total.isdecimal():
        raise BadAnswerError(f"reading {url}: that is no xpjob reader; check --url")
    return Told(answer.body, headers.get("Xpjob-Generated-At", ""), int(total))


def ask(settings: Settings, url: str, path: str, pairs: Pairs) -> http.Response:
    """GET a path of a reader, with the token where there is one.

    Raises ``SettingsError`` for a URL that may not be asked, ``QuestionError`` for a question
    that the reader does not understand, and other ``XpjobError``s with its own words.
    """
    if settings.cluster_name:
        pairs = [*pairs, ("cluster", settings.cluster_name)]
    try:
        asked = f"{parsers.url(url)}/{path}?{urlencode(pairs)}"
    except ValueError as error:
        raise SettingsError([f"--url: {error}"]) from None
    headers = {}
    if settings.reader_token_file:
        if secrets.in_the_clear(url) and not settings.allow_insecure_credentials:
            raise SettingsError(
                [
                    f"--url: {url} is plain http, and the token would go over it; take https, or "
                    "set ALLOW_INSECURE_CREDENTIALS=true where the network is trusted"
                ]
            )
        headers["Authorization"] = f"Bearer {secrets.read_token(settings.reader_token_file)}"
    timeouts = Timeouts(settings.connect_timeout_seconds, settings.request_timeout_seconds)
    pool = http.pool("READER", settings.reader_ca_file)
    try:
        answer = http.request(pool, "GET", asked, headers=headers, timeouts=timeouts)
    except TransientError as error:
        hint = "check --url, and that xpjob serve runs there"
        raise TransientError(f"reading {asked}: {error}; {hint}") from error
    if answer.status != 200:
        raise _problem(answer)
    return answer


def _problem(answer: http.Response) -> XpjobError:
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.MsgspecError:
        return BadAnswerError(f"the reader answered {answer.status}: {answer.excerpt()}")
    detail, known = str(told.get("detail", answer.status)), told.get("known")
    if answer.status in (400, 404):
        facts = {"known": known} if isinstance(known, list) else None
        code = str(told.get("type", "")).rpartition(":")[2]
        return QuestionError(code, detail, status=answer.status, facts=facts)
    if answer.status in (401, 403):
        return RefusedError(f"the reader answered {answer.status}: {detail}; set READER_TOKEN_FILE")
    return XpjobError(f"the reader answered {answer.status}: {detail}")


def table(told: Told, console: Console, now: datetime) -> None:
    """Print NDJSON rows as a table, and what they are part of."""
    items = [msgspec.json.decode(line, type=dict[str, object]) for line in told.body.splitlines()]
    made = Table(title=_title(told, len(items), now), title_justify="left")
    for name in ("kind", "namespace", "name", "team", "composition"):
        made.add_column(name, overflow="fold")
    made.add_column("ready")
    made.add_column("not ready for", justify="right")
    made.add_column("why", overflow="fold")
    made.add_column("age", justify="right")
    for item in items:
        made.add_row(*_cells(item, now))
    console.print(made)


def _title(told: Told, shown: int, now: datetime) -> str:
    taken = rows.seconds(told.generated_at)
    age = f", as of {ago(int(now.timestamp()) - taken)} ago" if taken is not None else ""
    count = f"{shown} of {told.total}" if shown < told.total else str(shown)
    return f"{count} record{'s' if told.total != 1 else ''}{age}"


def _cells(item: dict[str, object], now: datetime) -> Iterator[str]:
    for name in ("kind", "namespace", "name", "team", "composition"):
        yield plain(item.get(name))
    yield "[green]yes[/]" if item.get("ready") else "[yellow]no[/]"
    since = rows.seconds(str(item.get("notReadySince")))
    yield ago(int(now.timestamp()) - since) if since is not None else ""
    yield "" if item.get("ready") else ": ".join(filter(None, _why(item)))
    age = item.get("ageSeconds")
    yield ago(age) if isinstance(age, int) else ""


def _why(item: dict[str, object]) -> tuple[str, str]:
    """Return reason and message; a controller's own error says more than "waiting"."""
    own = "" if item.get("synced") else item.get("syncedMessage")
    return plain(item.get("reason")), plain(own or item.get("message"))


def pairs_of(
    *,
    not_ready: bool,
    filters: Sequence[tuple[str, Sequence[str]]],
    limit: int | None,
    form: str,
) -> Pairs:
    """Return the parameters that the command's options stand for."""
    pairs = [(name, value) for name, values in filters for value in values]
    if not_ready:
        pairs += [("ready", "false"), ("sort", "-notReady")]
    if limit:
        pairs.append(("limit", str(limit)))
    return [*pairs, ("format", "ndjson" if form == "table" else form)]
