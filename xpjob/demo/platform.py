"""A simulated platform: teams create resources, which become ready, fail and are deleted.

Every step changes a few objects with a seeded random generator, so every demo is the same. Names of
kinds follow Crossplane's documentation; the objects have the format of both Crossplane generations.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from xpjob.demo.cluster import CONFIGMAP, Cluster
from xpjob.demo.kinds import (
    APP,
    BUCKET,
    CACHE,
    CLAIMS,
    COMPOSES,
    GROUP,
    MANAGED,
    NETWORK,
    REVISION,
    provider_of,
)
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

CREATOR_KEY, TEAM_KEY = "example.org/creator", "example.org/team"
PEOPLE = {
    "payments": ("alice", "amir"),
    "checkout": ("bea", "bo"),
    "search": ("carla", "chen"),
    "data": ("dina", "dev"),
    "web": ("eva",),
}


_FAILURES = (
    "cannot compose resources: cannot run Composition pipeline step: quota exceeded",
    "cannot select Composition: no compatible Compositions found",
    "create failed: AccessDenied: not authorized to perform rds:CreateDBInstance",
)
_PAUSED = "crossplane.io/paused"
_DEFINITION = "CustomResourceDefinition"


class Platform:
    """Creates the objects of a cluster, and changes them step by step."""

    def __init__(self, cluster: Cluster, now: datetime, orders: int = 240, seed: int = 7) -> None:
        self._cluster = cluster
        self._random = random.Random(seed)  # noqa: S311 - a demo, no secret
        self._orders: dict[str, _Order] = {}
        self._count = 0
        keys = {"CREATOR_ANNOTATION_KEY": "data.example.org/contact", "TEAM_ANNOTATION_KEY": ""}
        gvrs = {"CLAIM_GVRS": str(CLAIMS["ObjectBucket"][0].gvr)}
        labels = {"xp-tracker.kanzi.io/config": "gvrs"}
        metadata = {"name": "inventory", "namespace": "team-data", "labels": labels}
        cluster.apply(CONFIGMAP, {"metadata": metadata, "data": {**gvrs, **keys}})
        for _ in range(orders):
            age = timedelta(minutes=self._random.randrange(1, 60 * 24 * 30))
            self._place(now - age)
        for _ in range(8):
            self._advance(now)
        self._install_providers()
        self._place_oddities(now)

    def step(self, now: datetime) -> None:
        """Let a few orders appear, become ready, fail and be deleted."""
        with self._cluster.locked():
            for _ in range(self._random.randrange(1, 6)):
                self._place(now)
            self._advance(now)
            for name in self._random.sample(sorted(self._orders), self._random.randrange(1, 5)):
                self._orders.pop(name).delete(self._cluster)

    def _install_providers(self) -> None:
        """Create provider revisions that refer to the kinds of their providers."""
        for kind in MANAGED:
            name = provider_of(kind)
            definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": _DEFINITION}
            brought = [k for k in MANAGED if provider_of(k) == name]
            refs = [{**definition, "name": f"{k.resource}.{k.group}"} for k in brought]
            labels = {"pkg.crossplane.io/package": name}
            healthy = {"type": "RevisionHealthy", "status": "True", "reason": "HealthyRevision"}
            self._cluster.apply(
                REVISION,
                {
                    "metadata": {"name": f"{name}-9d1f0c2", "uid": name, "labels": labels},
                    "spec": {"desiredState": "Active"},
                    "status": {"objectRefs": refs, "conditions": [healthy]},
                },
            )

    def _place_oddities(self, now: datetime) -> None:
        """Place typical neglected resources, which do not change."""
        for name, kind, team, state, days in (
            ("legacy-archive", "ObjectBucket", "data", "deleting", 9),
            ("orders-replica", "PostgreSQLInstance", "payments", "paused", 21),
            ("campaign", "App", "web", "failed", 2),
        ):
            since = now - timedelta(days=days)
            order = _Order(name, kind, team, PEOPLE[team][0], since - timedelta(days=30))
            order.become(state, since, _FAILURES[2])
            order.write(self._cluster)
        # Standalone; both manage the same external bucket.
        for name in ("shared-logs", "shared-logs-copy"):
            order = _Order(name, "App", "data", "dina", now - timedelta(days=90))
            order.become("ready", now - timedelta(days=90))
            self._cluster.apply(BUCKET, order.managed(BUCKET, name, None, external="shared-logs"))
        # Orphaned when its app was removed.
        order = _Order("reports", "App", "search", "carla", now - timedelta(days=60))
        order.become("ready", now - timedelta(days=60))
        gone = {"apiVersion": f"{GROUP}/v1", "kind": "App", "name": "reports", "uid": "reports"}
        left = order.managed(BUCKET, "reports-assets", {**gone, "controller": True})
        self._cluster.apply(BUCKET, left)

    def _place(self, created: datetime) -> None:
        self._count += 1
        team = self._random.choice(sorted(PEOPLE))
        kind = self._random.choice([*CLAIMS, "App", "App", "Network"])
        creator = self._random.choice(PEOPLE[team])
        order = _Order(f"{kind.lower()[:8]}-{self._count:04d}", kind, team, creator, created)
        order.flavour = self._random.choice(("aws", "aws", "gcp"))
        self._orders[order.name] = order
        order.write(self._cluster)

    def _advance(self, now: datetime) -> None:
        for order in self._orders.values():
            chance = self._random.random()
            if order.state == "creating" and chance < 0.35:
                order.become("ready", now)
            elif order.state == "creating" and chance < 0.39:
                order.become("failed", now, self._random.choice(_FAILURES))
            elif order.state == "failed" and chance < 0.08:
                order.become("ready", now)
            elif order.state == "ready" and chance < 0.002:
                order.become("failed", now, self._random.choice(_FAILURES))
            else:
                continue
            order.write(self._cluster)


class _Order:
    """A resource of a team: a claim with its XR, or a v2 XR alone."""

    def __init__(self, name: str, kind: str, team: str, creator: str, created: datetime) -> None:
        self.name, self.kind, self.team, self.creator = name, kind, team, creator
        self.created = self.since = created
        self.flavour, self.state, self.why = "aws", "creating", ""

    def become(self, state: str, now: datetime, why: str = "") -> None:
        self.state, self.why, self.since = state, why, now

    def write(self, cluster: Cluster) -> None:
        for kind, item in self._objects():
            cluster.apply(kind, item)

    def delete(self, cluster: Cluster) -> None:
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


def api_time(moment: datetime) -> str:
    """Format a time as the API server does: in whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
