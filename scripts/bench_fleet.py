"""A platform of any size on a control plane, its objects as Crossplane leaves them.

Two trees of ten objects go through the API, server-side applied by the field managers that
Crossplane has, so that managedFields are real. All others are copies of those, with names, uids,
owners and references of their own, put straight into etcd, as the API server would store them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import yaml
from bench_etcd import Etcd
from harness import fleet
from harness.cluster import Cluster
from harness.connection import Connection, Object
from harness.crossplane import MANIFESTS
from harness.processes import wait_until

TREE = 10  # objects: two claims, their two XRs, two XRs of the newer generation, four MRs
NAMESPACES, PEOPLE = 40, 160
_TIME = "2026-08-21T09:00:00Z"
_NUMBER, _UID = re.compile(r"n\d{6}"), re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BUCKETS = MANIFESTS / "platform" / "buckets.yaml"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class _Stored(NamedTuple):
    """One object in etcd: where the API lists its kind, its key, the JSON."""

    path: str
    key: str
    text: str


class Fleet:
    """The objects of one control plane. It only grows."""

    metadata_only = ()

    def __init__(self, cluster: Cluster, etcd: str) -> None:
        """Install the kinds, and make one tree that is ready and one that is not."""
        self._api = cluster.api
        self._etcd = Etcd(etcd)
        crds = [*yaml.safe_load_all(fleet.CRDS.read_text())]
        renamed = [_renamed(crd, *names) for crd, names in zip(crds, _OTHERS, strict=True)]
        cluster.apply(_BUCKETS, *crds, *renamed)
        for number in range(NAMESPACES):
            self._api.request("POST", "/api/v1/namespaces", {"metadata": {"name": team(number)}})
        self._templates = [list(self._applied(number)) for number in (0, 1)]
        self._trees = 2
        self._touched = 0
        self.paths = sorted({item.path for item in self._templates[0]})

    def grow(self, objects: int) -> int:
        """Put copies until there are so many objects; return their number."""
        wanted = objects // TREE
        self._etcd.put(
            _copy(item, number)
            for number in range(self._trees, wanted)
            for item in self._templates[number % 10 == 1]
        )
        self._trees = max(self._trees, wanted)
        return self._trees * TREE

    def touch(self) -> None:
        """Write to one object of each of the first kinds, as somebody always does on a platform.

        The API server lists from its cache what was written to since etcd was last compacted
        (each five minutes), and the rest, from the second page on, from etcd: at twice the cost.
        """
        self._touched += 1
        body = {"metadata": {"annotations": {"example.org/touched": str(self._touched)}}}
        for item in self._templates[0]:
            names = item.key.split("/")[4:]
            within = f"/namespaces/{names[0]}" if len(names) == 2 else ""
            head, _, plural = item.path.rpartition("/")
            path = f"{head}{within}/{plural}/{names[-1]}"
            merge(self._api, path, body)

    def add_kinds(self, count: int, filled: int) -> None:
        """Add managed kinds; so many of them get five objects each."""
        model = next(yaml.safe_load_all(_BUCKETS.read_text()))
        crds = [_managed_crd(model, number) for number in range(count)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda crd: self._api.request("POST", _CRDS, crd), crds))
        paths = [f"/apis/{crd['spec']['group']}/v1beta1/{_plural(crd)}" for crd in crds]
        wait_until(
            "the kinds are served",
            lambda: all(self._api.exchange("GET", f"{path}?limit=1")[0] == 200 for path in paths),
            timeout=600,
        )
        bucket = next(item for item in self._templates[0] if item.path.endswith("/buckets"))
        self._etcd.put(
            _copy(_of_kind(bucket, crd), 900_000 + 5 * index + number)
            for index, crd in enumerate(crds[:filled])
            for number in range(5)
        )
        self.paths = sorted({*self.paths, *paths})

    def _applied(self, number: int) -> Iterator[_Stored]:
        uids: dict[str, str] = {}
        for owner, steps, status in _tree(number):
            item: Object = {}
            for manager, item in steps:
                if owner:
                    item["metadata"]["ownerReferences"] = [_owned(owner, uids)]
                item = self._api.apply(_path(item), item, manager)
            uids[item["metadata"]["name"]] = item["metadata"]["uid"]
            names = {key: item["metadata"].get(key) for key in ("name", "namespace")}
            head = {key: item[key] for key in ("apiVersion", "kind")}
            self._api.apply(
                f"{_path(item)}/status",
                {**head, "metadata": names, "status": status},
                "provider" if owner else "crossplane",
            )
            yield self._read(item)

    def _read(self, item: Object) -> _Stored:
        group, version, plural = *item["apiVersion"].split("/"), _PLURALS[item["kind"]]
        names = [item["metadata"].get("namespace"), item["metadata"]["name"]]
        key = "/".join(["/registry", group, plural, *filter(None, names)])
        return _Stored(f"/apis/{group}/{version}/{plural}", key, self._etcd.get(key).decode())


# The tests' kinds of the fleet come once more under these names: XR, claim, XR of the newer kind.
_OTHERS = (
    ("XCache", "xcaches", "xpostgresqlinstances"),
    ("Cache", "caches", "postgresqlinstances"),
    ("App", "apps", "sites"),
)
_PLURALS = {
    "PostgreSQLInstance": "postgresqlinstances",
    "XPostgreSQLInstance": "xpostgresqlinstances",
    "Site": "sites",
    "Bucket": "buckets",
} | {kind: plural for kind, plural, _ in _OTHERS}


def _tree(number: int) -> Iterator[tuple[Object | None, list[tuple[str, Object]], Object]]:
    """Yield each object of a tree: its owner, what is applied by whom, its status."""
    token, ready = f"n{number:06d}", number % 10 != 1
    for kind in ("PostgreSQLInstance", "Cache"):
        claim = _object(f"{fleet.GROUP}/v1alpha1", kind, f"{kind.lower()}-{token}", team(0))
        xr = _object(claim["apiVersion"], f"X{kind}", f"{claim['metadata']['name']}-x7k2p")
        user, bound, made, composed = (copy.deepcopy(each) for each in (claim, claim, xr, xr))
        user["metadata"]["annotations"] = {
            "example.org/creator": _person(0),
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
        status["connectionDetails"] = {"lastPublishedTime": _TIME}
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


def merge(api: Connection, path: str, body: Object) -> Object:
    """Patch an object with what is to be merged into it; return the object."""
    status, answer = api.exchange("PATCH", path, body, "application/merge-patch+json")
    if status != 200:
        raise RuntimeError(f"PATCH {path}: {status} {answer[:300]!r}")
    patched: Object = json.loads(answer)
    return patched


_MANAGER = "apiextensions.crossplane.io/{}"


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
        "crossplane.io/external-create-pending": _TIME,
        "crossplane.io/external-create-succeeded": _TIME,
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
            {"type": kind, "status": status, "reason": reason, "lastTransitionTime": _TIME,
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


def _owned(owner: Object, uids: dict[str, str]) -> Object:
    uid = uids[owner["metadata"]["name"]]
    return {**_ref(owner), "uid": uid, "controller": True, "blockOwnerDeletion": True}


def _claim_labels(claim: Object) -> Object:
    return {f"crossplane.io/claim-{key}": value for key, value in _names(claim).items()}


def team(number: int) -> str:
    """Return the namespace of a number."""
    return f"team-{number % NAMESPACES:03d}"


def _person(number: int) -> str:
    return f"person-{number % PEOPLE:04d}"


def _path(item: Object) -> str:
    namespace = item["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    plural, name = _PLURALS[item["kind"]], item["metadata"]["name"]
    return f"/apis/{item['apiVersion']}{within}/{plural}/{name}"


def _copy(item: _Stored, number: int) -> tuple[str, bytes]:
    """Return key and text of a copy: another name, namespace and person, and uids of its own."""
    like = _NUMBER.findall(item.key)[-1]
    pairs = [(like, f"n{number:06d}"), (team(0), team(number)), (_person(0), _person(number))]
    # That of the owner becomes what the owner's own becomes.
    pairs += [(uid, f"{number:08x}{uid[8:]}") for uid in set(_UID.findall(item.text))]
    key, text = item.key, item.text
    for old, new in pairs:
        key, text = key.replace(old, new), text.replace(old, new)
    return key, text.encode()


def _of_kind(item: _Stored, crd: Object) -> _Stored:
    group, plural, kind = crd["spec"]["group"], _plural(crd), crd["spec"]["names"]["kind"]
    key = item.key.replace("/cloud.example.org/buckets/", f"/{group}/{plural}/")
    text = item.text.replace('"apiVersion":"cloud.example.org/', f'"apiVersion":"{group}/')
    return _Stored("", key, text.replace('"kind":"Bucket"', f'"kind":"{kind}"'))


def _plural(crd: Object) -> str:
    plural: str = crd["spec"]["names"]["plural"]
    return plural


def _renamed(crd: Object, kind: str, plural: str, like: str) -> Object:
    made = copy.deepcopy(crd)
    assert _plural(crd) == like, _plural(crd)
    made["metadata"]["name"] = f"{plural}.{crd['spec']['group']}"
    made["spec"]["names"] |= {"kind": kind, "plural": plural}
    return made


def _managed_crd(model: Object, number: int) -> Object:
    """Return the definition of one of the many kinds of a large provider, twenty a group."""
    made, plural = copy.deepcopy(model), f"things{number:04d}"
    group = f"service{number // 20:02d}.cloud.example.org"
    made["metadata"] = {"name": f"{plural}.{group}"}
    made["spec"]["group"] = group
    made["spec"]["names"] |= {"kind": f"Thing{number:04d}", "plural": plural}
    return made
