"""A platform of any size on a control plane, its objects as Crossplane leaves them.

Two trees of ten objects go through the API, server-side applied by the field managers that
Crossplane has, so that managedFields are real. All others are copies of those, with names, uids,
owners and references of their own, put straight into etcd, as the API server would store them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import yaml
from bench_etcd import Etcd
from bench_objects import (
    NAMESPACES,
    OTHERS,
    PLURALS,
    TREE,
    managed_crd,
    owned,
    person,
    plural_of,
    renamed_crd,
    team,
    tree,
)
from harness import fleet
from harness.cluster import Cluster
from harness.connection import Connection, Object
from harness.crossplane import MANIFESTS
from harness.processes import wait_until

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
        renamed = [renamed_crd(crd, *names) for crd, names in zip(crds, OTHERS, strict=True)]
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
        crds = [managed_crd(model, number) for number in range(count)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda crd: self._api.request("POST", _CRDS, crd), crds))
        paths = [f"/apis/{crd['spec']['group']}/v1beta1/{plural_of(crd)}" for crd in crds]
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
        for owner, steps, status in tree(number):
            item: Object = {}
            for manager, item in steps:
                if owner:
                    item["metadata"]["ownerReferences"] = [owned(owner, uids)]
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
        group, version, plural = *item["apiVersion"].split("/"), PLURALS[item["kind"]]
        names = [item["metadata"].get("namespace"), item["metadata"]["name"]]
        key = "/".join(["/registry", group, plural, *filter(None, names)])
        return _Stored(f"/apis/{group}/{version}/{plural}", key, self._etcd.get(key).decode())


def merge(api: Connection, path: str, body: Object) -> Object:
    """Patch an object with what is to be merged into it; return the object."""
    status, answer = api.exchange("PATCH", path, body, "application/merge-patch+json")
    if status != 200:
        raise RuntimeError(f"PATCH {path}: {status} {answer[:300]!r}")
    patched: Object = json.loads(answer)
    return patched


def _path(item: Object) -> str:
    namespace = item["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    plural, name = PLURALS[item["kind"]], item["metadata"]["name"]
    return f"/apis/{item['apiVersion']}{within}/{plural}/{name}"


def _copy(item: _Stored, number: int) -> tuple[str, bytes]:
    """Return key and text of a copy: another name, namespace and person, and uids of its own."""
    like = _NUMBER.findall(item.key)[-1]
    pairs = [(like, f"n{number:06d}"), (team(0), team(number)), (person(0), person(number))]
    # That of the owner becomes what the owner's own becomes.
    pairs += [(uid, f"{number:08x}{uid[8:]}") for uid in set(_UID.findall(item.text))]
    key, text = item.key, item.text
    for old, new in pairs:
        key, text = key.replace(old, new), text.replace(old, new)
    return key, text.encode()


def _of_kind(item: _Stored, crd: Object) -> _Stored:
    group, plural, kind = crd["spec"]["group"], plural_of(crd), crd["spec"]["names"]["kind"]
    key = item.key.replace("/cloud.example.org/buckets/", f"/{group}/{plural}/")
    text = item.text.replace('"apiVersion":"cloud.example.org/', f'"apiVersion":"{group}/')
    return _Stored("", key, text.replace('"kind":"Bucket"', f'"kind":"{kind}"'))
