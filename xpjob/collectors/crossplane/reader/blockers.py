"""What blocks a tree: the deepest nodes that explain the state of its top, in plain words.

While the top is being deleted those are what is still there below it; while it is not ready, what
is not ready; else everything in trouble. A node that is not synced itself, or is paused, explains
itself, even with trouble below it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

from xpjob.base.times import ago
from xpjob.collectors.crossplane.reader.rows import seconds
from xpjob.collectors.crossplane.reader.view import Bookkeeping

DELETING, PAUSED, NOT_SYNCED = "deleting", "paused", "not synced"
NOT_READY, READY = "not ready", "ready"
STATES = (DELETING, PAUSED, NOT_SYNCED, NOT_READY, READY)
_LONG = 300


class Walk:
    """One tree of a view, walked once. ``order`` holds its rows, each after its parent."""

    def __init__(self, view: Bookkeeping, top: int) -> None:
        self._view, self.top = view, top
        self.order = [top]
        for row in self.order:
            self.order += view.family.children(row)
        self._troubled: set[int] = set()
        for row in reversed(self.order):
            if self.state(row) != READY or any(
                child in self._troubled for child in view.family.children(row)
            ):
                self._troubled.add(row)
        self.blockers = list(self._blockers())

    def children(self, row: int) -> array[int]:
        """Return what is directly below a row."""
        return self._view.family.children(row)

    def troubled(self, row: int) -> bool:
        """Tell whether something is amiss with a row or below it."""
        return row in self._troubled

    def state(self, row: int) -> str:
        """Return the one word for a row's state; what is most out of the ordinary wins."""
        if self._is("deleting", row):
            return DELETING
        if self._is("paused", row):
            return PAUSED
        if self._unsynced(row):
            return NOT_SYNCED
        return READY if self._is("ready", row) else NOT_READY

    def _is(self, flag: str, row: int) -> bool:
        column = self._view.columns[flag]
        return column.values[column.codes[row]] == "true"

    def _unsynced(self, row: int) -> bool:
        column = self._view.columns["syncedStatus"]
        return column.values[column.codes[row]] in ("False", "Unknown")

    def _amiss(self, row: int) -> bool:
        """Tell whether a row is amiss in the way that its top is."""
        if self._is("deleting", self.top):
            return True  # all that is still there
        if not self._is("ready", self.top):
            return not self._is("ready", row)
        return self.state(row) != READY

    def _blockers(self) -> Iterator[int]:
        """Yield the rows that block, those that are not ready first."""
        waiting = self._is("deleting", self.top) or not self._is("ready", self.top)
        reached = {self.top}
        found = []
        inside: set[int] = set()  # has something amiss below it
        for row in self.order:
            # A ready child does not hold up its parent, nor does what is below such a child.
            if row in reached and (self._amiss(row) or not waiting):
                reached.update(self.children(row))
        for row in reversed(self.order):
            if row not in reached:
                continue
            above = self._view.family.parents[row]
            amiss = self._amiss(row)
            own = self._is("paused", row) or self._unsynced(row)
            if self._is("deleting", self.top):
                own = False
            if amiss and (own or row not in inside):
                found.append(row)
            if amiss or row in inside:
                inside.add(above)
        found.reverse()
        return iter(sorted(found, key=lambda row: self._is("ready", row)))

    def sentence(
        self,
        wanted: Mapping[str, object],
        top: Mapping[str, object],
        blockers: Sequence[Mapping[str, object]],
        now: int,
    ) -> str:
        """Return what is the matter, in one plain sentence. ``blockers`` have what they say."""
        begin = _begin(top, now)
        if named(wanted) != named(top) or wanted["group"] != top["group"]:
            begin = f"{_begin(wanted, now)}. At the top of its tree, {begin}"
        if not blockers:
            below = ", and so is all that is below it" if len(self.order) > 1 else ""
            return f"{begin}{below}."
        if self.blockers == [self.top]:
            detail = _detail(top)
            return f"{begin}: {detail}." if detail else f"{begin}."
        first = f"{named(blockers[0])} {blockers[0]['says']}"
        count = len(self.blockers) - 1
        more = f" ({count} more {'blocks' if count == 1 else 'block'} it too)" if count else ""
        if top["state"] == READY:
            more = f" ({count} more {'has' if count == 1 else 'have'} trouble too)" if count else ""
            return f"{begin}, but {first}{more}."
        link = "it waits for what is below it" if top["deleting"] else "what blocks it"
        return f"{begin}; {link}: {first}{more}."


def named(record: Mapping[str, object]) -> str:
    """Return how people call a record."""
    parts = (record["namespace"], record["name"])
    return f"{record['kind']} {'/'.join(str(part) for part in parts if part)}"


_WORDS = {
    DELETING: "is being deleted and not gone yet",
    PAUSED: "is paused, so nobody works on it",
    NOT_SYNCED: "cannot be brought to its latest state",
    NOT_READY: "is not ready",
    READY: "is still there",
}


def say(record: Mapping[str, object]) -> str:
    """Return what is the matter with a record itself, to follow its name."""
    detail = _detail(record)
    said = _WORDS[str(record["state"])]
    return f"{said}: {detail}" if detail else said


def _detail(record: Mapping[str, object]) -> str:
    state = record["state"]
    if state == NOT_SYNCED or (state == DELETING and record["syncedStatus"] == "False"):
        return _quoted(record, "syncedReason", "syncedMessage")
    if state != NOT_READY:
        return ""
    if record["class"] == "claim" and not record["xr"]:
        return "no XR has been made for it yet"
    if not record["readyStatus"]:
        return "it has no Ready condition yet"
    said = _quoted(record, "reason", "message")
    if composed := record.get("composed"):
        said += f"; it composes {composed} of kinds that are not listed, so look there"
    return said


def _quoted(record: Mapping[str, object], reason: str, message: str) -> str:
    """Return reason and message; tenants and providers write both, at any length."""
    text = ": ".join(str(record[key]).strip() for key in (reason, message) if record[key])
    text = " ".join(text.split()).rstrip(".")
    return (text if len(text) <= _LONG else f"{text[:_LONG]}…") or "no reason given"


def _begin(record: Mapping[str, object], now: int) -> str:
    state, since = str(record["state"]), since_when(record)
    said = "being deleted" if state == DELETING else state
    if state in (PAUSED, NOT_SYNCED):
        said = f"{state} and {'' if record['ready'] else 'not '}ready"
    start = seconds(since)
    span = f", for {ago(now - start)}" if start is not None else ""
    return f"{named(record)} is {said}{span}"


def since_when(record: Mapping[str, object]) -> str:
    """Return since when a record is in trouble, as RFC 3339; "" where it is well or not known."""
    if record["deleting"]:
        return str(record["deletingSince"] or record["deletedAt"])
    return str(record["notReadySince"] or record["pausedSince"] or record["notSyncedSince"])
