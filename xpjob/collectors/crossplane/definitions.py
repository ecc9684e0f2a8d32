"""Decide by definitions which kinds are claims, XRs and MRs. The API's categories are only hints.

Anybody can put a CRD into the categories ``claim``, ``composite`` and ``managed``. An XRD says
which kinds are a claim and an XR; provider revisions, ManagedResourceDefinitions (MRDs) and the
owners of a CRD say which kinds are MRs. A kind that has only its category is not listed, unless its
definition could not be read, or an option includes it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from xpjob.base.errors import NotFoundError, RefusedError, XpjobError
from xpjob.collect.contract import World
from xpjob.collectors.crossplane.classes import CLAIM, CLASSES, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.crossplane.patterns import Pattern
from xpjob.collectors.crossplane.providers import Providers, read_providers
from xpjob.collectors.crossplane.wire import Status
from xpjob.kube.discovery import Kind
from xpjob.kube.lists import ListKey, WholeList
from xpjob.kube.objects import Metadata

_HINTS = (COMPOSITE, CLAIM)
"""Categories of claims and XRs in order of precedence: Crossplane adds the class of the kind to
what the author of an XRD wrote, and authors add ``claim`` rather than ``composite``."""

XRDS = ("apiextensions.crossplane.io", "compositeresourcedefinitions")
_CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
_MRDS = ("apiextensions.crossplane.io", "managedresourcedefinitions")
_MAX_ASKED = 50
"""CRDs to ask for by name in a run. More kinds than that without a provider are of a provider that
was not installed as a package."""
_NEVER = frozenset(
    (
        *("ProviderConfig", "ClusterProviderConfig", "ProviderConfigUsage"),
        *("ClusterProviderConfigUsage", "StoreConfig"),
    )
)
_CORE = frozenset(
    f"{name}.crossplane.io" for name in ("apiextensions", "pkg", "protection", "ops", "secrets")
)

_A = {CLAIM: "a claim", COMPOSITE: "an XR", MANAGED: "an MR"}
_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Group and resource."""


class Names(Struct):
    """Names of a kind in an XRD."""

    kind: str = ""
    plural: str = ""


class XrdSpec(Struct, rename="camel"):
    """``spec`` of an XRD, of both generations."""

    group: str = ""
    names: Names | None = None
    claim_names: Names | None = None


class Definition(Struct):
    """An XRD, or a package, which has none of the fields of an XRD's ``spec``."""

    metadata: Metadata
    spec: XrdSpec | None = None
    status: Status | None = None


class _Owned(Struct):
    """A CRD or MRD, of which only metadata are requested."""

    metadata: Metadata


class Decision(Struct, frozen=True):
    """What a kind is, and why. ``class_`` is empty if it is not listed.

    ``by_option``: the configuration says so, and no definition. ``advice`` says what to do to list
    a kind that is not listed; empty if nothing can.
    """

    class_: str
    why: str
    by_option: bool = False
    advice: str = ""


