"""Count the objects of a list, with one request where the server knows their number."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from xpjob.base.errors import BadAnswerError
from xpjob.kube.api import Api
from xpjob.kube.decode import decoder
from xpjob.kube.lists import ListKey, read_pages
from xpjob.kube.mend import UNREADABLE


class _Anything(Struct, gc=False):
    """Nothing of an object is read."""


def count(api: Api, key: ListKey, *, page_size: int) -> int:
    """Return the number of objects of a list, unreadable ones too.

    A page of one object tells how many follow it. The server leaves that out where selectors
    apply, and other servers than kube-apiserver mostly do; then all pages are requested.
    Raises the errors of ``Api.get``, and ``BadAnswerError``.
    """
    decode = decoder(_Anything)
    if not (key.label_selector or key.field_selector):
        path = key.path()
        body = api.get(path, {"limit": 1}, accept=key.accept).body
        try:
            page = decode(body)
        except UNREADABLE as error:
            raise BadAnswerError(
                f"GET {path}: the answer is not a list of objects ({error})"
            ) from error
        here = len(page.items) + page.malformed
        if not page.continue_token:
            return here
        if page.remaining:
            return here + page.remaining
    listing = read_pages(api, key, decode, lambda: _ignore, page_size=page_size)
    return listing.objects + listing.malformed


def _ignore(_objects: Sequence[_Anything]) -> None:
    """Ignore the objects of a page."""
