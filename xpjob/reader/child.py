"""The process that loads one snapshot for the reader, and ends.

It is told what to do on its standard input, which stays open for as long as the reader wants the
answer; it answers on its standard output. It contacts nothing, and opens no file.
"""

from __future__ import annotations

import os
import pickle
import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from xpjob.base import memory, scratch
from xpjob.base.errors import BadAnswerError
from xpjob.reader import handover, loading
from xpjob.reader.loading import Makers
from xpjob.snapshot.documents import NewerSchemaError

READY = b"ready\n"
"""What it says when it has everything that it needs."""
LENGTH = 8
"""Bytes of the length of what it is asked, which come first."""
_NICENESS = 5
_MAPPED_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Order:
    """What to load: the descriptor of the document, what it is called, and who makes views of it.

    ``collectors`` and ``makers`` are pickled: what they import takes memory, and is needed for
    hardly any document, or only when the document is read. ``most`` is the memory that may be
    taken, in bytes.
    """

    descriptor: int
    where: str
    etag: str
    collectors: bytes
    makers: bytes
    most: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The document is corrupt, or ``newer`` than this program."""

    text: str
    newer: bool

    def error(self) -> BadAnswerError:
        """Return it as the error that it was."""
        return (NewerSchemaError if self.newer else BadAnswerError)(self.text)


class _Late(Sequence[Any]):
    """Collectors that are imported when somebody looks at them."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled

    def _all(self) -> Sequence[Any]:
        found: Sequence[Any] = pickle.loads(self._pickled)  # noqa: S301 - of the reader's own
        return found

    def __len__(self) -> int:
        return len(self._all())

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())


def main() -> None:
    """Load what is asked for. Exits without an answer where something is wrong with itself."""
    # Whatever else is written to the standard output must not end up in the answer.
    with os.fdopen(os.dup(1), "wb", 0) as raw:
        os.dup2(2, 1)
        with suppress(OSError):
            os.nice(_NICENESS)  # answers come first
        memory.share_heaps(1, _MAPPED_BYTES)
        order: Order = pickle.loads(_asked())  # noqa: S301 - of the reader's own
        threading.Thread(target=_end_with_the_reader, daemon=True).start()
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (order.most, order.most))
        raw.write(READY)
        answer = _load(order)
        memory.trim()
        with os.fdopen(os.dup(raw.fileno()), "wb", 1 << 20) as out:
            handover.dump(answer, out)
    os._exit(0)  # nothing is left that would have to be taken down piece by piece


def _asked() -> bytes:
    length = int.from_bytes(os.read(0, LENGTH), "big")
    asked = b""
    while len(asked) < length and (piece := os.read(0, length - len(asked))):
        asked += piece
    return asked


def _end_with_the_reader() -> None:
    os.read(0, 1)
    os._exit(1)


def _load(order: Order) -> object:
    try:
        body = scratch.of_descriptor(order.descriptor)
        os.close(order.descriptor)
        release = partial(scratch.release, body)
        raw = loading.read(body, order.where, _Late(order.collectors), release)
        del body, release  # gives its memory back
        memory.trim()
        makers: Makers = pickle.loads(order.makers)  # noqa: S301 - of the reader's own
        return loading.contents(raw, order.etag, order.where, makers, views=True)
    except (BadAnswerError, ValueError) as error:
        return Refused(str(error), isinstance(error, NewerSchemaError))
