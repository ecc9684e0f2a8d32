"""List objects page by page.

``limit`` and ``continue`` bound the memory, with limits that fit the bytes of the pages (see
``pages``). The next page may be requested before this one is processed (see ``ahead``).
When a continue token has expired (410) the list restarts and earlier pages are discarded, so the
result is always one consistent list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, GoneError
from xpjob.kube.ahead import Pages
from xpjob.kube.api import Api
from xpjob.kube.gvr import Gvr
from xpjob.kube.mend import UNREADABLE
from xpjob.kube.pages import PageSizes
from xpjob.kube.salvage import cut_deep
from xpjob.net.bodies import AnswerTooLargeError
from xpjob.net.clock import date_of

T = TypeVar("T")

MAX_RESTARTS = 3
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class ListKey(Struct, frozen=True):
    """Identity of a list: a resource, a namespace or all, and selectors.

    ``metadata_only``: the server leaves out ``spec`` and ``status`` of the objects.
    """

    gvr: Gvr
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        within = f" in {self.namespace}" if self.namespace else ""
        selectors = ", ".join(filter(None, (self.label_selector, self.field_selector)))
        return f"{self.gvr}{within}" + (f" ({selectors})" if selectors else "")

    def path(self) -> str:
        """Return the path of the request."""
        return self.gvr.path(self.namespace)

    def query(self) -> dict[str, str]:
        """Return the query parameters that are the same for all pages."""
        selectors = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in selectors.items() if value}

    @property
    def accept(self) -> str:
        """Return the ``Accept`` header of the requests."""
        return _METADATA if self.metadata_only else "application/json"

    @property
    def whole(self) -> ListKey:
        """Return the list of all objects of the resource."""
        return ListKey(self.gvr, metadata_only=self.metadata_only)

    def covering(self) -> Sequence[ListKey]:
        """Return the lists that have all objects of this one: those of all objects, and itself.

        Lists of whole objects also have their metadata, and come first.
        """
        keys = [self.whole, self]
        if self.metadata_only:
            keys = [replace(key, metadata_only=False) for key in keys] + keys
        return tuple(dict.fromkeys(keys))


class Page(Struct, Generic[T]):
    """A decoded page: its items, the number of unreadable ones, and the continue token.

    ``remaining`` is the server's estimate of the number of objects after this page.
    """

    items: list[T]
    malformed: int
    continue_token: str
    remaining: int = 0


class Moment(NamedTuple):
    """The time of a list in epoch seconds: that of its first page, of which all pages are.

    It is by the server's clock, which also makes creation times, and by the own one if the server
    does not tell. ``ahead``: seconds that the own clock was ahead.
    """

    at: int
    ahead: int = 0

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Moment:
        """Return the time of an answer that has just arrived."""
        own = times.now().timestamp()
        date = date_of(headers)
        at = int(date.timestamp() if date else own)
        return cls(at, round(own - at))


NEVER = Moment(0)


class Listing(Struct):
    """Statistics of a complete list. ``bytes`` includes restarts; the rest is of the last attempt.

    ``objects`` counts readable objects, ``malformed`` unreadable ones. ``moment`` is its time.
    """

    objects: int = 0
    malformed: int = 0
    pages: int = 0
    restarts: int = 0
    bytes: int = 0
    moment: Moment = NEVER


class WholeList(Listing, Generic[T]):
    """A complete list with its objects."""

    items: list[T] = []


def _ignore(_listed: int, _total: int) -> None:
    """Ignore the progress."""


def read_pages(
    api: Api,
    key: ListKey,
    decode: Callable[[bytes], Page[T]],
    restart: Callable[[], Callable[[Sequence[T]], None]],
    *,
    page_size: int,
    on_page: Callable[[int, int], None] = _ignore,
) -> Listing:
    """List objects, and pass each page to a sink, one after the other.

    ``decode`` turns a page's bytes into objects (see ``decode.decoder``). ``restart`` returns the
    sink of the pages: it is called at the start, and again when the list restarts; earlier sinks
    must be discarded, as must the last one when this raises. ``on_page`` is called with the number
    of objects so far and the estimated total.
    Raises the errors of ``Api.get``, ``BadAnswerError`` for a page that is not a list or a repeated
    continue token, and the errors of the sink.
    """
    path = key.path()
    sizes = PageSizes(page_size, api.budget, path)
    pages = Pages(api, key, sizes)
    listing, take = Listing(), restart()
    token = ""
    seen: set[str] = set()
    try:
        while True:
            with pages.page(token) as page:
                try:
                    body = page.body()
                except AnswerTooLargeError:
                    sizes.too_large()
                    continue
                except GoneError:
                    if not token or listing.restarts == MAX_RESTARTS:
                        raise
                    listing = Listing(restarts=listing.restarts + 1, bytes=listing.bytes)
                    take = restart()
                    token = ""
                    seen.clear()
                    continue
                if not token:
                    listing.moment = Moment.of(page.headers)
                pages.ask_ahead(page, body)
                size = len(body)
                with api.budget.turn:
                    made = _decoded(decode, body, path)
                    take(made.items)
                    count = len(made.items)
                    # Not kept in memory while the next page is read.
                    made.items, body = [], b""
                listing.malformed += made.malformed + page.passed_over
                sizes.read(count + made.malformed, size)
            listing.objects += count
            listing.pages += 1
            listing.bytes += size
            on_page(listing.objects, listing.objects + made.remaining)
            if not made.continue_token:
                return listing
            token = made.continue_token
            if token in seen:
                raise BadAnswerError(f"GET {path}: the server sent the same continue token twice")
            seen.add(token)
    finally:
        pages.close()
        sizes.log()


def list_all(
    api: Api,
    key: ListKey,
    decode: Callable[[bytes], Page[T]],
    *,
    page_size: int,
    on_page: Callable[[int, int], None] = _ignore,
) -> WholeList[T]:
    """Return all objects of a small list. See ``read_pages``."""
    items: list[T] = []

    def restart() -> Callable[[Sequence[T]], None]:
        items.clear()
        return items.extend

    listing = read_pages(api, key, decode, restart, page_size=page_size, on_page=on_page)
    return WholeList(**asdict(listing), items=items)


def _decoded(decode: Callable[[bytes], Page[T]], body: bytes, path: str) -> Page[T]:
    try:
        try:
            return decode(body)
        except RecursionError:
            return decode(cut_deep(body))
    except UNREADABLE as error:
        raise BadAnswerError(
            f"GET {path}: the answer is not a list of objects ({error})"
        ) from error
