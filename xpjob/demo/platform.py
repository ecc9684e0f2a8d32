"""A platform that lives: teams order things, which get ready, fail and go.

Every step changes a few objects, by a seeded random generator, so a demo looks the same each
time. Names of kinds follow Crossplane's documentation; the shapes are those that Crossplane
writes, in both its generations.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

from xpjob.demo.cluster import CONFIGMAP, Cluster, Json
from xpjob.kube.discovery import Kind

GROUP = "platform.example.org"
CREATOR_KEY, TEAM_KEY = "example.org/creator", "example.org/team"
PEOPLE = {
    "payments": ("alice", "amir"),
    "checkout": ("bea", "bo"),
    "search": ("carla", "chen"),
    "data": ("dina", "dev"),
    "web": ("eva",),
}


def _kind(version: str, resource: str, kind: str, category: str, *, namespaced: bool) -> Kind:
    return Kind(GROUP, version, resource, kind, namespaced, frozenset({category}))


_CLAIMS = {
    kind: (
        _kind("v1alpha1", f"{kind.lower()}s", kind, "claim", namespaced=True),
        _kind("v1alpha1", f"x{kind.lower()}s", f"X{kind}", "composite", namespaced=False),
    )
    for kind in ("PostgreSQLInstance", "ObjectBucket", "MessageQueue")
}
_APP = _kind("v1", "apps", "App", "composite", namespaced=True)
_NETWORK = _kind("v1", "networks", "Network", "composite", namespaced=False)
_BUCKET = Kind("s3.aws.m.upbound.io", "v1beta1", "buckets", "Bucket", True, frozenset({"managed"}))
KINDS = (_APP, _NETWORK, *(kind for pair in _CLAIMS.values() for kind in pair), _BUCKET)

_FAILURES = (
    "cannot compose resources: cannot run Composition pipeline step: quota exceeded",
    "cannot select Composition: no compatible Compositions found",
    "create failed: AccessDenied: not authorized to perform rds:CreateDBInstance",
)


class Platform:
    """Fills a cluster, and moves it on step by step."""

    def __init__(self, cluster: Cluster, now: datetime, orders: int = 240, seed: int = 7) -> None:
        self._cluster = cluster
        self._random = random.Random(seed)  # noqa: S311 - a demo, no secret
        self._orders: dict[str, _Order] = {}
        self._count = 0
        keys = {"CREATOR_ANNOTATION_KEY": "data.example.org/contact", "TEAM_ANNOTATION_KEY": ""}
        gvrs = {"CLAIM_GVRS": str(_CLAIMS["ObjectBucket"][0].gvr)}
        labels = {"xp-tracker.kanzi.io/config": "gvrs"}
        metadata = {"name": "inventory", "namespace": "team-data", "labels": labels}
        cluster.apply(CONFIGMAP, {"metadata": metadata, "data": {**gvrs, **keys}})
        for _ in range(orders):
            age = timedelta(minutes=self._random.randrange(1, 60 * 24 * 30))
            self._place(now - age)
        for _ in range(8):
            self._advance(now)

    def step(self, now: datetime) -> None:
        """Let a few orders come, get ready, fail and go."""
        with self._cluster.locked():
            for _ in range(self._random.randrange(1, 6)):
                self._place(now)
            self._advance(now)
            for name in self._random.sample(sorted(self._orders), self._random.randrange(1, 5)):
                self._orders.pop(name).delete(self._cluster)

    def _place(self, created: datetime) -> None:
        self._count += 1
        team = self._random.choice(sorted(PEOPLE))
        kind = self._random.choice([*_CLAIMS, "App", "App", "Network"])
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
    """One thing that a team has: a claim with its XR, or a v2 XR alone."""

    def __init__(self, name: str, kind: str, team: str, creator: str, created: datetime) -> None:
        self.name, self.kind, self.team, self.creator = name, kind, team, creator
        self.created = self.since = created
        self.flavour, self.state, self.why = "aws", "creating", ""

    def become(self, state: str, now: datetime, why: str = "") -> None:
        self.state, self.why, self.since = state, why, now

    def write(self, cluster: Cluster) -> None:
        if self.kind in _CLAIMS:
            claim, xr = _CLAIMS[self.kind]
            cluster.apply(xr, self._legacy_xr(claim, xr))
            cluster.apply(claim, self._claim(xr))
        else:
            cluster.apply(self._own_kind(), self._modern_xr())

    def delete(self, cluster: Cluster) -> None:
        if self.kind in _CLAIMS:
            claim, xr = _CLAIMS[self.kind]
            cluster.delete(claim, self._namespace, self.name)
            cluster.delete(xr, "", self._xr_name)
        else:
            kind = self._own_kind()
            cluster.delete(kind, self._namespace if kind.namespaced else "", self.name)

    def _own_kind(self) -> Kind:
        return _APP if self.kind == "App" else _NETWORK

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
        created = {"creationTimestamp": _time(self.created)}
        # The uid is that of the order, so that it survives being written again.
        uid = f"{namespace or 'cluster'}-{self.kind.lower()}-{name}"
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
        ready = self._ready("Waiting", waiting)
        spec = {**self._machinery(xr.resource), "resourceRef": ref}
        return {"metadata": metadata, "spec": spec, "status": {"conditions": ready}}

    def _legacy_xr(self, claim: Kind, xr: Kind) -> Json:
        ref = {"apiVersion": f"{GROUP}/{claim.version}", "kind": claim.kind}
        ref |= {"namespace": self._namespace, "name": self.name}
        spec = {**self._machinery(xr.resource), "claimRef": ref}
        status = {"conditions": self._ready("Creating", "Unready resources: instance")}
        return {"metadata": self._metadata(self._xr_name, ""), "spec": spec, "status": status}

    def _modern_xr(self) -> Json:
        kind = self._own_kind()
        namespace = self._namespace if kind.namespaced else ""
        spec = {"crossplane": self._machinery(kind.resource)}
        status = {"conditions": self._ready("Creating", "Unready resources: instance")}
        return {"metadata": self._metadata(self.name, namespace), "spec": spec, "status": status}

    def _ready(self, reason: str, message: str) -> list[Json]:
        since = _time(self.since)
        synced = {"type": "Synced", "status": "True", "reason": "ReconcileSuccess"}
        if self.state == "failed":
            synced = {**synced, "status": "False", "reason": "ReconcileError", "message": self.why}
        ready = {"type": "Ready", "status": "True", "reason": "Available"}
        if self.state != "ready":
            ready = {"type": "Ready", "status": "False", "reason": reason, "message": message}
        return [{**synced, "lastTransitionTime": since}, {**ready, "lastTransitionTime": since}]


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
