"""Which objects of a kind a source counts, and the lists that have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xpjob.collectors.sources.compile import Compiled
from xpjob.collectors.sources.namespaces import Namespaces
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.collectors.sources.program import Limits, Target
from xpjob.collectors.sources.shape import child
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import ListKey
from xpjob.kube.selectors import Selector

MAX_LISTS = 20
"""Lists of parts of one kind that are made instead of one of all objects."""


@dataclass(frozen=True, slots=True)
class Use:
    """A source that counts objects of a list. ``accepts`` is None if it counts them all."""

    source: Compiled
    target: int
    accepts: Callable[[Any], bool] | None


@dataclass(frozen=True, slots=True)
class Feed:
    """What a subscription is for."""

    kind: Kind
    uses: Sequence[Use]
    limits: Limits


class Wanted(NamedTuple):
    """A use of the objects of a kind. ``keys`` are lists of exactly these if it is ``exact``."""

    use: Use
    kind: Kind
    keys: tuple[ListKey, ...]
    exact: bool


def wanted(
    compiled: Compiled, number: int, target: Target, kind: Kind, options: SourcesOptions
) -> Wanted | None:
    """Return which objects of a kind a source counts; None if it may not count them."""
    own = compiled.document.namespace
    include, exclude = (target.include, target.exclude) if kind.namespaced else ((), ())
    if own and not options.sees_all(own):
        # A document of a tenant counts only what is in its own namespace.
        if not kind.namespaced or not Namespaces(include, ()).allow(own):
            return None
        include = (own,)
    selector = target.label_selector
    use = Use(compiled, number, _accepts(include, exclude, selector))
    named = include and not any(set("*?") & set(name) for name in include)
    if named and len(include) <= MAX_LISTS:
        namespaces = Namespaces((), exclude)
        here = sorted({name for name in include if namespaces.allow(name)})
        keys = tuple(ListKey(kind.gvr, name, selector) for name in here)
        return Wanted(use, kind, keys, exact=True)
    return Wanted(use, kind, (ListKey(kind.gvr, "", selector),), exact=not (include or exclude))


def use_of(compiled: Compiled, number: int, kind: Kind, options: SourcesOptions) -> Use | None:
    """Return how a source counts a kind for a target; None if it may not count it."""
    found = wanted(compiled, number, compiled.source.targets[number], kind, options)
    return found.use if found else None


def _accepts(
    include: Sequence[str], exclude: Sequence[str], labels: str
) -> Callable[[Any], bool] | None:
    """Return whether an object is one that a source counts; None if all are."""
    if not (include or exclude or labels):
        return None
    selector = Selector.parse(labels)
    namespaces = Namespaces(include, exclude)

    def accepts(item: Any) -> bool:
        namespace, own = place(item)
        return namespaces.allow(namespace) and (not labels or selector.matches(own))

    return accepts


_METADATA, _NAMESPACE, _LABELS = child("metadata"), child("namespace"), child("labels")


def place(item: Any) -> tuple[str, Mapping[str, str]]:
    """Return the namespace and the labels of an object."""
    metadata = _METADATA(item)
    namespace, labels = _NAMESPACE(metadata), _LABELS(metadata)
    return (
        namespace if isinstance(namespace, str) else "",
        labels if isinstance(labels, dict) else {},
    )
