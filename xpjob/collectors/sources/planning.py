"""Decide which lists the sources need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Plan, Subscription, World
from xpjob.collectors.sources.compile import Compiled, Refused, Sources, compile_documents
from xpjob.collectors.sources.documents import places
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.kinds import Kinds
from xpjob.collectors.sources.options import CONFIGMAPS, FILES, OBJECTS, SourcesOptions
from xpjob.collectors.sources.program import Limits, Source
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.uses import MAX_LISTS, Feed, Use, Wanted, place, wanted
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey

SOURCE, DOCUMENTS = "source", "documents"
"""Roles of lists."""


@dataclass(slots=True)
class Notes:
    """What planning found out.

    ``kinds`` are those that each source counts, ``refused`` those that it may not count.
    ``unread`` are the places whose documents could not be read, ``silent`` the group versions of
    each source that did not answer discovery.
    """

    options: SourcesOptions
    sources: Sources
    limits: Limits
    kinds: dict[str, list[Kind]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, list[Kind]] = field(default_factory=lambda: defaultdict(list))
    unread: dict[str, XpjobError] = field(default_factory=dict)
    silent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def plan(world: World) -> Plan:
    """Read the documents, and subscribe to the kinds that they count."""
    options: SourcesOptions = world.options
    limits = Limits(times.now().timestamp(), world.max_series)
    documents, unread, skipped = read_documents(world, options)
    sources = compile_documents(documents, options.mode)
    notes = Notes(options, sources, limits, unread=unread)
    kinds = Kinds(world)
    found_uses: list[Wanted] = []
    missing: list[Subscription] = []
    for compiled in sources.compiled:
        seen: set[tuple[int, Gvr]] = set()
        for number, target in enumerate(compiled.source.targets):
            found, silent = kinds.of(target)
            for kind in found:
                if (number, kind.gvr) in seen:
                    continue
                seen.add((number, kind.gvr))
                if use := wanted(compiled, number, target, kind, options):
                    found_uses.append(use)
                    notes.kinds[compiled.source.name].append(kind)
                else:
                    notes.refused[compiled.source.name].append(kind)
            missing += [_unanswered(compiled, group, version) for group, version in silent]
            notes.silent[compiled.source.name] += ["/".join(each) for each in silent]
    subscriptions = [*_subscriptions(found_uses, limits, options), *missing, *_failed(unread)]
    refused = len(sources.refused)
    return Plan(
        subscriptions,
        notes,
        configs=len(sources.compiled),
        malformed_configs=refused,
        reads=_reads(options, kinds),
        remarks=skipped,
        warnings=list(_warnings([*sources.refused, *sources.compiled])),
        hint="set METRIC_SOURCES, or label a ConfigMap with " + places.SELECTOR,
    )


def _warnings(documents: Iterable[Compiled | Refused]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with documents, with where it is."""
    for each in documents:
        for problem in each.problems:
            where, _, message = str(problem).partition(": ")
            yield where, message


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
        elif any(group == places.METRIC_SOURCE_GROUP for group, _ in world.catalogue.incomplete):
            text = f"discovery: group {places.METRIC_SOURCE_GROUP} did not answer"
            unread["object"] = XpjobError(text)
        else:
            remarks.append("the API does not serve MetricSource objects; none are read")
    # Names and families of those who may count everything are not taken by others.
    documents.sort(key=lambda each: bool(each.namespace) and not options.sees_all(each.namespace))
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
    for where, error in unread.items():
        kind, key = keys[where]
        yield Subscription(key, dict, kind=kind, role=DOCUMENTS, error=error)


def _reads(options: SourcesOptions, kinds: Kinds) -> list[ListKey]:
    keys = [places.config_list()] if CONFIGMAPS in options.sources_from else []
    own = kinds.metric_sources
    if own is not None and OBJECTS in options.sources_from:
        keys.append(ListKey(own.gvr))
    return keys


def _unanswered(compiled: Compiled, group: str, version: str) -> Subscription:
    error = XpjobError(f"discovery: group version {group}/{version} did not answer".rstrip("/"))
    kind = Kind(group, version, ANY_RESOURCE, "", namespaced=False)
    uses = [Use(compiled, 0, None)]
    return Subscription(
        ListKey(kind.gvr), dict, role=SOURCE, context=Feed(kind, uses, Limits(0)), error=error
    )


def _subscriptions(
    wanted: Sequence[Wanted], limits: Limits, options: SourcesOptions
) -> Iterator[Subscription]:
    """Yield one subscription for each list; those of a kind read the same fields."""
    by_kind: dict[Kind, list[Wanted]] = defaultdict(list)
    for each in wanted:
        by_kind[each.kind].append(each)
    for kind, some in by_kind.items():
        read = [(each.use.source.source, each.use.target) for each in some]
        wire_type = wire(read)
        lists: dict[ListKey, list[Use]] = defaultdict(list)
        for each in _shared(some, kind, options):
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
                selects=place,
                metered=any(use.source.source.meter for use in uses),
            )


def _shared(some: Sequence[Wanted], kind: Kind, options: SourcesOptions) -> Sequence[Wanted]:
    """Let sources share longer lists, if there would be too many lists of parts.

    Those that count only their own namespace share one of it, the others one of the cluster.
    """
    if len({key for each in some for key in each.keys}) <= MAX_LISTS:
        return some
    return [
        each._replace(
            keys=(ListKey(kind.gvr, options.owner(each.use.source.document.namespace)),),
            exact=False,
        )
        for each in some
    ]


def wire(read: Iterable[tuple[Source, int]]) -> type[Any]:
    """Return the type of objects with what sources read of them, each for one of its targets."""
    shape = Shape()
    metadata = shape.key("metadata")
    for name in ("name", "namespace", "labels"):
        metadata.key(name).take()
    for source, target in read:
        source.declare(target, shape)
    return shape.wire()
