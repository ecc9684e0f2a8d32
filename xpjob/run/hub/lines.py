"""What the runs for several clusters print, each line with its cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import IO

from xpjob.base.visible import visible

_PIECE = 1 << 16


class Printer:
    """Writes whole lines of several processes. Thread-safe.

    ``text``: their logs are text, else JSON. ``out`` and ``err`` write to stdout and stderr.
    """

    def __init__(
        self, out: Callable[[bytes], None], err: Callable[[str], None], *, text: bool
    ) -> None:
        self._out = out
        self._err = err
        self._text = text
        self._lock = threading.Lock()

    def log(self, cluster: str, line: bytes) -> None:
        """Write a line of a log."""
        said = line.decode("utf-8", "replace").rstrip("\r\n")
        if said:
            with self._lock:
                shown = f"{cluster}: {said}" if self._text else _with_cluster(cluster, said)
                self._err(visible(shown))

    def results(self, cluster: str, printed: IO[bytes]) -> None:
        """Write all that a run has printed, under the name of the cluster."""
        with self._lock:
            piece = printed.read(_PIECE)
            if piece:
                self._out(f"# cluster: {cluster}\n".encode())
            while piece:
                self._out(piece)
                piece = printed.read(_PIECE)


def _with_cluster(cluster: str, line: str) -> str:
    """Return an event with its cluster; what is none, such as a traceback, becomes one."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        event = {"level": "WARNING", "message": line}
    return json.dumps({**event, "cluster": cluster}, ensure_ascii=False)
