"""The time budget of a run: each phase gets a share of the time left, and leaves the rest."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from xpjob.net import deadline

_log = logging.getLogger(__name__)


class Share(NamedTuple):
    """A part (0 to 1) of the time left at the start of a phase.

    ``until_stopped``: a signal ends this phase at once.
    """

    part: float
    until_stopped: bool = False


SHARES = {
    # Of the run's deadline: reading the kubeconfig, and getting its credentials.
    "connect": Share(1 / 2, until_stopped=True),
    # Of the time after that: discovery, planning and all lists; of that: planning.
    "gather": Share(3 / 4, until_stopped=True),
    "plan": Share(1 / 2),
    # Concurrently: finding out which cluster this is.
    "identify": Share(1 / 4, until_stopped=True),
    # Concurrently: opening the store, which gets credentials for it, and reading the previous
    # snapshot and report.
    "open": Share(1 / 5, until_stopped=True),
    "recall": Share(1 / 4, until_stopped=True),
    # Of the time after gathering: waiting for them.
    "remember": Share(1 / 3),
    # Of shards: writing a part, waiting for the parts of others, and reading them.
    "hand in": Share(1 / 2),
    "wait": Share(2 / 3, until_stopped=True),
    "merge": Share(1 / 3),
    # Of the time after gathering.
    "commit": Share(1 / 2),
    "publish": Share(2 / 3),
    # Of publishing or reporting: reading the start times from gateways, without a store.
    "compare": Share(1 / 3),
    # Of the time after publishing.
    "keep history": Share(1 / 3, until_stopped=True),
    "write usage": Share(1 / 3, until_stopped=True),
    "deliver": Share(2 / 3, until_stopped=True),
    "remove parts": Share(1 / 3, until_stopped=True),
    "report": Share(1 / 2),
}


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Limit a block to the phase's share, and log its available and used time at debug level."""
    share = SHARES[name]
    with deadline.share(share.part, until_stopped=share.until_stopped):
        available, started = deadline.left(), time.monotonic()
        try:
            yield
        finally:
            facts: dict[str, object] = {
                "phase": name,
                "used_seconds": round(time.monotonic() - started, 3),
            }
            if available < math.inf:
                facts["had_seconds"] = round(available, 3)
            _log.debug("phase ended", extra=facts)
