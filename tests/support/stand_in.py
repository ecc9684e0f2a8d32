"""A small cluster for tests: kinds of both Crossplane generations, and objects for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpjob.demo.cluster import CONFIGMAP, Cluster
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.kube.discovery import Kind
from xpjob.net.http import Timeouts

TOKEN = "stand-in-token"
GROUP = "platform.example.org"


def _kind(version: str, resource: str, kind: str, category: str, namespaced: bool) -> Kind:
    return Kind(GROUP, version, resource, kind, namespaced, frozenset({category}))


CLAIM = _kind("v1alpha1", "postgresqlinstances", "PostgreSQLInstance", "claim", True)
XR = _kind("v1alpha1", "xpostgresqlinstances", "XPostgreSQLInstance", "composite", False)
APP = _kind("v1", "apps", "App", "composite", True)
OLD_APP = _kind("v1alpha1", "apps", "App", "composite", True)
NETWORK = _kind("v1", "networks", "Network", "composite", False)
BUCKET = Kind("s3.aws.m.upbound.io", "v1beta1", "buckets", "Bucket", True, frozenset({"managed"}))
NOP = Kind(
    "nop.crossplane.io", "v1alpha1", "nopresources", "NopResource", False, frozenset({"managed"})
)
REVISION = Kind(
    "pkg.crossplane.io", "v1", "providerrevisions", "ProviderRevision", False, frozenset()
)
KINDS = (APP, NETWORK, CLAIM, XR, OLD_APP, BUCKET, NOP, REVISION)


@dataclass(frozen=True)
class StandIn:
    """A served cluster."""

    cluster: Cluster
    url: str
    kubeconfig: Path

    def api(self, **timeouts: float) -> Api:
        """Return a connection to it."""
        return connect(str(self.kubeconfig), "", Timeouts(**timeouts), 4)

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for path, _ in self.cluster.requests]


def condition(type_: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """Return a condition as Crossplane writes it."""
    since = {"lastTransitionTime": "2026-08-21T09:00:03Z"}
    said = {"message": message} if message else {}
    return {"type": type_, "status": status, "reason": reason, **said, **since}


READY = [condition("Synced", "True", "ReconcileSuccess"), condition("Ready", "True", "Available")]
WAITING = [
    condition("Synced", "True", "ReconcileSuccess"),
    condition("Ready", "False", "Waiting", "Claim is waiting for composite resource"),
]


def claim(
    name: str = "orders-db",
    namespace: str = "team-a",
    *,
    ready: bool = True,
    xr: str = "",
    annotations: dict[str, str] | None = None,
    uid: str = "",
) -> dict[str, Any]:
    """Return a claim, bound to an XR where one is named."""
    ref = {"apiVersion": f"{GROUP}/v1alpha1", "kind": XR.kind, "name": xr}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"uid-claim-{namespace}-{name}",
            "creationTimestamp": "2026-08-21T09:00:00Z",
            "annotations": annotations or {"example.org/creator": "alice", "example.org/team": "a"},
        },
        "spec": {"resourceRef": ref} if xr else {},
        "status": {"conditions": READY if ready else WAITING},
    }


def legacy_xr(
    name: str, *, claimed_by: tuple[str, str] | None = None, composition: str = "pg.aws"
) -> dict[str, Any]:
    """Return an XR of Crossplane's first generation."""
    spec: dict[str, Any] = {"compositionRef": {"name": composition}}
    if claimed_by:
        namespace, claim_name = claimed_by
        ref = {"apiVersion": f"{GROUP}/v1alpha1", "kind": CLAIM.kind}
        spec["claimRef"] = {**ref, "namespace": namespace, "name": claim_name}
    metadata = {"name": name, "uid": f"uid-xr-{name}", "creationTimestamp": "2026-08-21T09:00:01Z"}
    return {"metadata": metadata, "spec": spec, "status": {"conditions": READY}}


