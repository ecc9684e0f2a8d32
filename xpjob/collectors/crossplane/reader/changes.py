"""What came, went and changed state between two snapshots, for ``/bookkeeping/diff``. No I/O.

Objects are told apart by uid: one that was deleted and made again under its name has gone, and
another one has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct, field
from rich.table import Table

from xpjob.collect.before import Placed
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.gaps import OwnerGaps
from xpjob.collectors.crossplane.reader import parameters
from xpjob.collectors.crossplane.reader.view import NAME
from xpjob.net import deadline
from xpjob.net.deadline import steps
from xpjob.reader.changes_document import LISTS
from xpjob.reader.parameters import Params
from xpjob.reader.render import Json
from xpjob.reader.terminal import plain
from xpjob.snapshot.diff import Side, incomplete, scope_of
from xpjob.snapshot.documents import Head, RawSnapshot


class Seen(Placed, rename="camel", frozen=True, kw_only=True, gc=False):
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


class Diff(Struct, rename="camel", frozen=True):
    """All changes between two snapshots of one cluster, by class, kind and name.

    Of ``changed``, what is amiss now and was not comes first. ``unknown`` are the lists that
    failed in one of the two, and not all was kept: what came and went there is not reported.
    """

    cluster: str
    from_: Side = field(name="from")
    to: Side
    came: list[Change]
    went: list[Change]
    changed: list[Change]
    unknown: list[str]

    def document(self) -> Json:
        """Return the members of the JSON document of ``xpjob diff``."""
        return {name: getattr(self, name) for name in (*LISTS, "unknown")}

    def table(self) -> Table:
        """Return what a terminal shows."""
        counts = f"{len(self.came)} came, {len(self.went)} went, {len(self.changed)} changed state"
        title = f"{counts} between {self.from_.generated_at} and {self.to.generated_at}"
        failed = ", ".join(self.unknown)
        caption = plain(f"Lists failed, so what came and went there is not known: {failed}")
        table = Table(
            title=plain(title),
            title_justify="left",
            caption=caption if failed else None,
            caption_justify="left",
        )
        for name in ("what", "class", "kind", "namespace", "name", "team", "was", "is"):
            table.add_column(name, overflow="fold")
        for what, changes in (
            ("[yellow]changed[/]", self.changed),
            ("[green]came[/]", self.came),
            ("[red]went[/]", self.went),
        ):
            for change in changes:
                named = (change.class_, change.kind, change.namespace, change.name, change.team)
                states = (state.words() if state else "" for state in (change.was, change.is_))
                table.add_row(what, *(plain(text) for text in (*named, *states)))
        return table


def compare(old: RawSnapshot, new: RawSnapshot) -> Diff:
    """Compare two snapshots. Raises ``MsgspecError`` where a record is corrupt."""
    before, after = dict(_records(old)), dict(_records(new))

    def only_in(these: _Records, those: _Records, lists: Head) -> Iterator[tuple[str, Seen]]:
        gaps = OwnerGaps(lists.targets)
        for key, (class_, seen) in these.items():
            deadline.check()
            if key not in those:
                failed = gaps.lost(seen, class_)
                if not (failed and incomplete(failed)):
                    yield class_, seen

    return Diff(
        cluster=new.head.cluster,
        from_=Side.of(old.head),
        to=Side.of(new.head),
        came=_sorted(
            _change(class_, None, seen) for class_, seen in only_in(after, before, old.head)
        ),
        went=_sorted(
            _change(class_, seen, None) for class_, seen in only_in(before, after, new.head)
        ),
        changed=_sorted(
            _change(class_, before[key][1], seen)
            for key, (class_, seen) in after.items()
            if key in before and _moved(before[key][1], seen)
        ),
        unknown=sorted(
            {
                scope_of(target)
                for side in (old, new)
                for target in side.head.targets
                if target.collector in ("", NAME) and incomplete(target)
            }
        ),
    )


def select(diff: Diff, params: Params) -> Mapping[str, Sequence[Change]]:
    """Return the changes that are wanted, by list."""
    lists = {}
    for name in LISTS:
        changes: list[Change] = getattr(diff, name)
        for parameter in parameters.CHANGED_BY:
            if values := params.get(parameter):
                attribute = "class_" if parameter == "class" else parameter
                changes = [
                    change
                    for some in steps(changes)
                    for change in some
                    if getattr(change, attribute) in values
                ]
        lists[name] = changes
    return lists


_Records = dict[tuple[str, ...], tuple[str, Seen]]
"""Each with its class, by what tells it apart."""


def _records(raw: RawSnapshot) -> Iterator[tuple[tuple[str, ...], tuple[str, Seen]]]:
    for class_, key in ((CLAIM, "claims"), (COMPOSITE, "xrs"), (MANAGED, "mrs")):
        if key in raw.keys:
            for seen in msgspec.json.decode(raw.keys[key], type=list[Seen]):
                named = (class_, seen.group, seen.kind, seen.namespace, seen.name)
                yield (seen.uid,) if seen.uid else named, (class_, seen)


def _moved(old: Seen, new: Seen) -> bool:
    """Tell whether the state is another one; another reason for the same one does not count."""
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
