"""A store that may not answer: every request of it ends, and few are left behind.

A mount can hang in the kernel and credentials can hang in a library, so no timeout of the store's
own is relied upon. A request that takes too long is left to its thread; the next one is a new try.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

from xpjob.base.errors import TransientError
from xpjob.base.scratch import scratch
from xpjob.net.threads import within
from xpjob.store.base import Store, Stored

_OVERDUE_SECONDS = 10.0
"""Time after which a store counts as away, while its answer is still waited for."""
_LEFT_BEHIND = 8
"""Requests that may hang at a time."""

T = TypeVar("T")


@dataclass(slots=True)
class _Request:
    began: float
    ended: bool = False
    left: bool = False


class Readable(Protocol):
    """The part of a store that the reader uses, as ``Store`` describes it."""

    def where(self, key: str) -> str:
        """Return the location of a document for messages. Never waits."""

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document, or None if it does not exist."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the first ``most`` keys with this prefix, sorted."""

    def clusters(self) -> list[str]:
        """Return the clusters that have documents, sorted."""


class LateStore:
    """A store that is opened when it is first asked: finding its credentials may hang too."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._lock = threading.Lock()
        self._store: Store | None = None

    def open(self) -> Store:
        """Return the store."""
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def where(self, key: str) -> str:
        """Return the location of a document, or its key before the store was opened."""
        return self._store.where(key) if self._store else f"{key or 'all'} in the store"

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document."""
        return self.open().get(key, unless, into)

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return keys."""
        return self.open().keys(prefix, most)

    def clusters(self) -> list[str]:
        """Return clusters."""
        return self.open().clusters()


class PatientStore:
    """What the reader asks of a store. ``seconds`` is how long one request may take."""

    def __init__(self, store: Readable, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._lock = threading.Lock()
        self._requests: list[_Request] = []

    def where(self, key: str) -> str:
        """Return the location of a document for messages."""
        return self._store.where(key)

    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return a document, as ``Store`` does. Raises ``TransientError`` where nothing comes."""
        return self._ask(key, lambda: self._store.get(key, unless))

    def fetch(self, key: str, unless: str = "") -> tuple[Stored, BinaryIO] | None:
        """Return a large document, with its body in a file, which is closed if it is unchanged.

        Raises as ``get`` does.
        """

        def fetched() -> tuple[Stored, BinaryIO] | None:
            # Made here: a request that is left behind goes on writing to it.
            with ExitStack() as stack:
                body = stack.enter_context(scratch())
                stored = self._store.get(key, unless, body)
                if stored is None:
                    return None
                if not stored.unchanged:
                    stack.pop_all()
                return stored, body

        return self._ask(key, fetched)

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the first ``most`` keys with this prefix, as ``Store`` does."""
        return self._ask(prefix, lambda: self._store.keys(prefix, most))

    def clusters(self) -> list[str]:
        """Return the clusters that have documents, as ``Store`` does."""
        return self._ask("", self._store.clusters)

    def overdue(self) -> bool:
        """Return whether an answer has been waited for too long."""
        now = time.monotonic()
        with self._lock:
            return any(
                not request.ended and now - request.began > _OVERDUE_SECONDS
                for request in self._requests
            )

    def _ask(self, key: str, action: Callable[[], T]) -> T:
        request = _Request(time.monotonic())
        with self._lock:
            self._requests = [each for each in self._requests if not each.ended]
            if sum(each.left for each in self._requests) >= _LEFT_BEHIND:
                raise TransientError(
                    f"reading {self.where(key)}: {_LEFT_BEHIND} requests before have not ended; "
                    "check the mount, or the credentials, of the store"
                )

        def tracked() -> T:
            with self._lock:  # here: one that could not be begun is not waited for
                self._requests.append(request)
            try:
                return action()
            finally:
                request.ended = True

        try:
            return within(self._seconds, tracked)
        except TimeoutError:
            raise TransientError(
                f"reading {self.where(key)}: no answer within {self._seconds:g} s; check that the "
                "store answers: its mount, its endpoint, and where its credentials come from"
            ) from None
        finally:
            with self._lock:
                request.left = not request.ended
                # Several ask at the same time, and each leaves out what has ended.
                self._requests = [each for each in self._requests if not each.ended]
