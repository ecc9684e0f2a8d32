"""Decide which lists the sources need."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from xpjob.base.errors import XpjobError
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Plan, Subscription, World
from xpjob.collectors.sources.compile import Compiled, Sources, compile_documents
from xpjob.collectors.sources.documents import places
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.options import CONFIGMAPS, FILES, OBJECTS, SourcesOptions
from xpjob.collectors.sources.program import Limits, Source, Target
from xpjob.collectors.sources.shape import Shape, child
from xpjob.kube.discovery import Catalogue, Kind
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.kube.selectors import Selector

SOURCE, DOCUMENTS = "source", "documents"
"""Roles of lists."""
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


@dataclass(slots=True)
class Notes:
    """What planning found out.

    ``kinds`` are those that each source counts, ``refused`` those that it may not count.
    ``unread`` are the places whose documents could not be read.
    """

    options: SourcesOptions
    sources: Sources
    limits: Limits
    kinds: dict[str, list[Kind]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, list[Kind]] = field(default_factory=lambda: defaultdict(list))
    unread: dict[str, XpjobError] = field(default_factory=dict)


class _Wanted(NamedTuple):
    """A use of the objects of a kind. ``keys`` are lists of exactly these if it is ``exact``."""

    use: Use
    kind: Kind
    keys: tuple[ListKey, ...]
    exact: bool


def plan(world: World) -> Plan:
    """Read the documents, and subscribe to the kinds that they count."""
    options: SourcesOptions = world.options
    limits = Limits(time.time(), world.max_series)
    documents, unread, skipped = read_documents(world, options)
    sources = compile_documents(documents, options.mode)
    notes = Notes(options, sources, limits, unread=unread)
    kinds = Kinds(world)
    wanted: list[_Wanted] = []
    missing: list[Subscription] = []
    for compiled in sources.compiled:
        seen: set[tuple[int, Gvr]] = set()
        for number, target in enumerate(compiled.source.targets):
            found, silent = kinds.of(target)
            for kind in found:
                if (number, kind.gvr) in seen:
                    continue
                seen.add((number, kind.gvr))
                if use := _wanted(compiled, number, target, kind, options):
                    wanted.append(use)
                    notes.kinds[compiled.source.name].append(kind)
                else:
                    notes.refused[compiled.source.name].append(kind)
            missing += [_unanswered(compiled, group, version) for group, version in silent]
    subscriptions = [*_subscriptions(wanted, limits), *missing, *_failed(unread)]
    refused = len(sources.refused)
    return Plan(
        subscriptions,
        notes,
        configs=len(sources.compiled),
        malformed_configs=refused,
        reads=_reads(options, kinds),
        remarks=[
            *skipped,
            *(str(problem) for each in sources.refused for problem in each.problems),
            *(str(problem) for each in sources.compiled for problem in each.problems),
        ],
        hint="set METRIC_SOURCES, or label a ConfigMap with " + places.SELECTOR,
    )


def read_documents(
    world: World, options: SourcesOptions
) -> tuple[list[Document], dict[str, XpjobError], list[str]]:
    """Return the documents of all places, the places that could not be read, and remarks."""
    documents: list[Document] = []
    unread: dict[str, XpjobError] = {}
    remarks: list[str] = []
    if options.metric_sources and FILES in options.sources_from:
        documents += places.from_files(Path(options.metric_sources))
    if CONFIGMAPS in options.sources_from:
        try:
            documents += places.from_configmaps(world)
        except XpjobError as error:
            unread["configmap"] = error
    if OBJECTS in options.sources_from:
        kind = world.catalogue.resource(places.METRIC_SOURCE_GROUP, places.METRIC_SOURCES)
        if kind is not None:
            try:
                documents += places.from_objects(world, kind)
            except XpjobError as error:
                unread["object"] = error
        else:
            remarks.append("the API does not serve MetricSource objects; none are read")
    return documents, unread, remarks


def _failed(unread: Mapping[str, XpjobError]) -> Iterator[Subscription]:
    """Yield the lists of documents that failed, so that the run is partial."""
    keys = {
        "configmap": ("ConfigMap", places.config_list()),
        "object": (
            "MetricSource",
            ListKey(Gvr(places.METRIC_SOURCE_GROUP, "v1alpha1", places.METRIC_SOURCES)),
        ),
    }
    for place, error in unread.items():
        kind, key = keys[place]
        yield Subscription(key, dict, kind=kind, role=DOCUMENTS, error=error)


def _reads(options: SourcesOptions, kinds: Kinds) -> list[ListKey]:
    keys = [places.config_list()] if CONFIGMAPS in options.sources_from else []
    own = kinds.metric_sources
    if own is not None and OBJECTS in options.sources_from:
        keys.append(ListKey(own.gvr))
    return keys


class Kinds:
    """The kinds that the API serves; core kinds are discovered when the first is asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._core: Catalogue | None = None

    @property
    def metric_sources(self) -> Kind | None:
        """Return the kind MetricSource, None if the API does not serve it."""
        return self._world.catalogue.resource(places.METRIC_SOURCE_GROUP, places.METRIC_SOURCES)

    def of(self, target: Target) -> tuple[list[Kind], list[tuple[str, str]]]:
        """Return the kinds of a target, and the group versions that did not answer."""
        catalogue = self._world.catalogue
        if target.category:
            return list(catalogue.in_category(target.category)), list(catalogue.incomplete)
        if not target.group:
            self._core = self._core or self._world.core_kinds()
            catalogue = self._core
        found = [kind for kind in catalogue.kinds if _is_of(kind, target)]
        if not target.version:  # the preferred version only
            first: dict[tuple[str, str], Kind] = {}
            for kind in found:
                first.setdefault((kind.group, kind.resource), kind)
            found = list(first.values())
        if found:
            return found, []
        silent = [
            (group, version)
            for group, version in catalogue.incomplete
            if target.group in ("*", group) and _has(target, version)
        ]
        return found, silent


