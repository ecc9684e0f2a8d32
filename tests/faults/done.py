"""What a run of the matrix has left."""

from __future__ import annotations

from faults.rows import AWAY, Row
from faults.world import Ran, World


class Done:
    """A run of the matrix that is over, with what was read of the world after it.

    ``counted`` is the usage before and after it, None if no run has counted before.
    """

    def __init__(self, world: World, ran: Ran, row: Row) -> None:
        self.ran = ran
        self.document = world.stored() if row.snapshot != AWAY else None
        self.aside = world.has("snapshot.json.unreadable")
        self.counted = None if world.counted is None else (world.counted, world.usage())
        pushed = world.pushed() if row.gateway != AWAY else {}
        names = ("xp_tracker_store_claims", "xp_tracker_store_xrs")
        self.inventory = tuple(map(pushed.get, names))
        self.success = pushed.get("xpjob_last_run_success")
