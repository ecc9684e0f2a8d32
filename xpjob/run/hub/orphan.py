"""End the run for a cluster when its hub is gone: one that is killed cannot end its runs itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress

BOUND = {"XPJOB_HUB_STDIN": "1"}
"""In the environment of a run: its stdin is a pipe from its hub, which writes nothing into it."""

_STDIN = 0


def end_with_hub(environ: Mapping[str, str]) -> None:
    """Send this process SIGTERM as soon as the hub that has started it is gone, if one has."""
    if all(environ.get(name) == value for name, value in BOUND.items()):
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    with suppress(OSError):
        while os.read(_STDIN, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
