"""Orders of the simulated teams: a claim or an XR, with all that is composed for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from xpjob.demo.cluster import Cluster, api_time
from xpjob.demo.kinds import (
    APP,
    CACHE,
    CLAIMS,
    COMPOSES,
    GROUP,
    NETWORK,
)
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

CREATOR_KEY, TEAM_KEY = "example.org/creator", "example.org/team"
FAILURES = (
    "cannot compose resources: cannot run Composition pipeline step: quota exceeded",
    "cannot select Composition: no compatible Compositions found",
    "create failed: AccessDenied: not authorized to perform rds:CreateDBInstance",
)
_PAUSED = "crossplane.io/paused"


class Order:
    """A resource of a team: a claim with its XR, or a v2 XR alone."""

    def __init__(self, name: str, kind: str, team: str, creator: str, created: datetime) -> None:
        self.name, self.kind, self.team, self.creator = name, kind, team, creator
        self.created = self.since = created
        self.flavour, self.state, self.why = "aws", "creating", ""

    def become(self, state: str, now: datetime, why: str = "") -> None:
        """Change its state."""
        self.state, self.why, self.since = state, why, now

    def write(self, cluster: Cluster) -> None:
        """Apply all its objects."""
        for kind, item in self._objects():
            cluster.apply(kind, item)

    def delete(self, cluster: Cluster) -> None:
        """Delete all its objects."""
        for kind, item in self._objects():
            metadata = item["metadata"]
            cluster.delete(kind, metadata.get("namespace", ""), metadata["name"])

    def _objects(self) -> Iterator[tuple[Kind, Json]]:
        """Yield all objects of the tree with their kinds."""
        if self.kind in CLAIMS:
            claim, own = CLAIMS[self.kind]
            top = self._legacy_xr(claim, own)
            yield claim, self._claim(own)
        else:
            own, top = self._own_kind(), self._modern_xr()
        yield own, top
        yield from self._composed(self.kind, own, top)
        if self.kind == "App" and self.flavour == "aws":
            cache = self._nested(own, top)
            yield CACHE, cache
            yield from self._composed("Cache", CACHE, cache)

    def _composed(self, kind: str, own: Kind, xr: Json) -> Iterator[tuple[Kind, Json]]:
        parts = COMPOSES[kind, self.flavour]
        for suffix, part in parts:
            name = f"{xr['metadata']['name']}-{suffix}"
            # The slow part is the nested one, if there is one, or else the last.
            last = suffix == parts[-1][0] and not (kind == "App" and self.flavour == "aws")
            yield part, self.managed(part, name, _owner(own, xr), well=not last)

    def _nested(self, own: Kind, xr: Json) -> Json:
        metadata = self._metadata(f"{self.name}-cache", self._namespace)
        metadata["ownerReferences"] = [_owner(own, xr)]
        del metadata["annotations"]
        ready = self.state == "ready" or not self._of_provider
        message = "" if ready else "Unready resources: cluster"
        conditions = self._conditions(ready, "", "Creating", message)
        spec = {"crossplane": self._machinery(CACHE.resource)}
        return {"metadata": metadata, "spec": spec, "status": {"conditions": conditions}}

    def managed(
        self, kind: Kind, name: str, owner: Json | None, *, external: str = "", well: bool = False
    ) -> Json:
        """Return an MR of this order; ``well``: ready regardless of the state of the order."""
        metadata = self._metadata(name, self._namespace if kind.namespaced else "")
        metadata["uid"] = f"{kind.resource}.{kind.group}-{metadata['uid']}"
        metadata["annotations"] = {"crossplane.io/external-name": external or name}
        if owner:
            metadata["ownerReferences"] = [owner]
            metadata["labels"] = {"crossplane.io/composite": owner["name"]}
        config = {"name": "default"}
        if kind.namespaced:
            config["kind"] = "ClusterProviderConfig"
        spec = {"providerConfigRef": config, "managementPolicies": ["*"]}
        wrong = "" if well or not self._of_provider else self.why
        if self.state == "deleting":
            wrong = "delete failed: BucketNotEmpty: the bucket you tried to delete is not empty"
        ready = well or self.state in ("ready", "deleting") or not self._of_provider
        conditions = self._conditions(ready, wrong, "Creating", "")
        return {"metadata": metadata, "spec": spec, "status": {"conditions": conditions}}

    def _own_kind(self) -> Kind:
        return APP if self.kind == "App" else NETWORK

    @property
    def _namespace(self) -> str:
        return f"team-{self.team}"

    @property
    def _xr_name(self) -> str:
        return f"{self.name}-x7k2p"

    @property
    def _annotations(self) -> Json:
        contact = {"data.example.org/contact": self.creator} if self.team == "data" else {}
        return {CREATOR_KEY: self.creator, TEAM_KEY: self.team, **contact}

    def _metadata(self, name: str, namespace: str) -> Json:
        within = {"namespace": namespace} if namespace else {}
        created = {"creationTimestamp": api_time(self.created)}
        # Derived from the order, so that it is the same at every write.
        uid = f"{namespace or 'cluster'}-{self.kind.lower()}-{name}"
        if self.state == "deleting":
            created["deletionTimestamp"] = api_time(self.since)
        return {"name": name, **within, "uid": uid, **created, "annotations": self._annotations}

    def _machinery(self, composite: str) -> Json:
        composition = f"{composite}.{self.flavour}.example.org"
        return {
            "compositionRef": {"name": composition},
            "compositionRevisionRef": {"name": f"{composition}-3f2c1ab"},
            "compositionUpdatePolicy": "Automatic",
        }

    def _claim(self, xr: Kind) -> Json:
        version = f"{GROUP}/{xr.version}"
        ref = {"apiVersion": version, "kind": xr.kind, "name": self._xr_name}
        metadata = self._metadata(self.name, self._namespace)
        waiting = "Claim is waiting for composite resource to become Ready"
        ready = self._conditions(self.state in ("ready", "deleting"), "", "Waiting", waiting)
        spec = {**self._machinery(xr.resource), "resourceRef": ref}
        return {"metadata": metadata, "spec": spec, "status": {"conditions": ready}}

    def _legacy_xr(self, claim: Kind, xr: Kind) -> Json:
        ref = {"apiVersion": f"{GROUP}/{claim.version}", "kind": claim.kind}
        ref |= {"namespace": self._namespace, "name": self.name}
        spec = {**self._machinery(xr.resource), "claimRef": ref}
        metadata = self._metadata(self._xr_name, "")
        if self.state == "paused":
            metadata["annotations"] = {**metadata["annotations"], _PAUSED: "true"}
        return {"metadata": metadata, "spec": spec, "status": {"conditions": self._of_xr()}}

    def _modern_xr(self) -> Json:
        kind = self._own_kind()
        namespace = self._namespace if kind.namespaced else ""
        spec = {"crossplane": self._machinery(kind.resource)}
        status = {"conditions": self._of_xr()}
        return {"metadata": self._metadata(self.name, namespace), "spec": spec, "status": status}

    @property
    def _of_provider(self) -> bool:
        """Return whether the problem is with the last MR, not with the XR itself."""
        return self.state == "creating" or self.why.startswith("create failed")

    def _of_xr(self) -> list[Json]:
        last = COMPOSES[self.kind, self.flavour][-1][0]
        if self.kind == "App" and self.flavour == "aws":
            last = "cache"
        wrong = "" if self._of_provider else self.why
        ready = self.state in ("ready", "deleting")
        return self._conditions(ready, wrong, "Creating", f"Unready resources: {last}")

    def _conditions(self, is_ready: bool, wrong: str, reason: str, message: str) -> list[Json]:
        since = api_time(self.since)
        synced = {"type": "Synced", "status": "True", "reason": "ReconcileSuccess"}
        if wrong and self.state in ("failed", "deleting"):
            synced = {**synced, "status": "False", "reason": "ReconcileError", "message": wrong}
        elif self.state == "paused" and reason == "Creating" and message:
            synced = {**synced, "status": "False", "reason": "ReconcilePaused"}
            synced["message"] = "Reconciliation is paused via the pause annotation"
        ready = {"type": "Ready", "status": "True", "reason": "Available"}
        if not is_ready:
            ready = {"type": "Ready", "status": "False", "reason": reason, "message": message}
        return [{**synced, "lastTransitionTime": since}, {**ready, "lastTransitionTime": since}]


def _owner(kind: Kind, item: Json) -> Json:
    """Return the owner reference of a composed resource to its XR."""
    version = f"{kind.group}/{kind.version}"
    named = {"kind": kind.kind, "name": item["metadata"]["name"], "uid": item["metadata"]["uid"]}
    return {"apiVersion": version, **named, "controller": True}
