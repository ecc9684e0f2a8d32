"""State of the platform itself: XRDs and packages.

These few small lists are read while planning, because their objects have no tenants and owners. A
refused list costs only its metrics.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.base.times import seconds_between
from xpjob.collect.before import Before
from xpjob.collect.carry import stale_since
from xpjob.collect.contract import World
from xpjob.collectors.crossplane.absence import (
    EMPTY,
    MANY,
    NOT_SERVED,
    REFERENCES,
    Absence,
    Evidence,
)
from xpjob.collectors.crossplane.classes import MANAGED
from xpjob.collectors.crossplane.definitions import XRDS, Definition
from xpjob.collectors.crossplane.providers import REVISIONS, Providers
from xpjob.collectors.crossplane.records import ManagedResource
from xpjob.collectors.crossplane.targets import Targets
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import ListKey
from xpjob.kube.objects import Condition
from xpjob.metrics.cumulative import Count

# The resources to list, and the conditions that each object must have.
READ = {
    XRDS: ("Established",),
    ("pkg.crossplane.io", "providers"): ("Installed", "Healthy"),
    ("pkg.crossplane.io", "functions"): ("Installed", "Healthy"),
    ("pkg.crossplane.io", "configurations"): ("Installed", "Healthy"),
}
_OFFERED = "Offered"
_REVISION = "ProviderRevision"
_ALL = "*"
"""Name in an absence: all objects of a kind."""

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
    ``carried_since`` maps each kind that is kept to the time since which it is stale (RFC 3339).
    """

    parts: list[Part] = []
    managed_kinds: list[ManagedKinds] = []
    unread: list[str] = []
    provided: dict[str, str] = {}
    carried_since: dict[str, str] = {}

    def completed(self, before: Before, evidence: Evidence, at: str) -> Platform:
        """Return this state at a time (RFC 3339), with what could not be read as it was before.

        It is dropped when it is as old as carried records may be, but for whose kinds MRs are of.
        """
        previous: Platform = before.state.platform
        silent = {part.kind for part in previous.parts if evidence.is_silent(part.group, part.kind)}
        there = {part.kind for part in previous.parts}
        if previous.managed_kinds:
            there.add(_REVISION)
        since = {
            kind: moment
            for kind in sorted({*self.unread, *silent} & there)
            for moment in [stale_since(previous.carried_since.get(kind, ""), before)]
            if seconds_between(moment, at) < before.max_age
        }
        kept = [part for part in previous.parts if part.kind in since]
        completed = msgspec.structs.replace(self, parts=[*self.parts, *kept], carried_since=since)
        if _REVISION not in self.unread:
            return completed
        kinds = previous.managed_kinds if _REVISION in since else []
        return msgspec.structs.replace(completed, managed_kinds=kinds, provided=previous.provided)

    def attribute(self, mrs: Iterable[ManagedResource]) -> None:
        """Set the provider of MRs that have none because it could not be read."""
        for mr in mrs:
            if not mr.provider:
                mr.provider = self.provided.get(f"{mr.resource}.{mr.group}", "")


def read_platform(world: World, plan: Targets) -> Platform:
    """List the resources of ``READ``. Failed lists are logged, and added to ``unread``.

    XRDs have been listed already, for planning.
    """
    catalogue, definitions = world.catalogue, plan.definitions
    served = [(kind, must) for key, must in READ.items() if (kind := catalogue.resource(*key))]
    parts: list[Part] = []
    unread = [] if definitions.providers.known else [_REVISION]
    packages = [kind for kind, _ in served if (kind.group, kind.resource) != XRDS]
    listed = world.read_each([(ListKey(kind.gvr), Definition) for kind in packages])
    answers = dict(zip(packages, listed, strict=True))
    for kind, must in served:
        answer = answers.get(kind, definitions.xrds)
        if answer is None:
            continue
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
    return Platform(parts, list(_managed_kinds(catalogue, definitions.providers)), unread, provided)


def settle(
    now: Platform,
    before: Platform,
    providers: Providers,
    evidence: Evidence,
    known: Mapping[tuple[str, str, str], Absence],
    at: str,
) -> tuple[Platform, list[Absence]]:
    """Keep previous parts and references that are missing for the first time.

    ``known`` has the absences of the previous run by key. Returns them with those of this run.
    """
    now, absences = _settle_parts(now, before, evidence, known, at)
    group = REVISIONS.group
    if _REVISION in now.unread:
        pending = [a for key, a in known.items() if key[:2] == (group, _REVISION)]
        return now, [*absences, *pending]
    provided, kinds = dict(now.provided), {item.provider: item for item in now.managed_kinds}
    earlier = {item.provider: item for item in before.managed_kinds}
    for name in providers.names or ({_ALL} if before.provided or earlier else ()):
        gone = {
            resource: provider
            for resource, provider in before.provided.items()
            if name in (_ALL, provider) and _key(resource) not in providers.by_resource
        }
        fewer = {
            provider: item
            for provider, item in earlier.items()
            if name in (_ALL, provider) and _total(kinds.get(provider)) < _total(item)
        }
        lost = max(len(gone), sum(_total(i) - _total(kinds.get(p)) for p, i in fewer.items()))
        # Revisions that are deleted one by one are normal.
        normal = name == _ALL and providers.served and lost < MANY
        if not lost or normal or (group, _REVISION, name) in known:
            continue
        provided |= gone
        kinds |= fewer
        absences.append(
            Absence(group=group, kind=_REVISION, name=name, reason=REFERENCES, kept=lost, since=at)
        )
    settled = [kinds[provider] for provider in sorted(kinds)]
    return msgspec.structs.replace(now, provided=provided, managed_kinds=settled), absences


def _settle_parts(
    now: Platform,
    before: Platform,
    evidence: Evidence,
    known: Mapping[tuple[str, str, str], Absence],
    at: str,
) -> tuple[Platform, list[Absence]]:
    absences, kept = [], []
    there = {(part.group, part.kind) for part in now.parts}
    for (group, kind), count in Counter((p.group, p.kind) for p in before.parts).items():
        key = (group, kind, _ALL)
        served = (group, kind) in evidence.served
        if kind in now.unread or evidence.is_silent(group, kind):
            absences += [known[key]] if key in known else []
        elif not ((group, kind) in there or key in known or (served and count < MANY)):
            reason = EMPTY if served else NOT_SERVED
            absences.append(
                Absence(group=group, kind=kind, name=_ALL, reason=reason, kept=count, since=at)
            )
            kept += [part for part in before.parts if (part.group, part.kind) == (group, kind)]
    return msgspec.structs.replace(now, parts=[*now.parts, *kept]), absences


def _key(resource: str) -> tuple[str, str]:
    name, _, group = resource.partition(".")
    return group, name


def _total(item: ManagedKinds | None) -> int:
    return item.active + item.inactive if item else 0


def _conditions(item: Definition, must: tuple[str, ...]) -> Iterator[PartCondition]:
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
