"""Objects of a made-up platform for benchmarks: trees of claims, XRs and MRs, and CRDs."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from harness import fleet
from harness.connection import Object

TREE = 10  # objects: two claims, their two XRs, two XRs of the newer generation, four MRs
NAMESPACES, PEOPLE = 40, 160
TIME = "2026-08-21T09:00:00Z"


# The tests' kinds of the fleet come once more under these names: XR, claim, XR of the newer kind.
_MANAGER = "apiextensions.crossplane.io/{}"
OTHERS = (
    ("XCache", "xcaches", "xpostgresqlinstances"),
    ("Cache", "caches", "postgresqlinstances"),
    ("App", "apps", "sites"),
)
PLURALS = {
    "PostgreSQLInstance": "postgresqlinstances",
    "XPostgreSQLInstance": "xpostgresqlinstances",
    "Site": "sites",
    "Bucket": "buckets",
} | {kind: plural for kind, plural, _ in OTHERS}


def tree(number: int) -> Iterator[tuple[Object | None, list[tuple[str, Object]], Object]]:
    """Yield each object of a tree: its owner, what is applied by whom, its status."""
    token, ready = f"n{number:06d}", number % 10 != 1
    for kind in ("PostgreSQLInstance", "Cache"):
        claim = _object(f"{fleet.GROUP}/v1alpha1", kind, f"{kind.lower()}-{token}", team(0))
        xr = _object(claim["apiVersion"], f"X{kind}", f"{claim['metadata']['name']}-x7k2p")
        user, bound, made, composed = (copy.deepcopy(each) for each in (claim, claim, xr, xr))
        user["metadata"]["annotations"] = {
            "example.org/creator": person(0),
            "example.org/team": team(0),
        }
        parameters = {"region": "eu-west-1", "storageGB": 20}
        composition = {"compositionRef": {"name": f"{kind.lower()}s.aws.example.org"}}
        revision = {"compositionRevisionRef": {"name": f"{kind.lower()}s.aws.example.org-1f2e3d4"}}
        user["spec"] = {"parameters": parameters, "compositeDeletePolicy": "Background"}
        bound["spec"] = {"resourceRef": _ref(xr), **composition, **revision,
                         "parameters": parameters}  # fmt: skip
        made["metadata"]["labels"] = _claim_labels(claim)
        made["spec"] = {"parameters": parameters, "claimRef": {**_ref(claim), **_names(claim)},
                        "compositionUpdatePolicy": "Automatic"}  # fmt: skip
        bucket = _object("cloud.example.org/v1beta1", "Bucket", f"{xr['metadata']['name']}-9f8e7d")
        composed["spec"] = {**composition, **revision, "resourceRefs": [_ref(bucket)],
                            "parameters": parameters}  # fmt: skip
        status = {"endpoint": f"{token}.db.example.org", **_conditions(ready)}
        status["connectionDetails"] = {"lastPublishedTime": TIME}
        yield None, [("kubectl", user), (_MANAGER.format("claim"), bound)], status
        managers = (_MANAGER.format("claim"), _MANAGER.format("composite"))
        yield None, list(zip(managers, (made, composed), strict=True)), status
        yield xr, _managed(bucket, xr, _claim_labels(claim)), _provider_status(bucket, ready)
    for kind in ("Site", "App"):
        xr = _object(f"{fleet.GROUP}/v1", kind, f"{kind.lower()}-{token}", team(0))
        bucket = _object("cloud.m.example.org/v1beta1", "Bucket",
                         f"{xr['metadata']['name']}-3a2b1c", team(0))  # fmt: skip
        user, composed = copy.deepcopy(xr), copy.deepcopy(xr)
        user["spec"] = {"image": f"registry.example.org/{kind.lower()}:1.4.2"}
        user["metadata"]["annotations"] = {"example.org/team": team(0)}
        machinery = {
            "compositionRef": {"name": f"{kind.lower()}s.example.org"},
            "compositionRevisionRef": {"name": f"{kind.lower()}s.example.org-5a6b7c8"},
            "compositionUpdatePolicy": "Automatic",
            "resourceRefs": [_ref(bucket)],
        }
        composed["spec"] = {"crossplane": machinery}
        steps = [("kubectl", user), (_MANAGER.format("composite"), composed)]
        yield None, steps, _conditions(ready)
        yield xr, _managed(bucket, xr, {}), _provider_status(bucket, ready)


def _managed(bucket: Object, xr: Object, labels: Object) -> list[tuple[str, Object]]:
    """Return what the composite's controller applies, and then the provider."""
    composed, named = copy.deepcopy(bucket), copy.deepcopy(bucket)
    composed["metadata"] |= {
        "generateName": f"{xr['metadata']['name']}-",
        "labels": {"crossplane.io/composite": xr["metadata"]["name"], **labels},
        "annotations": {"crossplane.io/composition-resource-name": "assets"},
    }
    composed["spec"] = {"forProvider": {"outcome": "ready"}}
    named["metadata"]["annotations"] = {
        "crossplane.io/external-name": bucket["metadata"]["name"],
        "crossplane.io/external-create-pending": TIME,
        "crossplane.io/external-create-succeeded": TIME,
    }
    named["metadata"]["finalizers"] = ["finalizer.managedresource.crossplane.io"]
    named["spec"] = {"forProvider": {}}
    return [(_MANAGER.format("composed/5f2c1d0b9a8e"), composed), ("provider", named)]


