"""A fleet of thousands: claims, their composites, and composites of the newer generation.

Written by the tests, for Crossplane itself makes some ten a second on two cores. The kinds are
those that Crossplane renders; test_crossplane.py shows that what it writes has these shapes.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.build import E2E
from harness.cluster import Cluster
from harness.connection import Object

GROUP = "fleet.example.org"
CRDS = E2E / "fleet" / "crds.yaml"
CLAIMS = f"{GROUP}/v1alpha1/postgresqlinstances"
COMPOSITES = f"{GROUP}/v1alpha1/xpostgresqlinstances"
SITES = f"{GROUP}/v1/sites"
NAMESPACES = tuple(f"fleet-{letter}" for letter in "abcdef")
CLAIM_COUNT, SITE_COUNT = 3000, 600
NOT_READY = 7  # every seventh


def load(cluster: Cluster) -> None:
    """Install the kinds and make the objects."""
    cluster.apply(CRDS)
    for namespace in NAMESPACES:
        cluster.namespace(namespace)
    cluster.api.create(COMPOSITES, (composite(n) for n in range(CLAIM_COUNT)))
    cluster.api.create(CLAIMS, (claim(n) for n in range(CLAIM_COUNT)))
    cluster.api.create(SITES, _sites())


def claim(number: int, namespace: str = "") -> Object:
    """Return a claim that is bound to its composite."""
    name = f"db-{number:05}"
    owners = {
        "example.org/creator": f"person-{number % 9}",
        "example.org/team": f"team-{number % 4}",
    }
    ref = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "XPostgreSQLInstance", "name": f"{name}-x"}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "PostgreSQLInstance",
        "metadata": {
            "name": name,
            "namespace": namespace or NAMESPACES[number % len(NAMESPACES)],
            "annotations": owners,
        },
        "spec": {"parameters": {"region": "eu-west-1", "storageGB": 20}, "resourceRef": ref},
        "status": {"conditions": conditions(number)},
    }


def composite(number: int) -> Object:
    """Return the composite of a claim."""
    bound = claim(number)
    ref = {"apiVersion": bound["apiVersion"], "kind": bound["kind"]}
    ref |= {key: bound["metadata"][key] for key in ("name", "namespace")}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "XPostgreSQLInstance",
        "metadata": {"name": f"{bound['metadata']['name']}-x"},
        "spec": {
            "claimRef": ref,
            "compositionRef": {"name": f"postgres-{'aws' if number % 3 else 'gcp'}"},
            "parameters": {"region": "eu-west-1", "storageGB": 20},
        },
        "status": {"conditions": conditions(number)},
    }


def conditions(number: int) -> list[Object]:
    """Return the conditions of an object: ready, or not."""
    ready = ("True", "Available") if number % NOT_READY else ("False", "Creating")
    pairs = {"Synced": ("True", "ReconcileSuccess"), "Ready": ready}
    return [
        {"type": kind, "status": status, "reason": reason, "lastTransitionTime": _TIME}
        for kind, (status, reason) in pairs.items()
    ]


def _sites() -> Iterator[Object]:
    for number in range(SITE_COUNT):
        yield {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Site",
            "metadata": {
                "name": f"site-{number:05}",
                "namespace": NAMESPACES[number % len(NAMESPACES)],
            },
            "spec": {"image": "web", "crossplane": {"compositionRef": {"name": "sites"}}},
            "status": {"conditions": conditions(number)},
        }


_TIME = "2026-08-21T09:00:00Z"