def _is_of(kind: Kind, target: Target) -> bool:
    named = target.kind in ("", "*", kind.kind) and target.resource in ("", kind.resource)
    in_group, in_version = target.group in ("*", kind.group), _has(target, kind.version)
    return named and in_group and in_version


def _has(target: Target, version: str) -> bool:
    return target.version in ("*", "", version)


def _unanswered(compiled: Compiled, group: str, version: str) -> Subscription:
    error = XpjobError(f"discovery: group version {group}/{version} did not answer".rstrip("/"))
    kind = Kind(group, version, ANY_RESOURCE, "", namespaced=False)
    uses = [Use(compiled, 0, None)]
    return Subscription(
        ListKey(kind.gvr), dict, role=SOURCE, context=Feed(kind, uses, Limits(0)), error=error
    )


def _wanted(
    compiled: Compiled, number: int, target: Target, kind: Kind, options: SourcesOptions
) -> _Wanted | None:
    """Return which objects of a kind a source counts; None if it may not count them."""
    own = compiled.document.namespace
    include, exclude = (target.include, target.exclude) if kind.namespaced else ((), ())
    if own and not options.sees_all(own):
        # A document of a tenant counts only what is in its own namespace.
        if not kind.namespaced or not _in_any(own, include or ("*",)):
            return None
        include = (own,)
    selector = target.label_selector
    use = Use(compiled, number, _accepts(include, exclude, selector))
    named = include and not any(set("*?") & set(name) for name in include)
    if named and len(include) <= MAX_LISTS:
        here = sorted({name for name in include if not _in_any(name, exclude)})
        keys = tuple(ListKey(kind.gvr, name, selector) for name in here)
        return _Wanted(use, kind, keys, exact=True)
    return _Wanted(use, kind, (ListKey(kind.gvr, "", selector),), exact=not (include or exclude))


def use_of(compiled: Compiled, number: int, kind: Kind, options: SourcesOptions) -> Use | None:
    """Return how a source counts a kind for a target; None if it may not count it."""
    wanted = _wanted(compiled, number, compiled.source.targets[number], kind, options)
    return wanted.use if wanted else None


def _accepts(
    include: Sequence[str], exclude: Sequence[str], labels: str
) -> Callable[[Any], bool] | None:
    """Return whether an object is one that a source counts; None if all are."""
    if not (include or exclude or labels):
        return None
    selector = Selector.parse(labels)
    known: dict[str, bool] = {}

    def accepts(item: Any) -> bool:
        namespace, own = _place(item)
        here = known.get(namespace)
        if here is None:
            here = (not include or _in_any(namespace, include)) and not _in_any(namespace, exclude)
            known[namespace] = here
        return here and (not labels or selector.matches(own))

    return accepts


def _in_any(name: str, patterns: Sequence[str]) -> bool:
    return any(_pattern(text).fullmatch(name) for text in patterns)


def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern of a name with ``*`` and ``?``; names are short, so this is quick."""
    parts = {"*": "[^\n]*+", "?": "[^\n]"}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in text))


_METADATA, _NAMESPACE, _LABELS = child("metadata"), child("namespace"), child("labels")


def _place(item: Any) -> tuple[str, Mapping[str, str]]:
    """Return the namespace and the labels of an object."""
    metadata = _METADATA(item)
    namespace, labels = _NAMESPACE(metadata), _LABELS(metadata)
    return (
        namespace if isinstance(namespace, str) else "",
        labels if isinstance(labels, dict) else {},
    )


def _subscriptions(wanted: Sequence[_Wanted], limits: Limits) -> Iterator[Subscription]:
    """Yield one subscription for each list; those of a kind read the same fields."""
    by_kind: dict[Kind, list[_Wanted]] = defaultdict(list)
    for each in wanted:
        by_kind[each.kind].append(each)
    for kind, some in by_kind.items():
        read = [(each.use.source.source, each.use.target) for each in some]
        wire_type = wire(read)
        lists: dict[ListKey, list[Use]] = defaultdict(list)
        for each in _shared(some, kind):
            use = replace(each.use, accepts=None) if each.exact else each.use
            for key in each.keys:
                lists[key].append(use)
        for key, uses in lists.items():
            yield Subscription(
                key,
                wire_type,
                kind=kind.kind,
                role=SOURCE,
                context=Feed(kind, uses, limits),
                facts={
                    "namespaced": kind.namespaced,
                    "why": ", ".join(dict.fromkeys(use.source.source.name for use in uses)),
                },
                selects=_place,
            )


def _shared(some: Sequence[_Wanted], kind: Kind) -> Sequence[_Wanted]:
    """Let all read the whole list, if there would be too many lists of parts of it."""
    if len({key for each in some for key in each.keys}) <= MAX_LISTS:
        return some
    return [each._replace(keys=(ListKey(kind.gvr),), exact=False) for each in some]


def wire(read: Iterable[tuple[Source, int]]) -> type[Any]:
    """Return the type of objects with what sources read of them, each for one of its targets."""
    shape = Shape()
    metadata = shape.key("metadata")
    for name in ("name", "namespace", "labels"):
        metadata.key(name).take()
    for source, target in read:
        source.declare(target, shape)
    return shape.wire()
