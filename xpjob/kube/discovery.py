"""Discover the kinds that the API serves, with aggregated discovery: one request for all groups.

Servers without it (before 1.26) answer with a plain list of groups; then the resources of each
group version are requested, as kubectl did. Core kinds (pods, nodes, ...) have no group, and a
separate document under /api.

Parts of these documents come from aggregated API services of varying quality: null counts as
empty, and an unreadable entry does not affect others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.kube.api import Api
from xpjob.kube.decode import document
from xpjob.kube.gvr import Gvr
from xpjob.kube.mend import UNREADABLE
from xpjob.net.response import Response
from xpjob.net.threads import each

S = TypeVar("S", bound=Struct)


# v2 first; v2beta1 for servers from 1.27 to 1.29; a plain list from all others.
_ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

_log = logging.getLogger(__name__)


class Kind(Struct, frozen=True):
    """One resource type that can be listed."""

    group: str
    version: str
    resource: str
    kind: str
    namespaced: bool
    categories: frozenset[str] = frozenset()

    @property
    def gvr(self) -> Gvr:
        """Return group, version and resource."""
        return Gvr(self.group, self.version, self.resource)

    def path(self, namespace: str = "") -> str:
        """Return the path of the list; cluster-wide without a namespace."""
        return self.gvr.path(namespace)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All listable kinds of the API, in the server's order of preference.

    ``incomplete`` has the group versions that did not answer discovery.
    """

    kinds: tuple[Kind, ...]
    incomplete: tuple[tuple[str, str], ...] = ()
    _by_gvr: dict[Gvr, Kind] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_gvr", {kind.gvr: kind for kind in self.kinds})

    def find(self, gvr: Gvr) -> Kind | None:
        """Return the kind at exactly this version."""
        return self._by_gvr.get(gvr)

    def resource(self, group: str, resource: str) -> Kind | None:
        """Return a resource in its preferred version."""
        matches = (kind for kind in self.kinds if (kind.group, kind.resource) == (group, resource))
        return next(matches, None)

    def in_category(self, category: str) -> Iterator[Kind]:
        """Yield each (group, resource) of a category once, in its preferred version."""
        seen = set()
        for kind in self.kinds:
            if category in kind.categories and (kind.group, kind.resource) not in seen:
                seen.add((kind.group, kind.resource))
                yield kind


class _ResponseKind(Struct):
    kind: str = ""


class _Resource(Struct, rename="camel"):
    resource: str
    response_kind: _ResponseKind | None = None
    scope: str = ""
    verbs: list[str] | None = None
    categories: list[str] | None = None


class _Version(Struct):
    version: str
    freshness: str = "Current"
    resources: list[_Resource] | None = None


class _Name(Struct):
    name: str = ""


class _Group(Struct):
    metadata: _Name | None = None
    versions: list[_Version] | None = None


class _Aggregated(Struct):
    """All groups. ``items`` is required: without it this is a different document."""

    items: list[_Group]


class _GroupVersion(Struct):
    version: str


class _PlainGroup(Struct, rename="camel"):
    name: str
    versions: list[_GroupVersion] | None = None
    preferred_version: _GroupVersion | None = None


class _PlainGroups(Struct):
    """The groups of a server without aggregated discovery."""

    groups: list[_PlainGroup]


class _PlainCore(Struct):
    """The versions of core kinds."""

    versions: list[str]


class _PlainResource(Struct):
    name: str
    kind: str = ""
    namespaced: bool = False
    verbs: list[str] | None = None
    categories: list[str] | None = None


class _PlainResources(Struct):
    """The resources of one group version. Go encodes an empty list as null."""

    resources: list[_PlainResource] | None


class _Discovered(Struct, frozen=True):
    """Content of one document: kinds, group versions without an answer, and those to request."""

    kinds: Sequence[Kind] = ()
    incomplete: Sequence[tuple[str, str]] = ()
    to_request: Sequence[tuple[str, str]] = ()


def discover(api: Api, concurrency: int, *, core: bool = False) -> Catalogue:
    """Return what the API serves; core kinds only if ``core``.

    Raises the errors of ``Api.get``, and ``BadAnswerError``.
    """
    return _discover(api, (_core, _groups) if core else (_groups,), concurrency)


def discover_core(api: Api, concurrency: int) -> Catalogue:
    """Return the core kinds, those without a group. A failure makes it incomplete."""
    return _discover(api, (_core,), concurrency)


