"""Request the pages of a list, and the next one before the current one is used.

The server then works on the next page while this one is unpacked, decoded and used. That takes the
continue token, which is often known early (see ``early``). At most one page is requested ahead, and
only while fewer requests are in flight than lists may be requested at a time, and while there is
memory for another page like the last one. If that turns out to be too little, what is ahead waits
for what is in use.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xpjob.base.errors import XpjobError
from xpjob.kube import early
from xpjob.kube.api import Api
from xpjob.kube.pages import PageBody, PageSizes
from xpjob.net.threads import begin

if TYPE_CHECKING:
    from xpjob.kube.lists import ListKey


class Page:
    """One page that is requested. Its memory is held until it is closed."""

    def __init__(self, pages: Pages, token: str, limit: int) -> None:
        self.token, self.limit = token, limit
        self.next = ""
        """The token of the next page, if the start of this one has it."""
        self.headers: Mapping[str, str] = {}
        """The headers of the answer, once it is complete."""
        self._pages = pages
        self._bodies: list[PageBody] = []
        self._lock = threading.Lock()
        self._ahead = self._closed = False
        self._wait: Callable[[], bytes] | None = None

    def request(self) -> None:
        """Request it in a thread. A lane has been taken for it."""
        self._ahead = True
        self._wait = begin(self._get)

    def body(self) -> bytes:
        """Return its bytes. Raises the errors of ``Api.get``."""
        if self._wait is None:
            self._pages.api.lanes.take()
            return self._get()
        with self._lock:
            self._ahead = False
            for body in self._bodies:
                body.wanted()
        return self._wait()

    @property
    def passed_over(self) -> int:
        """Return how many objects it lacks because they are too large: 0 or 1."""
        return int(self._bodies[-1].skimmed)

    def close(self) -> None:
        """Give its memory back, and give up a request in flight."""
        with self._lock:
            self._closed = True
            bodies, self._bodies = self._bodies, []
        for body in bodies:
            body.close()

    def _get(self) -> bytes:
        api, key = self._pages.api, self._pages.key
        query: dict[str, str | int] = {"limit": self.limit, **key.query()}
        if self.token:
            query["continue"] = self.token
        try:
            answer = api.get(key.path(), query, accept=key.accept, into=self._made)
            self.headers = answer.headers
            return answer.body
        finally:
            api.lanes.leave()

    def _made(self) -> PageBody:
        with self._lock:
            if self._closed:
                raise XpjobError("the request was given up")
            budget = self._pages.api.budget
            self._bodies.append(PageBody(budget, self.limit, self._started, ahead=self._ahead))
            return self._bodies[-1]

    def _started(self, token: str) -> None:
        """Take the token that the start of the answer has."""
        self.next = token
        if self._pages.sizes.steady:  # else this answer may be too large, and given up
            sizes = self._pages.sizes
            self._pages.ask_for(token, sizes.limit, sizes.last)


class Pages:
    """The pages of one list, each requested once."""

    def __init__(self, api: Api, key: ListKey, sizes: PageSizes) -> None:
        self.api, self.key, self.sizes = api, key, sizes
        self._context = contextvars.copy_context()  # carries the deadline
        self._lock = threading.Lock()
        self._ahead: Page | None = None
        self._tokens: set[str] = set()
        self._closed = False

    @contextmanager
    def page(self, token: str) -> Iterator[Page]:
        """Hold a page, which may have been requested already, until the block ends."""
        with self._lock:
            if not token:
                self._tokens.clear()
            self._tokens.add(token)
            page, self._ahead = self._ahead, None
        if page is not None and page.token != token:
            page.close()
            page = None
        if page is None:
            page = Page(self, token, self.sizes.limit)
        try:
            yield page
        finally:
            page.close()

    def ask_ahead(self, page: Page, body: bytes) -> None:
        """Request the page behind one that is complete, if its token can be had."""
        if token := page.next or early.at_end(body):
            self.ask_for(token, self.sizes.behind(page.limit, len(body)), len(body))

    def ask_for(self, token: str, limit: int, size: int) -> None:
        """Request the page of a token, expected to have this size, unless that was done.

        Nor if enough requests are in flight, or there is no memory for it.
        """
        with self._lock:
            if self._closed or self._ahead or token in self._tokens:
                return
            if not self.api.budget.has_room(size):
                return
            if not self.api.lanes.take(only_if_free=True):
                return
            self._ahead = Page(self, token, limit)
            self._context.copy().run(self._ahead.request)

    def close(self) -> None:
        """Give up what was requested and is not needed."""
        with self._lock:
            page, self._ahead = self._ahead, None
            self._closed = True
        if page is not None:
            page.close()