def _provider_status(bucket: Object, ready: bool) -> Object:
    name = bucket["metadata"]["name"]
    provided = {"arn": f"arn:aws:s3:::{name}", "id": name, "region": "eu-west-1"}
    provided |= {"tags": {"crossplane-kind": "bucket", "crossplane-name": name}}
    return {"atProvider": provided, **_conditions(ready)}


def _conditions(ready: bool) -> Object:
    pairs = {
        "Synced": ("True", "ReconcileSuccess", ""),
        "Ready": ("True", "Available", "")
        if ready
        else ("False", "Creating", "Unready resources: assets"),
    }
    return {
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "lastTransitionTime": TIME,
             "observedGeneration": 2, **({"message": message} if message else {})}
            for kind, (status, reason, message) in pairs.items()
        ]
    }  # fmt: skip


def _object(version: str, kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _names(item: Object) -> Object:
    return {key: item["metadata"][key] for key in ("namespace", "name")}


def _ref(item: Object) -> Object:
    return {**{key: item[key] for key in ("apiVersion", "kind")}, "name": item["metadata"]["name"]}


def owned(owner: Object, uids: dict[str, str]) -> Object:
    """Return the reference to an owner, of which the UID is known."""
    uid = uids[owner["metadata"]["name"]]
    return {**_ref(owner), "uid": uid, "controller": True, "blockOwnerDeletion": True}


def _claim_labels(claim: Object) -> Object:
    return {f"crossplane.io/claim-{key}": value for key, value in _names(claim).items()}


def team(number: int) -> str:
    """Return the namespace of a number."""
    return f"team-{number % NAMESPACES:03d}"


def person(number: int) -> str:
    """Return the name of a person."""
    return f"person-{number % PEOPLE:04d}"


def plural_of(crd: Object) -> str:
    """Return the plural name of a kind."""
    plural: str = crd["spec"]["names"]["plural"]
    return plural


def renamed_crd(crd: Object, kind: str, plural: str, like: str) -> Object:
    """Return the definition of a kind that is like another one."""
    made = copy.deepcopy(crd)
    assert plural_of(crd) == like, plural_of(crd)
    made["metadata"]["name"] = f"{plural}.{crd['spec']['group']}"
    made["spec"]["names"] |= {"kind": kind, "plural": plural}
    return made


def managed_crd(model: Object, number: int) -> Object:
    """Return the definition of one of the many kinds of a large provider, twenty a group."""
    made, plural = copy.deepcopy(model), f"things{number:04d}"
    group = f"service{number // 20:02d}.cloud.example.org"
    made["metadata"] = {"name": f"{plural}.{group}"}
    made["spec"]["group"] = group
    made["spec"]["names"] |= {"kind": f"Thing{number:04d}", "plural": plural}
    return made