class Definitions(Struct, frozen=True):
    """The definitions of a run.

    ``xrds`` is the answer of their list, None if the API does not serve them. ``composed`` maps
    what XRDs define to class and name of the XRD; ``complete`` says that every XRD was readable,
    and that there are any. ``owners`` has the answers about single kinds: their provider, "" if
    nobody vouches for them, None if unknown.
    """

    xrds: WholeList[Definition] | XpjobError | None = None
    composed: Mapping[Key, tuple[str, str]] = {}
    defined_kinds: frozenset[tuple[str, str]] = frozenset()
    complete: bool = False
    providers: Providers = field(default_factory=Providers)
    owners: dict[Key, str | None] = {}

    @property
    def unreadable(self) -> list[str]:
        """Return the kinds of definitions that exist but could not be read."""
        unreadable = ["compositeresourcedefinitions"] if isinstance(self.xrds, XpjobError) else []
        return [*unreadable, *(() if self.providers.known else ("providerrevisions",))]

    def provider(self, key: Key) -> str:
        """Return the provider of a kind; empty if unknown."""
        return self.providers.by_resource.get(key) or self.owners.get(key) or ""

    def defined(self, kind: Kind) -> Decision | None:
        """Return what a definition says about a kind; None if there is none."""
        key = (kind.group, kind.resource)
        if found := self.composed.get(key):
            class_, name = found
            return Decision(class_, f"defined by the XRD {name}")
        vouched = key in self.providers.by_resource or bool(self.owners.get(key))
        if vouched and MANAGED in kind.categories and not _never(kind):
            return Decision(MANAGED, f"installed by {self.provider(key) or 'a provider'}")
        return None

    def decide(self, kind: Kind, options: CrossplaneOptions) -> Decision | None:
        """Return what a discovered kind is; None if it has no category and no definition."""
        decision = self.defined(kind)
        hints = [class_ for class_ in CLASSES if class_ in kind.categories]
        if decision is None and not hints:
            return None
        if excluding := _first(options.exclude_kinds, kind):
            why, advice = f"excluded by EXCLUDE_KINDS={excluding}", "to list it, change that option"
            return Decision("", why, by_option=True, advice=advice)
        if decision:
            return decision
        including = _first(options.include_kinds, kind)
        doubts, advice = [], ""
        for class_ in (*_HINTS, MANAGED):
            if class_ not in kind.categories:
                continue
            doubt, final = self._doubt(kind, class_)
            if not doubt:
                return Decision(class_, f"in the category {class_}; no definition says otherwise")
            if including and not final:
                why = f"in the category {class_}, and included by INCLUDE_KINDS={including}"
                return Decision(class_, why)
            doubts.append(f"in the category {class_}, but {doubt}")
            if not (advice or final):
                name = f"{kind.resource}.{kind.group}"
                advice = f"if it is {_A[class_]}, set INCLUDE_KINDS={name} to list it"
        return Decision("", ", and ".join(doubts), advice=advice)

    def undecided(self, kinds: Sequence[Kind], options: CrossplaneOptions) -> list[Kind]:
        """Return the kinds in category managed of which only their CRD can say more."""
        if not (self.providers.known and self.providers.served):
            return []
        return [
            kind
            for kind in kinds
            if MANAGED in kind.categories
            and not _never(kind)
            and self.defined(kind) is None
            and not _first((*options.exclude_kinds, *options.include_kinds), kind)
        ]

    def _doubt(self, kind: Kind, class_: str) -> tuple[str, bool]:
        """Return why a kind is not of its category, and whether no option can change that."""
        if class_ == CLAIM and not kind.namespaced:
            return "it is cluster-scoped, and claims are namespaced", True
        if class_ != MANAGED:
            return ("no XRD defines it" if self.complete else ""), False
        if _never(kind):
            return f"a {kind.kind} is a part of Crossplane, or configures a provider", True
        # Without any provider that is a package, nothing can vouch for those that are none.
        packages = bool(self.providers.by_resource) or any(self.owners.values())
        unknown = not (self.providers.known and packages)
        if unknown or self.owners.get((kind.group, kind.resource), "") is None:
            return "", False
        return "no provider revision refers to it, and no provider owns its CRD", False


def read_definitions(world: World) -> Definitions:
    """Read XRDs and provider revisions. A failed list is part of the result."""
    providers = read_providers(world)
    kind = world.catalogue.resource(*XRDS)
    if kind is None:
        return Definitions(providers=providers)
    (answer,) = world.read_each([(ListKey(kind.gvr), Definition)])
    if isinstance(answer, XpjobError):
        return Definitions(xrds=answer, providers=providers)
    composed: dict[Key, tuple[str, str]] = {}
    kinds: set[tuple[str, str]] = set()
    complete = bool(answer.items) and not answer.malformed
    for xrd in sorted(answer.items, key=lambda item: item.metadata.name):
        spec = xrd.spec or XrdSpec()
        names, claim_names = spec.names or Names(), spec.claim_names or Names()
        complete &= bool(spec.group and names.plural and names.kind)
        complete &= bool(claim_names.plural) or not claim_names.kind
        for class_, each in ((COMPOSITE, names), (CLAIM, claim_names)):
            if spec.group and each.plural:
                composed.setdefault((spec.group, each.plural), (class_, xrd.metadata.name))
            kinds.add((spec.group, each.kind))
    return Definitions(answer, composed, frozenset(kinds), complete, providers)


