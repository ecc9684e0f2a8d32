"""Effects of a collector: records of what was committed, kept in another system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.collect.contract import Section
from xpjob.config.option import Config
from xpjob.metrics.cumulative import HistogramTable
from xpjob.metrics.table import Table


class Committed(Struct, frozen=True):
    """A collector's section as it is stored, generated at a time (RFC 3339).

    ``complete``: all of its lists were made in this run. Otherwise what is missing may only be
    unknown, and must not be recorded as gone.
    """

    section: Section
    complete: bool
    at: str
    cluster: str
    config: Config


class Outbox(Protocol):
    """What the other system has acknowledged, remembered in the store."""

    @property
    def acknowledged(self) -> Any:
        """Return the remembered struct, of type ``Delivering.delivery``; a new one at first.

        It is read from the store when it is first used. Raises the store's errors.
        """

    def remember(self, acknowledged: Struct) -> None:
        """Store what has been acknowledged so far.

        Raises ``ConflictError`` if another run has done so meanwhile: it continues, and this one
        must stop. Raises the store's other errors too.
        """


class Delivered(Struct, frozen=True):
    """The result of a delivery: metric tables of the run's outcome.

    ``error`` says why not everything was delivered; the collector has then failed in this run.
    """

    metrics: Sequence[Table | HistogramTable] = ()
    error: XpjobError | None = None


@runtime_checkable
class Delivering(Protocol):
    """A collector that also delivers what is committed.

    It is called after the snapshot was stored and published; never in a dry run, in a superseded
    run, or without a store that keeps what was acknowledged. A run that is killed between an effect
    and ``remember`` repeats the effect: it must be idempotent. The deadline is ``net.deadline``'s.

    ``delivery`` is the type of what is remembered. ``recalled`` has those fields of it that
    ``recall`` gets as ``Before.delivered`` in the next run, None if it needs none.
    """

    name: str
    delivery: type[Struct]
    recalled: type[Struct] | None

    def deliver(self, committed: Committed, outbox: Outbox) -> Delivered:
        """Deliver the difference between what is committed and what is acknowledged."""
