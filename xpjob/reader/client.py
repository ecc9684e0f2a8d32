"""Ask a reader by its URL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from xpjob.base.errors import (
    BadAnswerError,
    RefusedError,
    SettingsError,
    TransientError,
    UntrustedError,
    XpjobError,
)
from xpjob.config import parsers, secrets
from xpjob.config.option import Config
from xpjob.net import http, response
from xpjob.net.bodies import whole
from xpjob.net.http import Timeouts
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions
from xpjob.reader.parameters import QueryError
from xpjob.store.base import MAX_DOCUMENT
from xpjob.store.options import StoreOptions

Pairs = Sequence[tuple[str, str]]
_TRUST = "correct its certificate, or set READER_CA_FILE to the CA that issued it"


def decode(body: bytes, kind: Any, url: str) -> Any:
    """Return the body of a reader's answer. Raises ``BadAnswerError`` for any other."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise not_a_reader(url) from error


def document_of(body: bytes, keys: Collection[str], url: str) -> dict[str, Any]:
    """Return a reader's document, which has these keys. Raises ``BadAnswerError`` for any other."""
    found: dict[str, Any] = decode(body, dict[str, Any], url)
    if not found.keys() >= set(keys):
        raise not_a_reader(url)
    return found


def not_a_reader(url: str) -> BadAnswerError:
    """Return the error for an answer of something else."""
    return BadAnswerError(f"reading {url}: this is not an xpjob reader; check --url")


def ask(
    config: Config, url: str, path: str, pairs: Pairs, *, cluster: bool = True
) -> response.Response:
    """GET a path of a reader, with the token where there is one, for the configured ``cluster``.

    Raises ``SettingsError`` for a URL that may not be asked, ``QueryError`` for a query
    that the reader does not understand, and other ``XpjobError``s with its own words.
    """
    access, net = config[AccessOptions], config[NetOptions]
    name = config[StoreOptions].cluster_name
    if cluster and name:
        pairs = [*pairs, ("cluster", name)]
    try:
        address = f"{parsers.url(url)}/{path}?{urlencode(pairs)}"
    except ValueError as error:
        raise SettingsError([f"--url: {error}"]) from None
    headers = {}
    if access.reader_token_file:
        if secrets.in_the_clear(url) and not net.allow_insecure_credentials:
            raise SettingsError(
                [
                    f"--url: {url} is plain http, and the token would go over it; take https, or "
                    "set ALLOW_INSECURE_CREDENTIALS=true where the network is trusted"
                ]
            )
        headers["Authorization"] = f"Bearer {secrets.read_token(access.reader_token_file)}"
    timeouts = Timeouts(net.connect_timeout_seconds, net.request_timeout_seconds)
    pool = http.pool("READER", access.reader_ca_file)
    try:
        answer = http.request(
            pool, "GET", address, headers=headers, timeouts=timeouts, into=whole(MAX_DOCUMENT)
        )
    except TransientError as error:
        untrusted = isinstance(error, UntrustedError)
        hint = _TRUST if untrusted else "check --url, and that xpjob serve runs there"
        raise TransientError(f"reading {address}: {error}; {hint}") from error
    if answer.status != 200:
        raise _problem(answer)
    return answer


def _problem(answer: response.Response) -> XpjobError:
    try:
        document = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.MsgspecError:
        return BadAnswerError(f"the reader answered {answer.status}: {answer.excerpt()}")
    detail = answer.conceal(str(document.get("detail", answer.status)))
    known = document.get("known")
    if answer.status in (400, 404):
        shown = [answer.conceal(str(each)) for each in known] if isinstance(known, list) else None
        facts = None if shown is None else {"known": shown}
        code = str(document.get("type", "")).rpartition(":")[2]
        return QueryError(code, detail, status=answer.status, facts=facts)
    if answer.status in (401, 403):
        return RefusedError(f"the reader answered {answer.status}: {detail}; set READER_TOKEN_FILE")
    return XpjobError(f"the reader answered {answer.status}: {detail}")
