"""Determine the lists to request, and the precedence of several sources of the same kind.

Central GVRs come first, then the namespaces' ConfigMaps, then discovery, where ``definitions``
decides what a kind is. A kind is one (group, resource), so two versions of it are not listed twice.
Claims of a ConfigMap are listed in its namespace only, XRs in the whole cluster. What it says of
owners (the annotation keys, and the source) applies to objects of its namespace, whoever else lists
the kind, and to cluster-scoped XRs bound to claims of its namespace; never to objects of others.
Nothing is listed twice.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from xpjob.base.errors import NotFoundError, TransientError, XpjobError
from xpjob.collect.carry import ANY_RESOURCE
from xpjob.collect.contract import Skipped, World
from xpjob.collectors.crossplane.classes import CLAIM, CLASSES, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.configmaps import (
    CONFIGMAPS,
    NamespaceConfig,
    config_list,
    read_configs,
)
from xpjob.collectors.crossplane.definitions import (
    Decision,
    Definitions,
    ask_owners,
    read_definitions,
    remarks_of,
    tell_unreadable,
)
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.crossplane.target import (
    CENTRAL,
    DISCOVERY,
    NAMESPACE,
    Owners,
    Target,
    Unlistable,
)
from xpjob.collectors.crossplane.tenants import Contradictions
from xpjob.kube.discovery import Catalogue, Kind
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey

_CATEGORIES = frozenset(CLASSES)
_MAX_HINTS = 10
"""Unknown GVRs of a run with a "did you mean": the search is slow among many kinds."""

_log = logging.getLogger(__name__)


class Targets(Struct, frozen=True):
    """All targets of a run, in a stable order, and the lists that cannot be requested.

    ``skipped`` has the discovered kinds that are not listed; ``undefined`` those of them that no
    definition vouches for, by (group, kind).
    """

    targets: tuple[Target, ...]
    unlistable: tuple[Unlistable, ...] = ()
    namespace_configs: int = 0
    malformed_configs: int = 0
    conflicting_configs: int = 0
    definitions: Definitions = field(default_factory=Definitions)
    skipped: tuple[Skipped, ...] = ()
    undefined: frozenset[tuple[str, str]] = frozenset()
    remarks: tuple[str, ...] = ()


def config_lists(options: CrossplaneOptions) -> list[ListKey]:
    """Return the lists of tenants' ConfigMaps."""
    return [config_list(namespace) for namespace in options.kube_namespace_scope or ("",)]


def plan(world: World, options: CrossplaneOptions) -> Targets:
    """Determine the targets of a run. Reads ConfigMaps; a failure is part of the result."""
    unlistable = []
    configs: list[NamespaceConfig] = []
    malformed = 0
    for namespace in options.kube_namespace_scope or ("",):
        try:
            good, bad = read_configs(world, namespace)
        except XpjobError as error:
            unlistable.append(Unlistable(CONFIGMAPS, "", namespace, NAMESPACE, error))
        else:
            configs += good
            malformed += bad
    definitions = read_definitions(world)
    planner = _Planner(options, world.catalogue, definitions)
    planner.add_central()
    planner.add_namespaces(configs)
    if planner.discovers:
        tell_unreadable(definitions)
        ask_owners(world, definitions, planner.undecided())
        planner.add_discovered()
    planner.add_tenants_xrs()
    planner.contradictions.tell()
    targets = sorted(
        planner.targets, key=lambda t: (CLASSES.index(t.class_), t.kind.gvr, t.namespace)
    )
    listed = frozenset((target.kind.group, target.kind.kind) for target in targets)
    completed = tuple(
        replace(t, provider=definitions.provider(_key(t.kind)), listed=listed) for t in targets
    )
    unlistable += planner.unlistable
    malformed += planner.malformed
    return Targets(
        completed,
        tuple(unlistable),
        len(configs),
        malformed,
        planner.contradictions.count,
        definitions,
        tuple(planner.skipped),
        frozenset(planner.undefined),
        remarks_of(definitions) if planner.discovers else (),
    )


def _key(item: Kind | Gvr) -> tuple[str, str]:
    return (item.group, item.resource)


