"""What the platform itself is made of, and whether it is well: XRDs and packages.

Read beside the targets, since nobody owns these and no tenant makes one: a handful of small
lists. What may not be read costs its metrics and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial

import msgspec
from msgspec import Struct

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.outcome import Count
from xpjob.collectors.crossplane.providers import Providers
from xpjob.collectors.crossplane.records import ManagedResource
from xpjob.collectors.crossplane.targets import MANAGED, Plan
from xpjob.collectors.crossplane.wire import Condition, ListMetadata, Metadata, Status
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue, Kind
from xpjob.kube.lists import Page, list_all
from xpjob.net.threads import each

# What is listed, and the conditions that each of them must have.
READ = {
    ("apiextensions.crossplane.io", "compositeresourcedefinitions"): ("Established",),
    ("pkg.crossplane.io", "providers"): ("Installed", "Healthy"),
    ("pkg.crossplane.io", "functions"): ("Installed", "Healthy"),
    ("pkg.crossplane.io", "configurations"): ("Installed", "Healthy"),
}
_OFFERED = "Offered"
_REVISION = "ProviderRevision"

_log = logging.getLogger(__name__)


class PartCondition(Struct, frozen=True, rename="camel", gc=False):
    """One condition of a part. ``status`` is empty where the part should have it and has not."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


class Part(Struct, frozen=True, rename="camel"):
    """One XRD or package."""

    group: str
    kind: str
    name: str
    conditions: list[PartCondition]


class ManagedKinds(Struct, frozen=True, rename="camel", gc=False):
    """How many kinds of MRs a provider has brought, by whether they are activated."""

    provider: str
    active: Count
    inactive: Count


class Platform(Struct, frozen=True, rename="camel"):
    """All parts. ``unread`` names the kinds that could not be listed in this run.

    ``provided`` names the provider of each kind of MRs that is listed, by ``<resource>.<group>``.
    """

    parts: list[Part] = []
    managed_kinds: list[ManagedKinds] = []
    unread: list[str] = []
    provided: dict[str, str] = {}

    @classmethod
    def joined(cls, found: Iterable[Platform]) -> Platform:
        """Return what several collectors have found as one."""
        joined = cls([], [], [], {})
        for each_one in found:
            joined.parts.extend(each_one.parts)
            joined.managed_kinds.extend(each_one.managed_kinds)
            joined.unread.extend(each_one.unread)
            joined.provided.update(each_one.provided)
        return joined

    def completed(self, previous: Platform) -> Platform:
        """Return this one, with what could not be read as it was before."""
        kept = [part for part in previous.parts if part.kind in self.unread]
        completed = msgspec.structs.replace(self, parts=[*self.parts, *kept])
        if _REVISION not in self.unread:
            return completed
        kinds, provided = previous.managed_kinds, previous.provided
        return msgspec.structs.replace(completed, managed_kinds=kinds, provided=provided)

    def attribute(self, mrs: Iterable[ManagedResource]) -> None:
        """Fill in the provider of MRs that were listed when it could not be read."""
        for mr in mrs:
            if not mr.provider:
                mr.provider = self.provided.get(f"{mr.resource}.{mr.group}", "")


class _Names(Struct):
    kind: str = ""


class _Spec(Struct, rename="camel"):
    claim_names: _Names | None = None


class _Object(Struct):
    metadata: Metadata
    spec: _Spec | None = None
    status: Status | None = None


class _List(Struct):
    items: list[_Object] | None
    metadata: ListMetadata | None = None


def read_platform(
    api: Api, catalogue: Catalogue, plan: Plan, page_size: int, concurrency: int
) -> Platform:
    """List what there is of ``READ``. A list that fails is said in the log, and in ``unread``."""
    there = [(kind, must) for key, must in READ.items() if (kind := catalogue.resource(*key))]

    def read(item: tuple[Kind, tuple[str, ...]]) -> list[Part] | XpjobError:
        kind, must = item
        decode = partial(_decode, kind=kind, must=must)
        try:
            return list_all(api, kind.path(), decode, page_size=page_size).items
        except XpjobError as error:
            return error

    parts: list[Part] = []
    unread = [] if plan.providers.known else [_REVISION]
    for (kind, _), answer in zip(there, each(read, there, concurrency), strict=True):
        if isinstance(answer, XpjobError):
            unread.append(kind.kind)
            # Rights for these are a choice: a line each minute would be noise.
            level = logging.INFO if isinstance(answer, RefusedError) else logging.WARNING
            _log.log(level, "their health is not known", extra={"kind": kind.kind, "error": answer})
        else:
            parts += answer
    provided = {
        f"{target.kind.resource}.{target.kind.group}": target.provider
        for target in plan.targets
        if target.class_ == MANAGED and target.provider
    }
    return Platform(parts, list(_managed_kinds(catalogue, plan.providers)), unread, provided)


def _decode(body: bytes, kind: Kind, must: tuple[str, ...]) -> Page[Part]:
    page = msgspec.json.decode(body, type=_List)
    parts = [
        Part(kind.group, kind.kind, item.metadata.name, list(_conditions(item, must)))
        for item in page.items or ()
    ]
    return Page(parts, 0, (page.metadata and page.metadata.continue_) or "")


def _conditions(item: _Object, must: tuple[str, ...]) -> Iterator[PartCondition]:
    found = {c.type: c for c in (item.status.conditions if item.status else None) or ()}
    offers = item.spec and item.spec.claim_names and item.spec.claim_names.kind
    for type_ in (*must, *((_OFFERED,) if offers else ())):
        condition = found.get(type_, Condition())
        yield PartCondition(type_, condition.status, condition.reason, condition.message)


def _managed_kinds(catalogue: Catalogue, providers: Providers) -> Iterator[ManagedKinds]:
    """Count definitions by provider: one that is not activated has no kind on the API."""
    served = {(kind.group, kind.resource) for kind in catalogue.kinds}
    by_provider: dict[str, list[bool]] = {}
    for key in providers.managed:
        by_provider.setdefault(providers.by_resource[key], []).append(key in served)
    for provider, active in sorted(by_provider.items()):
        yield ManagedKinds(provider, sum(active), len(active) - sum(active))
