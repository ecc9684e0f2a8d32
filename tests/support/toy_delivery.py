"""A third toy: it records its rows in another system, a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from support.toy_rows import PodList
from xpjob.base.errors import XpjobError
from xpjob.collect.before import Before
from xpjob.collect.deliver import Committed, Delivered, Outbox
from xpjob.metrics.table import Column, Table


class Recorded(Struct):
    """What the other system has acknowledged, and how many records were ever sent."""

    nodes: dict[str, str] = {}
    sent: int = 0


class Count(Struct):
    """What the next run recalls of it."""

    sent: int = 0


class PodRecorder(PodList):
    """Records the node of each pod in ``system``, and forgets it once the pod is gone.

    ``before_remembering`` is called after all records were sent.
    """

    name = "recorder"
    delivery: type[Struct] = Recorded
    recalled: type[Struct] | None = Count

    def __init__(self, namespaces: Sequence[str] = ("",)) -> None:
        super().__init__(namespaces)
        self.system: dict[str, str] = {}
        self.calls: list[Committed] = []
        self.delivered: Any = None
        self.before_remembering: Callable[[], None] = lambda: None
        self.error: XpjobError | None = None

    def recall(self, before: Before) -> Any:
        """Note what the deliveries of earlier runs have left."""
        self.delivered = before.delivered
        return super().recall(before)

    def deliver(self, committed: Committed, outbox: Outbox) -> Delivered:
        """Send what differs from what is acknowledged."""
        self.calls.append(committed)
        known: Recorded = outbox.acknowledged
        wanted = {row.name: row.node for row in committed.section.tables["podList"]}
        new = {name: node for name, node in wanted.items() if known.nodes.get(name) != node}
        gone = known.nodes.keys() - wanted.keys() if committed.complete else set()
        self.system.update(new)
        for name in gone:
            self.system.pop(name, None)
        self.before_remembering()
        nodes = {name: node for name, node in (known.nodes | new).items() if name not in gone}
        sent = known.sent + len(new) + len(gone)
        outbox.remember(Recorded(nodes, sent))
        table = Table(
            (),
            (
                Column("recorder_sent_total", "Records ever sent.", type="counter"),
                Column("recorder_sent", "The same, as another exporter calls it.", type="counter"),
                Column("recorder_acknowledged", "Records acknowledged."),
            ),
        )
        table.add((), sent, sent, len(nodes))
        return Delivered([table], self.error)