def modern_xr(
    name: str, namespace: str = "", *, ready: bool = True, composition: str = "apps.aws"
) -> dict[str, Any]:
    """Return an XR of Crossplane's second generation."""
    within = {"namespace": namespace} if namespace else {}
    uid = f"uid-xr-{namespace}-{name}"
    metadata = {"name": name, **within, "uid": uid, "creationTimestamp": "2026-08-21T10:00:00Z"}
    spec = {"crossplane": {"compositionRef": {"name": composition}}}
    status = {"conditions": READY if ready else WAITING}
    return {"metadata": metadata, "spec": spec, "status": status}


def owner(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    """Return the owner reference by which an XR holds what it has made."""
    return {
        "apiVersion": f"{kind.group}/{kind.version}",
        "kind": kind.kind,
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def managed(
    name: str,
    namespace: str = "",
    *,
    owned_by: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    ready: bool = True,
    spec: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an MR, of an XR where an owner is given."""
    within = {"namespace": namespace} if namespace else {}
    metadata: dict[str, Any] = {
        "name": name,
        **within,
        "uid": f"uid-mr-{namespace}-{name}",
        "creationTimestamp": "2026-08-21T10:00:03Z",
        "labels": labels or {},
        "annotations": {"crossplane.io/external-name": f"ext-{name}", **(annotations or {})},
        "ownerReferences": [owned_by] if owned_by else [],
    }
    config = {"providerConfigRef": {"name": "default"}, "managementPolicies": ["*"]}
    status = {"conditions": READY if ready else WAITING}
    return {"metadata": metadata, "spec": {**config, **(spec or {})}, "status": status}


def revision(
    name: str, provider: str, *kinds: Kind, state: str = "Active", definition: str = ""
) -> dict[str, Any]:
    """Return a provider revision that brought these kinds."""
    refs = [
        {
            "apiVersion": "apiextensions.crossplane.io/v1alpha1",
            "kind": definition or "ManagedResourceDefinition",
            "name": f"{kind.resource}.{kind.group}",
        }
        for kind in kinds
    ]
    labels = {"pkg.crossplane.io/package": provider}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"desiredState": state},
        "status": {"objectRefs": refs},
    }


def config_map(namespace: str, name: str = "inventory", **data: str) -> dict[str, Any]:
    """Return a tenant's ConfigMap."""
    labels = {"xp-tracker.kanzi.io/config": "gvrs"}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": data}


def fill(cluster: Cluster) -> None:
    """Put a small platform into a cluster: 5 claims with their XRs, 3 apps, a network.

    Each claim's XR has one MR of a provider's legacy kind, each app a bucket; one bucket is
    nobody's.
    """
    for number, (namespace, ready) in enumerate(
        [("team-a", True), ("team-a", False), ("team-b", True), ("team-b", True), ("team-c", False)]
    ):
        name, xr = f"db-{number}", f"db-{number}-x7k2p"
        team = namespace.removeprefix("team-")
        owners = {"example.org/creator": f"person-{number % 2}", "example.org/team": team}
        cluster.apply(CLAIM, claim(name, namespace, ready=ready, xr=xr, annotations=owners))
        composition = "pg.aws" if number % 2 else "pg.gcp"
        composite = legacy_xr(xr, claimed_by=(namespace, name), composition=composition)
        cluster.apply(XR, composite)
        cluster.apply(NOP, managed(f"{xr}-nop", owned_by=owner(XR, composite), ready=ready))
    for namespace, ready in (("team-a", True), ("team-b", False), ("team-c", True)):
        app = modern_xr("web", namespace, ready=ready)
        cluster.apply(APP, app)
        cluster.apply(BUCKET, managed("web-assets", namespace, owned_by=owner(APP, app)))
    cluster.apply(BUCKET, managed("standalone", "team-c"))
    cluster.apply(REVISION, revision("nop-1", "provider-nop", NOP))
    cluster.apply(REVISION, revision("s3-1", "provider-aws-s3", BUCKET))
    cluster.apply(NETWORK, modern_xr("backbone", composition="net.aws"))
    cluster.apply(CONFIGMAP, {"metadata": {"name": "unrelated", "namespace": "team-a"}})
