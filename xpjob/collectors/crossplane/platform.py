"""State of the platform itself: XRDs and packages.

These few small lists are read while planning, because their objects have no tenants and owners. A
refused list costs only its metrics.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.contract import World
from xpjob.collectors.crossplane.providers import Providers
from xpjob.collectors.crossplane.records import ManagedResource
from xpjob.collectors.crossplane.targets import MANAGED, Targets
from xpjob.collectors.crossplane.wire import Status
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import ListKey
from xpjob.kube.objects import Condition, Metadata
from xpjob.metrics.cumulative import Count

# The resources to list, and the conditions that each object must have.
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
    """A condition of a part. ``status`` is empty if the part lacks this condition."""

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
    """Number of kinds of MRs that a provider has installed, by activation."""

    provider: str
    active: Count
    inactive: Count


class Platform(Struct, frozen=True, rename="camel"):
    """All parts. ``unread`` has the kinds that could not be listed in this run.

    ``provided`` maps each listed kind of MRs, as ``<resource>.<group>``, to its provider.
    """

    parts: list[Part] = []
    managed_kinds: list[ManagedKinds] = []
    unread: list[str] = []
    provided: dict[str, str] = {}

    def completed(self, previous: Platform) -> Platform:
        """Return this state, with unread parts taken from the previous one."""
        kept = [part for part in previous.parts if part.kind in self.unread]
        completed = msgspec.structs.replace(self, parts=[*self.parts, *kept])
        if _REVISION not in self.unread:
            return completed
        kinds, provided = previous.managed_kinds, previous.provided
        return msgspec.structs.replace(completed, managed_kinds=kinds, provided=provided)

    def attribute(self, mrs: Iterable[ManagedResource]) -> None:
        """Set the provider of MRs that have none because it could not be read."""
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


def read_platform(world: World, plan: Targets) -> Platform:
    """List the resources of ``READ``. Failed lists are logged, and added to ``unread``."""
    catalogue = world.catalogue
    served = [(kind, must) for key, must in READ.items() if (kind := catalogue.resource(*key))]
    parts: list[Part] = []
    unread = [] if plan.providers.known else [_REVISION]
    answers = world.read_each([(ListKey(kind.gvr), _Object) for kind, _ in served])
    for (kind, must), answer in zip(served, answers, strict=True):
        if isinstance(answer, XpjobError):
            unread.append(kind.kind)
            # These rights are optional, so a missing one is not a warning in every run.
            level = logging.INFO if isinstance(answer, RefusedError) else logging.WARNING
            _log.log(
                level, "platform resource not listed", extra={"kind": kind.kind, "error": answer}
            )
            continue
        if answer.malformed:
            _log.warning(
                "unreadable objects skipped",
                extra={"gvr": str(kind.gvr), "malformed": answer.malformed},
            )
        parts += [
            Part(kind.group, kind.kind, item.metadata.name, list(_conditions(item, must)))
            for item in answer.items
        ]
    provided = {
        f"{target.kind.resource}.{target.kind.group}": target.provider
        for target in plan.targets
        if target.class_ == MANAGED and target.provider
    }
    return Platform(parts, list(_managed_kinds(catalogue, plan.providers)), unread, provided)


def _conditions(item: _Object, must: tuple[str, ...]) -> Iterator[PartCondition]:
    by_type = {c.type: c for c in (item.status.conditions if item.status else None) or ()}
    offers = item.spec and item.spec.claim_names and item.spec.claim_names.kind
    for type_ in (*must, *((_OFFERED,) if offers else ())):
        condition = by_type.get(type_, Condition())
        yield PartCondition(type_, condition.status, condition.reason, condition.message)


def _managed_kinds(catalogue: Catalogue, providers: Providers) -> Iterator[ManagedKinds]:
    """Count definitions by provider. The API does not serve the kind of an inactive one."""
    served = {(kind.group, kind.resource) for kind in catalogue.kinds}
    by_provider: dict[str, list[bool]] = {}
    for key in providers.managed:
        by_provider.setdefault(providers.by_resource[key], []).append(key in served)
    for provider, active in sorted(by_provider.items()):
        yield ManagedKinds(provider, sum(active), len(active) - sum(active))
