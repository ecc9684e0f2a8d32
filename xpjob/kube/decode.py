"""Decode JSON of the API into structs: whole pages, or object by object if one is invalid.

Tenants control much of an object's content, and aggregated API services much of a discovery
document's: invalid content must not affect anything else. See ``mend`` for its handling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, ValidationError

from xpjob.kube.lists import Page
from xpjob.kube.mend import UNREADABLE, Lost, mend
from xpjob.kube.objects import ListMetadata
from xpjob.kube.salvage import cut_deep, take_apart

S = TypeVar("S", bound=Struct)


class _RawMetadata(Struct):
    """``ListMetadata`` with an estimate of any type; the token must be valid."""

    continue_: str | None = msgspec.field(name="continue", default=None)
    remaining: Raw = msgspec.field(name="remainingItemCount", default=Raw(b"0"))


class _RawList(Struct):
    """A page of any objects. ``items`` is required: without it this is not a list."""

    items: list[Raw] | None
    metadata: _RawMetadata | None = None


_raw_page = msgspec.json.Decoder(_RawList)


def decoder(wire: type[S]) -> Callable[[bytes], Page[S]]:
    """Return a function that decodes a page of objects; ``wire`` has the fields to read.

    Values of the wrong type are dropped from an object; an object that cannot be read at all is
    skipped and counted. The function raises one of ``UNREADABLE`` if the body is not a complete
    list.
    """
    whole = _of_lists(wire)

    def decode(body: bytes) -> Page[S]:
        try:
            page = whole.decode(body)
        except UNREADABLE:
            return _one_by_one(body, wire)
        metadata = page.metadata or ListMetadata()
        token, remaining = metadata.continue_ or "", metadata.remaining or 0
        return Page(page.items or [], 0, token, max(remaining, 0))

    return decode


@cache
def _of_lists(wire: Any) -> msgspec.json.Decoder[Any]:
    items, metadata = ("items", list[wire] | None), ("metadata", ListMetadata | None, None)
    return msgspec.json.Decoder(msgspec.defstruct(f"{wire.__name__}List", [items, metadata]))


def document(body: bytes, wire: type[S]) -> tuple[S, Lost]:
    """Decode one document; return it with the values that were dropped.

    Raises one of ``UNREADABLE`` if it is a different document.
    """
    with suppress(*UNREADABLE):
        return msgspec.json.decode(body, type=wire), Lost()
    lost = Lost()
    return mend(cut_deep(body), wire, lost), lost


def _one_by_one(body: bytes, wire: type[S]) -> Page[S]:
    one = msgspec.json.Decoder(wire)
    raw, rest = _taken_apart(body)
    good = []
    for item in raw:
        with suppress(*UNREADABLE):
            good.append(_object(item, one, wire))
    metadata = rest.metadata or _RawMetadata()
    remaining = 0
    with suppress(*UNREADABLE):
        remaining = max(0, msgspec.json.decode(metadata.remaining, type=int))
    return Page(good, len(raw) - len(good), metadata.continue_ or "", remaining)


def _object(raw: Raw | bytes, one: msgspec.json.Decoder[S], wire: type[S]) -> S:
    with suppress(*UNREADABLE):
        return one.decode(raw)
    return mend(cut_deep(bytes(raw)), wire, Lost())


def _taken_apart(body: bytes) -> tuple[Sequence[Raw | bytes], _RawList]:
    try:
        page = _raw_page.decode(body)
        return page.items or [], page
    except ValidationError:
        raise
    except UNREADABLE:
        items, rest = take_apart(body)
    page = _raw_page.decode(cut_deep(rest))
    if page.items:
        raise msgspec.DecodeError("duplicate key 'items'")
    return items, page