def _discover(
    api: Api, requests: Sequence[Callable[[Api], _Discovered]], concurrency: int
) -> Catalogue:
    roots = each(lambda request: request(api), requests, len(requests))
    to_request = [group_version for root in roots for group_version in root.to_request]
    parts = [*roots, *each(partial(_group_version, api), to_request, concurrency)]
    kinds = {kind.gvr: kind for part in parts for kind in part.kinds}
    incomplete = tuple(group_version for part in parts for group_version in part.incomplete)
    for group_version in incomplete:
        _log.warning(
            "discovery incomplete: group version did not answer",
            extra={"group_version": "/".join(group_version)},
        )
    return Catalogue(tuple(kinds.values()), incomplete)


def _groups(api: Api) -> _Discovered:
    answer = api.get("/apis", {}, accept=_ACCEPT)
    if _is_aggregated(answer):
        groups = _read(answer.body, _Aggregated, "/apis").items
        return _aggregated([(_name(group), group) for group in groups if _name(group)])
    plain = _read(answer.body, _PlainGroups, "/apis").groups
    named = [(group.name, one.version) for group in plain for one in _preferred_first(group)]
    return _Discovered(to_request=[group_version for group_version in named if all(group_version)])


def _core(api: Api) -> _Discovered:
    """Discover core kinds. A failure does not affect other kinds."""
    try:
        answer = api.get("/api", {}, accept=_ACCEPT)
        if _is_aggregated(answer):
            groups = _read(answer.body, _Aggregated, "/api").items
            return _aggregated([("", group) for group in groups if not _name(group)])
        versions = _read(answer.body, _PlainCore, "/api").versions
    except XpjobError as error:
        _log.warning("discovery of core kinds failed", extra={"error": str(error)})
        return _Discovered(incomplete=[("", "v1")])
    return _Discovered(to_request=[("", version) for version in versions if version])


def _is_aggregated(answer: Response) -> bool:
    return "APIGroupDiscoveryList" in answer.headers.get("Content-Type", "")


def _name(group: _Group) -> str:
    return group.metadata.name if group.metadata else ""


def _aggregated(groups: Sequence[tuple[str, _Group]]) -> _Discovered:
    kinds: list[Kind] = []
    stale = []
    for group, entry in groups:
        for version in entry.versions or ():
            if version.freshness == "Stale":
                stale.append((group, version.version))
            for item in version.resources or ():
                kind = item.response_kind.kind if item.response_kind else ""
                plain = _PlainResource(
                    item.resource, kind, item.scope == "Namespaced", item.verbs, item.categories
                )
                kinds += _listable(group, version.version, plain)
    return _Discovered(kinds, stale)


def _group_version(api: Api, group_version: tuple[str, str]) -> _Discovered:
    group, version = group_version
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        body = api.get(path, {}, accept="application/json").body
        resources = _read(body, _PlainResources, path).resources or ()
    except XpjobError:
        # A broken aggregated API service must not hide the others.
        return _Discovered(incomplete=[group_version])
    return _Discovered([kind for item in resources for kind in _listable(group, version, item)])


def _preferred_first(group: _PlainGroup) -> list[_GroupVersion]:
    return sorted(group.versions or (), key=lambda version: version != group.preferred_version)


def _listable(group: str, version: str, item: _PlainResource) -> Iterator[Kind]:
    """Yield the kind of a resource, if it can be listed."""
    names = version and item.name and item.kind and "/" not in item.name
    if names and "list" in (item.verbs or ()):
        categories = frozenset(item.categories or ())
        yield Kind(group, version, item.name, item.kind, item.namespaced, categories)


def _read(body: bytes, kind: type[S], path: str) -> S:
    try:
        decoded, lost = document(body, kind)
        if lost.values and not any(msgspec.structs.astuple(decoded)):
            # Taken for an API without kinds, it would make the run drop all carried rows.
            raise msgspec.ValidationError(f"nothing in it can be read: {lost.first}")
    except UNREADABLE as error:
        raise BadAnswerError(
            f"GET {path}: the answer is not a discovery document ({error}); is this a Kubernetes "
            "API?"
        ) from error
    if lost.values:
        _log.warning(
            "unreadable values in discovery ignored",
            extra={"path": path, "values": lost.values, "first": lost.first},
        )
    return decoded
