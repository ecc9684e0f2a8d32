"""A simulated platform: teams create resources, which become ready, fail and are deleted.

Every step changes a few objects with a seeded random generator, so every demo is the same. Names of
kinds follow Crossplane's documentation; the objects have the format of both Crossplane generations.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from xpjob.demo.cluster import CONFIGMAP, Cluster
from xpjob.demo.kinds import (
    BUCKET,
    CLAIMS,
    GROUP,
    MANAGED,
    REVISION,
    provider_of,
)
from xpjob.demo.orders import FAILURES, Order

PEOPLE = {
    "payments": ("alice", "amir"),
    "checkout": ("bea", "bo"),
    "search": ("carla", "chen"),
    "data": ("dina", "dev"),
    "web": ("eva",),
}
_DEFINITION = "CustomResourceDefinition"


class Platform:
    """Creates the objects of a cluster, and changes them step by step."""

    def __init__(self, cluster: Cluster, now: datetime, orders: int = 240, seed: int = 7) -> None:
        self._cluster = cluster
        self._random = random.Random(seed)  # noqa: S311 - a demo, no secret
        self._orders: dict[str, Order] = {}
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
            order = Order(name, kind, team, PEOPLE[team][0], since - timedelta(days=30))
            order.become(state, since, FAILURES[2])
            order.write(self._cluster)
        # Standalone; both manage the same external bucket.
        for name in ("shared-logs", "shared-logs-copy"):
            order = Order(name, "App", "data", "dina", now - timedelta(days=90))
            order.become("ready", now - timedelta(days=90))
            self._cluster.apply(BUCKET, order.managed(BUCKET, name, None, external="shared-logs"))
        # Orphaned when its app was removed.
        order = Order("reports", "App", "search", "carla", now - timedelta(days=60))
        order.become("ready", now - timedelta(days=60))
        gone = {"apiVersion": f"{GROUP}/v1", "kind": "App", "name": "reports", "uid": "reports"}
        left = order.managed(BUCKET, "reports-assets", {**gone, "controller": True})
        self._cluster.apply(BUCKET, left)

    def _place(self, created: datetime) -> None:
        self._count += 1
        team = self._random.choice(sorted(PEOPLE))
        kind = self._random.choice([*CLAIMS, "App", "App", "Network"])
        creator = self._random.choice(PEOPLE[team])
        order = Order(f"{kind.lower()[:8]}-{self._count:04d}", kind, team, creator, created)
        order.flavour = self._random.choice(("aws", "aws", "gcp"))
        self._orders[order.name] = order
        order.write(self._cluster)

    def _advance(self, now: datetime) -> None:
        for order in self._orders.values():
            chance = self._random.random()
            if order.state == "creating" and chance < 0.35:
                order.become("ready", now)
            elif order.state == "creating" and chance < 0.39:
                order.become("failed", now, self._random.choice(FAILURES))
            elif order.state == "failed" and chance < 0.08:
                order.become("ready", now)
            elif order.state == "ready" and chance < 0.002:
                order.become("failed", now, self._random.choice(FAILURES))
            else:
                continue
            order.write(self._cluster)