class _Planner:
    """Collects targets in order of precedence."""

    def __init__(
        self, options: CrossplaneOptions, catalogue: Catalogue, definitions: Definitions
    ) -> None:
        self.targets: list[Target] = []
        self.unlistable: list[Unlistable] = []
        self.skipped: list[Skipped] = []
        self.undefined: set[tuple[str, str]] = set()
        self.malformed = 0
        self._definitions = definitions
        self._options = options
        self._catalogue = catalogue
        self._owners = Owners(CENTRAL, options.creator_annotation_key, options.team_annotation_key)
        self._everywhere: set[tuple[str, str]] = set()
        self._within: dict[tuple[str, str], dict[str, Target]] = {}
        self._unknown: set[tuple[Gvr, str]] = set()
        self.contradictions = Contradictions()

    def add_central(self) -> None:
        options = self._options
        named = (
            (CLAIM, "CLAIM_GVRS", options.claim_gvrs),
            (COMPOSITE, "XR_GVRS", options.xr_gvrs),
            (MANAGED, "MR_GVRS", options.mr_gvrs),
        )
        for class_, variable, gvrs in named:
            for gvr in gvrs:
                kind = self._kind(gvr, class_, "", CENTRAL, variable)
                self._everywhere.add(_key(gvr))
                if kind and self._in_other_class(kind, class_):
                    _log.warning(
                        "gvr configured as another class than its definition or category",
                        extra={"gvr": str(gvr), "variable": variable},
                    )
                if kind:
                    self._add(kind, class_, self._owners, variable)

    def add_namespaces(self, configs: Sequence[NamespaceConfig]) -> None:
        for config in configs:
            for gvr in config.claim_gvrs:
                self._add_tenants(config, gvr, CLAIM)
            for gvr in config.xr_gvrs:
                self._add_tenants(config, gvr, COMPOSITE)

    def _add_tenants(self, config: NamespaceConfig, gvr: Gvr, class_: str) -> None:
        key = _key(gvr)
        if key in self._everywhere:
            return
        within = config.namespace if class_ == CLAIM else ""
        kind = self._kind(gvr, class_, within, NAMESPACE, str(config))
        if kind is None:
            return
        what = "a claim" if class_ == CLAIM else "an XR"
        if self._in_other_class(kind, class_):
            self._reject(config, gvr, f"not {what}, according to its XRD or categories")
        elif class_ == CLAIM and not kind.namespaced:
            self._reject(config, gvr, "not a claim: this kind is cluster-scoped")
        elif not self.contradictions.note(config, gvr, class_):
            owners = Owners(
                NAMESPACE,
                config.creator_annotation_key or self._owners.creator_key,
                config.team_annotation_key or self._owners.team_key,
            )
            target = Target(kind, class_, config.namespace, owners, str(config))
            self._within.setdefault(key, {}).setdefault(config.namespace, target)
            if class_ == CLAIM and self._within[key][config.namespace] is target:
                self.targets.append(target)

    def add_tenants_xrs(self) -> None:
        """List the XRs in the whole cluster that only tenants have named.

        In a version that was named: the one that the API prefers, so that no tenant decides it for
        the others.
        """
        for key, named in self._within.items():
            tenants = [target for target in named.values() if target.class_ == COMPOSITE]
            if not tenants or key in self._everywhere:
                continue
            kinds = {target.kind: target.why for target in reversed(tenants)}
            kind = next(kind for kind in self._catalogue.kinds if kind in kinds)
            self._everywhere.add(key)
            self._add(kind, COMPOSITE, replace(self._owners, source=NAMESPACE), kinds[kind])

    def _reject(self, config: NamespaceConfig, gvr: Gvr, why: str) -> None:
        """Skip a tenant's GVR of the wrong class, which must not hide the kind from others."""
        self.malformed += 1
        _log.warning(
            "gvr of a configmap skipped",
            extra={
                "gvr": str(gvr),
                "why": why,
                "configmap": config.name,
                "namespace": config.namespace,
            },
        )

    def _in_other_class(self, kind: Kind, class_: str) -> bool:
        """Return whether its definition, or else its categories, put a kind into another class."""
        if defined := self._definitions.defined(kind):
            return defined.class_ != class_
        return bool((_CATEGORIES - {class_}) & kind.categories)

    @property
    def discovers(self) -> bool:
        options = self._options
        central = options.claim_gvrs or options.xr_gvrs or options.mr_gvrs
        never = options.discovery == "never" or (options.discovery == "auto" and central)
        return not never

    def undecided(self) -> list[Kind]:
        """Return the kinds whose class only their CRDs can tell."""
        return self._definitions.undecided(self._candidates(), self._options)

    def _candidates(self) -> list[Kind]:
        """Return each kind with a category or an XRD once, unless it is listed everywhere."""
        candidates: dict[tuple[str, str], Kind] = {}
        composed = self._definitions.composed
        for kind in self._catalogue.kinds:
            key = _key(kind)
            if key not in self._everywhere and (key in composed or kind.categories & _CATEGORIES):
                candidates.setdefault(key, kind)
        return list(candidates.values())

    def add_discovered(self) -> None:
        for group, version in self._catalogue.incomplete:
            error = TransientError(
                f"{group}/{version} did not answer discovery, so its kinds are unknown; check its "
                "APIService"
            )
            item = Unlistable(Gvr(group, version, ANY_RESOURCE), "", "", DISCOVERY, error)
            self.unlistable.append(item)
        for kind in self._candidates():
            decision = self._definitions.decide(kind, self._options)
            if decision is None:
                continue
            key = _key(kind)
            if not decision.class_:
                # A tenant may still have named it.
                if key not in self._within:
                    self._skip(kind, decision)
                continue
            self._everywhere.add(key)
            self._replace_tenants(key)
            owners = replace(self._owners, source=DISCOVERY)
            self._add(kind, decision.class_, owners, decision.why)

    def _skip(self, kind: Kind, decision: Decision) -> None:
        skipped = Skipped(kind.gvr, kind.kind, kind.namespaced, decision.why, decision.advice)
        self.skipped.append(skipped)
        if not decision.by_option:
            self.undefined.add((kind.group, kind.kind))

    def _replace_tenants(self, key: tuple[str, str]) -> None:
        """Drop the lists in namespaces that a cluster-wide list will cover."""
        covered = self._within.get(key)
        if not covered:
            return
        self.targets = [
            target
            for target in self.targets
            if _key(target.kind) != key or target.namespace not in covered
        ]

    def _add(self, kind: Kind, class_: str, owners: Owners, why: str) -> None:
        # Only namespaced kinds can be restricted to namespaces.
        scope = self._options.kube_namespace_scope if kind.namespaced else ()
        tenants = self._within.get(_key(kind), {})
        overrides = {namespace: target.owners for namespace, target in tenants.items()}
        for namespace in scope or ("",):
            self.targets.append(Target(kind, class_, namespace, owners, why, overrides))

    def _kind(self, gvr: Gvr, class_: str, namespace: str, source: str, where: str) -> Kind | None:
        kind = self._catalogue.find(gvr)
        # Several ConfigMaps may name the same XR: report it once.
        if kind is None and (gvr, namespace) not in self._unknown:
            self._unknown.add((gvr, namespace))
            error = NotFoundError(f"{where}: the API has no {gvr}; {self._hint(gvr)}")
            gone = (gvr.group, gvr.version) not in self._catalogue.incomplete
            self.unlistable.append(Unlistable(gvr, class_, namespace, source, error, gone))
        return kind

    def _hint(self, gvr: Gvr) -> str:
        if (gvr.group, gvr.version) in self._catalogue.incomplete:
            return "its group did not answer discovery: try again, or check its APIService"
        if len(self._unknown) <= _MAX_HINTS:
            known = [str(kind.gvr) for kind in self._catalogue.kinds]
            near = difflib.get_close_matches(str(gvr), known, n=3, cutoff=0.75)
            if near:
                return f"did you mean {' or '.join(near)}?"
        return "check the spelling (see kubectl api-resources), or install its XRD"
