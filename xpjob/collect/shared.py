"""Lists that several collectors want: which are requested, and who can be served by which.

A wish for part of a list joins a wish for the whole of it. What reads a field as another type has
the pages decoded once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Collector, Subscription
from xpjob.kube.decode import decoder
from xpjob.kube.lists import ListKey, Page
from xpjob.kube.selectors import Selector
from xpjob.kube.unite import unite


class Wish(Struct, frozen=True, eq=False):
    """One subscription, its collector, and that collector's attempt."""

    collector: Collector
    attempt: Attempt
    subscription: Subscription


class _Labelled(Struct, gc=False):
    namespace: str = ""
    labels: dict[str, str] | None = None


class _Selectable(Struct, gc=False):
    """The fields for selecting objects from a longer list."""

    metadata: _Labelled | None = None


class SharedList(Struct, eq=False):
    """One list to request, and the wishes that read it.

    Those of one group are served by one decoding of each page. What reads a field as another type
    is in a group of its own: to decode a page once more costs less than to request it.
    """

    key: ListKey
    groups: list[list[Wish]] = []

    @property
    def wishes(self) -> list[Wish]:
        """Return the wishes of all groups."""
        return [wish for group in self.groups for wish in group]

    def join(self, wish: Wish) -> bool:
        """Add a wish, if its objects can be selected from this list; return whether it was."""
        for group in (*self.groups, None):
            if _can_decode(self.key, [*(group or ()), wish]):
                if group is None:
                    self.groups.append([wish])
                else:
                    group.append(wish)
                return True
        return False


class Decoding:
    """Decodes each page once for each group of wishes; ``groups`` has those that can be served."""

    def __init__(self, shared: SharedList) -> None:
        self.groups: list[list[Wish]] = []
        self._decoders: list[Callable[[bytes], Page[Any]]] = []
        self._pages: list[tuple[Any, ...]] = []
        for group in shared.groups:
            first = group[0]
            wires = partial(_wires, shared.key, group)
            decode = first.attempt.run("reader", lambda wires=wires: decoder(unite(wires())))  # type: ignore[misc]
            if decode is not None:
                self.groups.append(group)
                self._decoders.append(decode)

    def decode(self, body: bytes) -> Page[Any]:
        """Decode a page for all groups, and return it as the first one gets it."""
        first, *others = pages = [decode(body) for decode in self._decoders]
        # No reader can change what the next one gets.
        self._pages = [tuple(page.items) for page in pages]
        malformed = max(page.malformed for page in pages)
        return replace(first, malformed=malformed) if others else first

    def taken(self) -> list[tuple[Any, ...]]:
        """Return the objects of the last page for each group, and forget them."""
        pages, self._pages = self._pages, []
        return pages


def shared_lists(wishes: Iterable[Wish]) -> list[SharedList]:
    """Group wishes by list; a wish for part of a list joins a wish for the whole of it.

    What cannot be selected from the whole is requested by itself.
    """
    # Lists of all objects first, and of whole objects before those of metadata.
    ordered = sorted(wishes, key=lambda wish: _order(wish.subscription.key))
    lists: list[SharedList] = []
    by_key: dict[ListKey, list[SharedList]] = {}
    for wish in ordered:
        own = wish.subscription.key
        # No field can be selected by from a longer list.
        covering = (own,) if own.field_selector else own.covering()
        there = (other for key in covering for other in by_key.get(key, ()))
        if not any(other.join(wish) for other in there):
            lists.append(SharedList(own, [[wish]]))
            by_key.setdefault(own, []).append(lists[-1])
    return lists


def parts_of(shared: SharedList) -> Iterable[SharedList]:
    """Return lists of those parts that were wanted instead of all."""
    return shared_lists(wish for wish in shared.wishes if wish.subscription.key != shared.key)


def _order(key: ListKey) -> tuple[bool, bool]:
    return key != key.whole, key.metadata_only


def _can_decode(key: ListKey, group: Sequence[Wish]) -> bool:
    try:
        for wish in group:
            selector(key, wish)
        decoder(unite(_wires(key, group)))
    except Exception:  # noqa: BLE001 - whatever is wrong with it shows where it is read by itself
        return False
    return True


def selector(key: ListKey, wish: Wish) -> Callable[[Any], bool] | None:
    """Return a filter for the objects of a wish in a longer list; None for all objects."""
    own = wish.subscription.key
    if replace(own, metadata_only=key.metadata_only) == key:
        return None
    namespace, wanted = own.namespace, Selector.parse(own.label_selector)
    place = wish.subscription.selects or _place

    def select(item: Any) -> bool:
        where, labels = place(item)
        return namespace in ("", where) and wanted.matches(labels)

    return select


def _place(item: _Selectable) -> tuple[str, Mapping[str, str]]:
    metadata = item.metadata or _NOWHERE
    return metadata.namespace, metadata.labels or {}


_NOWHERE = _Labelled()


def _wires(key: ListKey, group: Sequence[Wish]) -> list[type[Struct]]:
    """Return the structs with the fields that all subscribers of a group read."""
    wires = [wish.subscription.wire for wish in group]
    parts = [wish.subscription for wish in group if wish.subscription.key != key]
    if not all(subscription.selects for subscription in parts):
        wires.append(_Selectable)
    return wires
