"""Which kinds exist, from aggregated discovery: one request, whatever the number of groups.

Servers without it (before 1.26) answer with a plain list of groups; then each group-version is
asked for its resources, as kubectl did.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.kube.api import Api
from xpjob.kube.gvr import Gvr
from xpjob.net.threads import each

T = TypeVar("T")

# v2 first; v2beta1 for servers from 1.27 to 1.29; a plain list from all the others.
_ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One listable resource type."""

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
        """Return the list's path; without a namespace it is cluster-wide."""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}/{self.version}{within}/{self.resource}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All listable kinds of the API, in the server's order of preference.

    ``incomplete`` names the group-versions that could not tell what they have.
    """

    kinds: tuple[Kind, ...]
    incomplete: tuple[tuple[str, str], ...] = ()
    _by_gvr: dict[Gvr, Kind] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_gvr", {kind.gvr: kind for kind in self.kinds})

    def find(self, gvr: Gvr) -> Kind | None:
        """Return the kind that is served at exactly this version."""
        return self._by_gvr.get(gvr)

    def resource(self, group: str, resource: str) -> Kind | None:
        """Return a resource in its preferred version."""
        found = (kind for kind in self.kinds if (kind.group, kind.resource) == (group, resource))
        return next(found, None)

    def in_category(self, category: str) -> Iterator[Kind]:
        """Yield each (group, resource) of a category once, in its preferred version."""
        seen = set()
        for kind in self.kinds:
            if category in kind.categories and (kind.group, kind.resource) not in seen:
                seen.add((kind.group, kind.resource))
                yield kind


class _ResponseKind(msgspec.Struct):
    kind: str = ""


class _Resource(msgspec.Struct, rename="camel"):
    resource: str
    response_kind: _ResponseKind | None = None
    scope: str = ""
    verbs: list[str] = []
    categories: list[str] = []


class _Version(msgspec.Struct):
    version: str
    freshness: str = "Current"
    resources: list[_Resource] = []


class _Name(msgspec.Struct):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _Name
    versions: list[_Version] = []


class _Aggregated(msgspec.Struct):
    """All groups. They must be there, or else it is another document: an API has some always."""

    items: list[_Group]


class _GroupVersion(msgspec.Struct, rename="camel"):
    group_version: str
    version: str


class _PlainGroup(msgspec.Struct, rename="camel"):
    name: str
    versions: list[_GroupVersion] = []
    preferred_version: _GroupVersion | None = None


class _PlainGroups(msgspec.Struct):
    """The same of a server without aggregated discovery."""

    groups: list[_PlainGroup]


class _PlainResource(msgspec.Struct):
    name: str
    kind: str = ""
    namespaced: bool = False
    verbs: list[str] = []
    categories: list[str] | None = None


class _PlainResources(msgspec.Struct):
    """One group-version. Go writes null for a list of none."""

    resources: list[_PlainResource] | None


def discover(api: Api, concurrency: int) -> Catalogue:
    """Ask the API what it serves. Raises the errors of ``Api.get``, and ``BadAnswerError``."""
    answer = api.get("/apis", {}, accept=_ACCEPT)
    if "APIGroupDiscoveryList" in answer.headers.get("Content-Type", ""):
        catalogue = _aggregated(_decode(answer.body, _Aggregated, "/apis"))
    else:
        catalogue = _one_by_one(api, _decode(answer.body, _PlainGroups, "/apis"), concurrency)
    for group_version in catalogue.incomplete:
        _log.warning(
            "discovery is incomplete: kinds of this group version are not known in this run",
            extra={"group_version": "/".join(group_version)},
        )
    return catalogue


def _aggregated(document: _Aggregated) -> Catalogue:
    kinds, stale = [], []
    for group in document.items:
        for version in group.versions:
            if version.freshness == "Stale":
                stale.append((group.metadata.name, version.version))
            for item in version.resources:
                if "list" in item.verbs and item.response_kind and item.response_kind.kind:
                    kinds.append(
                        Kind(
                            group.metadata.name,
                            version.version,
                            item.resource,
                            item.response_kind.kind,
                            item.scope == "Namespaced",
                            frozenset(item.categories),
                        )
                    )
    return Catalogue(tuple(kinds), tuple(stale))


def _one_by_one(api: Api, document: _PlainGroups, concurrency: int) -> Catalogue:
    wanted = [
        (group.name, version.version)
        for group in document.groups
        for version in _preferred_first(group)
    ]

    def ask(group_version: tuple[str, str]) -> list[Kind] | XpjobError:
        group, version = group_version
        path = f"/apis/{group}/{version}"
        try:
            body = api.get(path, {}, accept="application/json").body
            return list(
                _plain(group, version, _decode(body, _PlainResources, path).resources or ())
            )
        except XpjobError as error:
            # One broken aggregated API service must not hide the others.
            return error

    answers = each(ask, wanted, concurrency)
    kinds: list[Kind] = []
    failed = []
    for group_version, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, XpjobError):
            failed.append(group_version)
        else:
            kinds.extend(answer)
    return Catalogue(tuple(kinds), tuple(failed))


def _preferred_first(group: _PlainGroup) -> list[_GroupVersion]:
    return sorted(group.versions, key=lambda version: version != group.preferred_version)


def _plain(group: str, version: str, resources: Iterable[_PlainResource]) -> Iterator[Kind]:
    for item in resources:
        if "list" in item.verbs and "/" not in item.name and item.kind:
            categories = frozenset(item.categories or ())
            yield Kind(group, version, item.name, item.kind, item.namespaced, categories)


def _decode(body: bytes, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswerError(
            f"GET {path}: the answer is no discovery document ({error}); is this a Kubernetes API?"
        ) from error
