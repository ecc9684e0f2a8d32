"""One list, page by page.

``limit`` and ``continue`` keep memory flat. Each page is handed on before the next is asked for.
A continue token that has expired (410) starts the list anew, so that the result is always one
whole list: what came before the restart is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from xpjob.base.errors import BadAnswerError, GoneError
from xpjob.kube.api import Api

T = TypeVar("T")

MAX_RESTARTS = 3


@dataclass(slots=True)
class Page(Generic[T]):
    """What a decoder made of one page: its items, what it could not read, and what comes next.

    ``remaining`` is the server's own estimate of how many objects come after this page.
    """

    items: list[T]
    malformed: int
    continue_token: str
    remaining: int = 0


@dataclass(slots=True)
class Listing(Generic[T]):
    """A whole list, and what it took to get it."""

    items: list[T] = field(default_factory=list)
    malformed: int = 0
    pages: int = 0
    restarts: int = 0
    bytes: int = 0


def list_all(
    api: Api,
    path: str,
    decode: Callable[[bytes], Page[T]],
    *,
    page_size: int,
    selector: str = "",
    on_page: Callable[[int, int], None] = lambda _listed, _total: None,
) -> Listing[T]:
    """List everything under ``path``.

    ``decode`` turns a page's bytes into records; ``on_page`` hears how many there are so far,
    and how many there will be.
    Raises the errors of ``Api.get``, and ``BadAnswerError`` for a page that is no list or a
    server that goes in circles.
    """
    listing: Listing[T] = Listing()
    query: dict[str, str | int] = {"limit": page_size}
    if selector:
        query["labelSelector"] = selector
    token = ""
    seen: set[str] = set()
    while True:
        try:
            body = api.get(
                path, query | ({"continue": token} if token else {}), accept="application/json"
            ).body
        except GoneError:
            if not token or listing.restarts == MAX_RESTARTS:
                raise
            listing = Listing(restarts=listing.restarts + 1, bytes=listing.bytes)
            token = ""
            seen.clear()
            continue
        page = _decoded(decode, body, path)
        listing.items += page.items
        listing.malformed += page.malformed
        listing.pages += 1
        listing.bytes += len(body)
        on_page(len(listing.items), len(listing.items) + page.remaining)
        if not page.continue_token:
            return listing
        token = page.continue_token
        if token in seen:
            raise BadAnswerError(f"GET {path}: the server gave the same continue token twice")
        seen.add(token)


def _decoded(decode: Callable[[bytes], Page[T]], body: bytes, path: str) -> Page[T]:
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswerError(f"GET {path}: the answer is no list of objects ({error})") from error
    except RecursionError as error:
        raise BadAnswerError(
            f"GET {path}: an object on this page is nested too deep to be read; find and mend it"
        ) from error
