"""What came, went and changed state between two snapshots. No I/O.

Objects are told apart by uid: one that was deleted and made again under its name has gone, and
another one has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import Placed
from xpjob.collectors.crossplane.targets import CLAIM, COMPOSITE, MANAGED
from xpjob.snapshot.carry import Gaps
from xpjob.snapshot.documents import Document, RunInfo


class Seen(Placed, rename="camel", frozen=True, gc=False):
    """The part of a record that a comparison needs."""

    kind: str
    name: str
    uid: str
    ready_status: str
    synced_status: str
    reason: str
    paused: bool
    deleting: bool
    team: str = ""


class Slim(Document, rename="camel", kw_only=True):
    """A stored snapshot, slim: most of its bytes are skipped."""

    generated_at: str
    cluster: str
    run: RunInfo
    targets: list[TargetOutcome]
    claims: list[Seen]
    xrs: list[Seen]
    mrs: list[Seen] = field(default_factory=list)


class State(Struct, rename="camel", frozen=True, gc=False):
    """What conditions say (True, False, Unknown, or empty for none), and what is going on.

    ``reason`` is that of the Ready condition.
    """

    ready_status: str
    reason: str
    synced_status: str
    paused: bool
    deleting: bool

    @property
    def well(self) -> bool:
        """Tell whether nothing is amiss with it."""
        synced = self.synced_status in ("True", "")
        return self.ready_status == "True" and synced and not (self.paused or self.deleting)

    def words(self) -> str:
        """Return it as people say it, on one line."""
        ready = {"True": "ready", "": "no condition yet"}.get(self.ready_status, "not ready")
        if ready == "not ready" and self.reason:
            ready += f" ({self.reason})"
        said = (
            (self.synced_status in ("False", "Unknown"), "not synced"),
            (self.paused, "paused"),
            (self.deleting, "deleting"),
        )
        return ", ".join([ready, *(word for holds, word in said if holds)])


class Change(Struct, rename="camel", frozen=True):
    """One object. ``was`` is None for what came, ``is_`` for what went."""

    class_: str = field(name="class")
    group: str
    kind: str
    namespace: str
    name: str
    uid: str
    team: str
    was: State | None
    is_: State | None = field(name="is")


class Side(Struct, rename="camel", frozen=True):
    """Which snapshot: when it was taken, and by which run."""

    generated_at: str
    run: str


class Diff(Struct, rename="camel", frozen=True):
    """All changes between two snapshots of one cluster, by class, kind and name.

    Of ``changed``, what is amiss now and was not comes first. ``unknown`` are the lists that
    failed in one of the two, and not all was kept: what came and went there is not told.
    """

    cluster: str
    from_: Side = field(name="from")
    to: Side
    came: list[Change]
    went: list[Change]
    changed: list[Change]
    unknown: list[str]


def diff(old: Slim, new: Slim) -> Diff:
    """Compare two snapshots."""
    before, after = dict(_records(old)), dict(_records(new))

    def only_in(these: _Records, those: _Records, lists: Slim) -> Iterator[tuple[str, Seen]]:
        gaps = Gaps(lists.targets)
        for key, (class_, seen) in these.items():
            if key not in those:
                why = gaps.reason(seen, class_)
                if not (why and _unknown(why)):
                    yield class_, seen

    return Diff(
        cluster=new.cluster,
        from_=Side(old.generated_at, old.run.id),
        to=Side(new.generated_at, new.run.id),
        came=_sorted(_change(class_, None, seen) for class_, seen in only_in(after, before, old)),
        went=_sorted(_change(class_, seen, None) for class_, seen in only_in(before, after, new)),
        changed=_sorted(
            _change(class_, before[key][1], seen)
            for key, (class_, seen) in after.items()
            if key in before and _moved(before[key][1], seen)
        ),
        unknown=sorted(
            {_scope(target) for side in (old, new) for target in side.targets if _unknown(target)}
        ),
    )


_Records = dict[tuple[str, ...], tuple[str, Seen]]
"""Each with its class, by what tells it apart."""


def _records(slim: Slim) -> Iterator[tuple[tuple[str, ...], tuple[str, Seen]]]:
    for class_, records in ((CLAIM, slim.claims), (COMPOSITE, slim.xrs), (MANAGED, slim.mrs)):
        for seen in records:
            named = (class_, seen.group, seen.kind, seen.namespace, seen.name)
            yield (seen.uid,) if seen.uid else named, (class_, seen)


def _unknown(target: TargetOutcome) -> bool:
    kept = target.carried and not target.let_go
    return bool(target.error) and not (target.gone or kept)


def _scope(target: TargetOutcome) -> str:
    return f"{target.gvr} in {target.namespace}" if target.namespace else target.gvr


def _moved(old: Seen, new: Seen) -> bool:
    """Tell whether the state is another one; another reason for the same one is no change."""
    return (old.ready_status, old.synced_status, old.paused, old.deleting) != (
        new.ready_status,
        new.synced_status,
        new.paused,
        new.deleting,
    )


def _change(class_: str, old: Seen | None, new: Seen | None) -> Change:
    seen = new or old
    if seen is None:
        raise AssertionError("a change is of something")
    return Change(
        class_=class_,
        group=seen.group,
        kind=seen.kind,
        namespace=seen.namespace,
        name=seen.name,
        uid=seen.uid,
        team=seen.team,
        was=_state(old),
        is_=_state(new),
    )


def _state(seen: Seen | None) -> State | None:
    if seen is None:
        return None
    return State(seen.ready_status, seen.reason, seen.synced_status, seen.paused, seen.deleting)


def _sorted(changes: Iterable[Change]) -> list[Change]:
    def order(change: Change) -> tuple[object, ...]:
        worse = bool(change.was and change.is_ and change.was.well and not change.is_.well)
        named = (change.class_, change.kind, change.namespace, change.name, change.group)
        return (not worse, *named, change.uid)

    return sorted(changes, key=order)
