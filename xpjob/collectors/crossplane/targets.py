"""Which lists to make, and who wins where several sources name the same kind.

Central GVRs come first, then the namespaces' ConfigMaps, then discovery. A kind is one (group,
resource): naming it in two versions does not list it twice. Claims of a ConfigMap are listed in
its namespace only; where discovery lists that kind everywhere, the ConfigMap's annotation keys
and source hold within its namespace, and nothing is listed twice.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from xpjob.base.errors import NotFoundError, TransientError, XpjobError
from xpjob.collectors.crossplane.configmaps import NamespaceConfig, read_configs
from xpjob.collectors.crossplane.providers import Providers, read_providers
from xpjob.config.settings import Settings
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue, Kind
from xpjob.kube.gvr import Gvr

# The API's own categories, in the order in which they win where a kind has several.
CLAIM, COMPOSITE, MANAGED = CLASSES = "claim", "composite", "managed"
CENTRAL, NAMESPACE, DISCOVERY = "central", "namespace", "discovery"
CONFIGMAPS = Gvr("", "v1", "configmaps")
ANY_RESOURCE = "*"
_HINTS = 10
"""Unknown GVRs of a run for which what is near is looked for: it takes long among many kinds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owners:
    """Where a record's source and owners come from."""

    source: str
    creator_key: str = ""
    team_key: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """One list to make. ``namespace`` is empty for all; ``why`` is for people.

    ``provider`` brought a managed kind, if known; ``listed`` has the run's (group, kind) pairs.
    """

    kind: Kind
    class_: str
    namespace: str
    owners: Owners
    why: str
    overrides: dict[str, Owners] = field(default_factory=dict)
    provider: str = ""
    listed: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    def owners_in(self, namespace: str) -> Owners:
        """Return whose annotation keys hold in a namespace."""
        return self.overrides.get(namespace, self.owners)

    def __str__(self) -> str:
        return f"{self.kind.gvr}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Unlistable:
    """What should be listed and cannot be, found out before any list was made.

    ``gone``: the API answered, and has no such kind.
    """

    gvr: Gvr
    class_: str
    namespace: str
    source: str
    error: XpjobError
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All targets of a run, in a stable order, and what is wrong with the rest."""

    targets: tuple[Target, ...]
    unlistable: tuple[Unlistable, ...] = ()
    namespace_configs: int = 0
    malformed_configs: int = 0
    providers: Providers = field(default_factory=Providers)

    @classmethod
    def joined(cls, plans: Sequence[Plan]) -> Plan:
        """Return what several collectors plan as one, without providers."""
        return cls(
            tuple(target for plan in plans for target in plan.targets),
            tuple(item for plan in plans for item in plan.unlistable),
            sum(plan.namespace_configs for plan in plans),
            sum(plan.malformed_configs for plan in plans),
        )


def plan(api: Api, settings: Settings, catalogue: Catalogue) -> Plan:
    """Decide the targets of a run. Reads ConfigMaps; a failure of that is in the plan."""
    unlistable = []
    configs: list[NamespaceConfig] = []
    malformed = 0
    for namespace in settings.kube_namespace_scope or ("",):
        try:
            good, bad = read_configs(api, namespace, settings.page_size)
        except XpjobError as error:
            unlistable.append(Unlistable(CONFIGMAPS, "", namespace, NAMESPACE, error))
        else:
            configs += good
            malformed += bad
    made = _Planner(settings, catalogue)
    made.add_central()
    made.add_namespaces(configs)
    made.add_discovered()
    targets = sorted(made.targets, key=lambda t: (CLASSES.index(t.class_), t.kind.gvr, t.namespace))
    providers = read_providers(api, catalogue, settings.page_size)
    listed = frozenset((target.kind.group, target.kind.kind) for target in targets)
    whole = tuple(
        replace(t, provider=providers.by_resource.get(_key(t.kind), ""), listed=listed)
        for t in targets
    )
    unlistable += made.unlistable
    return Plan(whole, tuple(unlistable), len(configs), malformed + made.malformed, providers)


def _key(item: Kind | Gvr) -> tuple[str, str]:
    return (item.group, item.resource)


def _said_otherwise(kind: Kind, class_: str) -> bool:
    """Tell whether the API puts this kind into another class."""
    return bool((frozenset(CLASSES) - {class_}) & kind.categories)


class _Planner:
    """Gathers targets in the order of precedence."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.targets: list[Target] = []
        self.unlistable: list[Unlistable] = []
        self.malformed = 0
        self._settings = settings
        self._catalogue = catalogue
        self._owners = Owners(
            CENTRAL, settings.creator_annotation_key, settings.team_annotation_key
        )
        self._everywhere: set[tuple[str, str]] = set()
        self._within: dict[tuple[str, str], dict[str, Target]] = {}
        self._unknown: set[tuple[Gvr, str]] = set()

    def add_central(self) -> None:
        settings = self._settings
        named = (
            (CLAIM, "CLAIM_GVRS", settings.claim_gvrs),
            (COMPOSITE, "XR_GVRS", settings.xr_gvrs),
            (MANAGED, "MR_GVRS", settings.mr_gvrs),
        )
        for class_, variable, gvrs in named:
            for gvr in gvrs:
                kind = self._kind(gvr, class_, "", CENTRAL, variable)
                self._everywhere.add(_key(gvr))
                if kind and _said_otherwise(kind, class_):
                    _log.warning(
                        "the API says otherwise: is this GVR in the right variable?",
                        extra={"gvr": str(gvr), "variable": variable},
                    )
                if kind:
                    self._add(kind, class_, self._owners, variable)

    def add_namespaces(self, configs: Sequence[NamespaceConfig]) -> None:
        for config in configs:
            owners = Owners(
                NAMESPACE,
                config.creator_annotation_key or self._owners.creator_key,
                config.team_annotation_key or self._owners.team_key,
            )
            for gvr in config.claim_gvrs:
                self._add_tenant_claim(config, gvr, owners)
            for gvr in config.xr_gvrs:
                key = _key(gvr)
                if key in self._everywhere:
                    continue
                kind = self._kind(gvr, COMPOSITE, "", NAMESPACE, str(config))
                if kind and _said_otherwise(kind, COMPOSITE):
                    self._reject(config, gvr, "the API says that this kind is no XR")
                elif kind:
                    self._everywhere.add(key)
                    self._add(kind, COMPOSITE, owners, str(config))

    def _add_tenant_claim(self, config: NamespaceConfig, gvr: Gvr, owners: Owners) -> None:
        key = _key(gvr)
        if key in self._everywhere or config.namespace in self._within.get(key, {}):
            return
        kind = self._kind(gvr, CLAIM, config.namespace, NAMESPACE, str(config))
        if kind and _said_otherwise(kind, CLAIM):
            self._reject(config, gvr, "the API says that this kind is no claim")
        elif kind and not kind.namespaced:
            self._reject(config, gvr, "this kind is cluster-scoped, so it is no claim")
        elif kind:
            target = Target(kind, CLAIM, config.namespace, owners, str(config))
            self._within.setdefault(key, {})[config.namespace] = target
            self.targets.append(target)

    def _reject(self, config: NamespaceConfig, gvr: Gvr, why: str) -> None:
        """Skip what a tenant has named in the wrong place: it must not hide it from others."""
        self.malformed += 1
        _log.warning(
            "GVR of a ConfigMap skipped",
            extra={
                "gvr": str(gvr),
                "why": why,
                "configmap": config.name,
                "namespace": config.namespace,
            },
        )

    def add_discovered(self) -> None:
        settings = self._settings
        central = settings.claim_gvrs or settings.xr_gvrs or settings.mr_gvrs
        if settings.discovery == "never" or (settings.discovery == "auto" and central):
            return
        for group, version in self._catalogue.incomplete:
            error = TransientError(
                f"{group}/{version} did not answer discovery, so its kinds are not known; look at "
                "its API service"
            )
            item = Unlistable(Gvr(group, version, ANY_RESOURCE), "", "", DISCOVERY, error)
            self.unlistable.append(item)
        for class_ in CLASSES:
            for kind in self._catalogue.in_category(class_):
                key = _key(kind)
                if key in self._everywhere:
                    continue
                self._everywhere.add(key)
                self._replace_tenants(key)
                why = f"discovery: category {class_}"
                self._add(kind, class_, replace(self._owners, source=DISCOVERY), why)

    def _replace_tenants(self, key: tuple[str, str]) -> None:
        """Drop the lists within namespaces that one list everywhere is about to cover."""
        covered = self._within.get(key)
        if not covered:
            return
        self.targets = [
            target
            for target in self.targets
            if _key(target.kind) != key or target.namespace not in covered
        ]

    def _add(self, kind: Kind, class_: str, owners: Owners, why: str) -> None:
        # Only namespaced kinds are restricted: a cluster-scoped one has no list in a namespace.
        scope = self._settings.kube_namespace_scope if kind.namespaced else ()
        tenants = self._within.get(_key(kind), {})
        overrides = {namespace: target.owners for namespace, target in tenants.items()}
        for namespace in scope or ("",):
            self.targets.append(Target(kind, class_, namespace, owners, why, overrides))

    def _kind(self, gvr: Gvr, class_: str, namespace: str, source: str, where: str) -> Kind | None:
        kind = self._catalogue.find(gvr)
        # Several ConfigMaps may name one XR: it fails once.
        if kind is None and (gvr, namespace) not in self._unknown:
            self._unknown.add((gvr, namespace))
            error = NotFoundError(f"{where}: the API has no {gvr}; {self._hint(gvr)}")
            gone = (gvr.group, gvr.version) not in self._catalogue.incomplete
            self.unlistable.append(Unlistable(gvr, class_, namespace, source, error, gone))
        return kind

    def _hint(self, gvr: Gvr) -> str:
        if (gvr.group, gvr.version) in self._catalogue.incomplete:
            return "its group did not answer discovery: try again, or look at its API service"
        if len(self._unknown) <= _HINTS:
            known = [str(kind.gvr) for kind in self._catalogue.kinds]
            near = difflib.get_close_matches(str(gvr), known, n=3, cutoff=0.75)
            if near:
                return f"did you mean {' or '.join(near)}?"
        return "check the spelling, or install its XRD (kubectl api-resources lists what there is)"


def describe(plan: Plan) -> Iterator[dict[str, object]]:
    """Yield one row a target, for ``xpjob targets``."""
    for target in plan.targets:
        yield {
            "class": target.class_,
            "group": target.kind.group,
            "version": target.kind.version,
            "resource": target.kind.resource,
            "kind": target.kind.kind,
            "namespaced": target.kind.namespaced,
            "namespace": target.namespace,
            "source": target.owners.source,
            "why": target.why,
            "overrides": {ns: owners.source for ns, owners in target.overrides.items()},
            "error": "",
        }
    for item in plan.unlistable:
        yield {
            "class": item.class_,
            "group": item.gvr.group,
            "version": item.gvr.version,
            "resource": item.gvr.resource,
            "kind": "",
            "namespaced": None,
            "namespace": item.namespace,
            "source": item.source,
            "why": "",
            "overrides": {},
            "error": str(item.error),
        }
