"""One list of claims, XRs or MRs to request, and what applies to the objects in it."""

from __future__ import annotations

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr

CENTRAL, NAMESPACE, DISCOVERY = "central", "namespace", "discovery"
"""Sources of a target: options, a tenant's ConfigMap, discovery."""


class Owners(Struct, frozen=True):
    """Source of a record, and the annotation keys of its owners."""

    source: str
    creator_key: str = ""
    team_key: str = ""


class Target(Struct, frozen=True):
    """One list to request. ``namespace`` is empty for all; ``why`` explains it in messages.

    ``provider`` installed a managed kind, if known; ``listed`` has all (group, kind) of the run.
    """

    kind: Kind
    class_: str
    namespace: str
    owners: Owners
    why: str
    overrides: dict[str, Owners] = {}
    provider: str = ""
    listed: frozenset[tuple[str, str]] = frozenset()

    def owners_in(self, namespace: str) -> Owners:
        """Return the source and annotation keys that apply to an object of a namespace.

        Of a cluster-scoped XR, that is the namespace of its claim.
        """
        return self.overrides.get(namespace, self.owners)

    def __str__(self) -> str:
        return f"{self.kind.gvr}" + (f" in {self.namespace}" if self.namespace else "")


class Unlistable(Struct, frozen=True):
    """A configured list that cannot be requested.

    ``gone``: the API answered, but does not serve this kind.
    """

    gvr: Gvr
    class_: str
    namespace: str
    source: str
    error: XpjobError
    gone: bool = False