def ask_owners(world: World, definitions: Definitions, kinds: Sequence[Kind]) -> None:
    """Ask the CRDs and MRDs of single kinds by name who owns them; fill in ``owners``."""
    if not kinds:
        return
    if len(kinds) > _MAX_ASKED:
        definitions.owners.update({(kind.group, kind.resource): None for kind in kinds})
        _log.info(
            "categories decide: too many kinds without a provider to ask for their CRDs",
            extra={"kinds": len(kinds)},
        )
        return
    refused = ""
    answered: set[Key] = set()
    for source in (_CRDS, _MRDS):
        served = world.catalogue.resource(*source)
        left = [kind for kind in kinds if (kind.group, kind.resource) not in answered]
        if served is None or not left:
            continue
        names = [f"{kind.resource}.{kind.group}" for kind in left]
        for kind, answer in zip(left, world.get_each(served.gvr, names, _Owned), strict=True):
            key = (kind.group, kind.resource)
            if not isinstance(answer, XpjobError):
                definitions.owners[key] = _owner(answer, source, definitions.providers)
                answered.add(key)
            elif isinstance(answer, NotFoundError):
                definitions.owners.setdefault(key, "")
            else:
                definitions.owners[key] = None
                refused = refused or str(answer)
    if refused:
        unknown = sum(owner is None for owner in definitions.owners.values())
        _log.info(
            "categories decide: CRDs of kinds without a provider cannot be read",
            extra={"kinds": unknown, "error": refused},
        )


def tell_unreadable(definitions: Definitions) -> None:
    """Log once that categories decide, if definitions exist but cannot be read."""
    if definitions.unreadable:
        _log.info(
            "categories decide which kinds are listed: definitions cannot be read",
            extra={"definitions": ", ".join(definitions.unreadable)},
        )


def remarks_of(definitions: Definitions) -> tuple[str, ...]:
    """Return what ``xpjob doctor`` says about definitions that could not be read."""
    found = []
    if isinstance(definitions.xrds, XpjobError):
        why = "not permitted" if isinstance(definitions.xrds, RefusedError) else "failed"
        found.append(f"XRDs cannot be read ({why}), so categories decide what is a claim and an XR")
    if not definitions.providers.known:
        found.append("provider revisions cannot be read, so categories decide what is an MR")
    if unknown := [key for key, owner in definitions.owners.items() if owner is None]:
        found.append(
            f"CRDs of {len(unknown)} kinds without a provider cannot be read, so their category "
            "decides"
        )
    return tuple(found)


def _owner(answer: _Owned, source: Key, providers: Providers) -> str:
    """Return the provider of a definition; whatever else vouches for it if that is not known.

    The CRD of an MRD is owned by that and by a revision, which has the name of its provider.
    """
    owners = answer.metadata.owner_references or ()
    known = {o.kind: o.name for o in owners if "crossplane.io/" in o.api_version}
    revision = known.get("ProviderRevision", "")
    provider = known.get("Provider") or providers.revisions.get(revision) or revision
    if named := provider or known.get("ManagedResourceDefinition", ""):
        return named
    # An MRD needs no owner: that it exists says that the kind is an MR.
    return answer.metadata.name if source == _MRDS else ""


def _never(kind: Kind) -> bool:
    return kind.kind in _NEVER or kind.group in _CORE


def _first(patterns: Sequence[Pattern], kind: Kind) -> str:
    return next((str(pattern) for pattern in patterns if pattern.matches(kind)), "")
