"""Simulated operators of the sample platform, and registries that are checked."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from xpjob.config import secrets
from xpjob.demo.cluster import Cluster
from xpjob.demo.selectors import Json
from xpjob.kube.discovery import Kind

CLUSTER_VERSION = Kind("config.openshift.io", "v1", "clusterversions", "ClusterVersion", False)
CLUSTER_OPERATOR = Kind("config.openshift.io", "v1", "clusteroperators", "ClusterOperator", False)
SUBSCRIPTION = Kind("operators.coreos.com", "v1alpha1", "subscriptions", "Subscription", True)
CSV = Kind(
    "operators.coreos.com", "v1alpha1", "clusterserviceversions", "ClusterServiceVersion", True
)
OPERATOR_GROUP = Kind("operators.coreos.com", "v1", "operatorgroups", "OperatorGroup", True)
EXTENSION = Kind("olm.operatorframework.io", "v1", "clusterextensions", "ClusterExtension", False)
KINDS = (CLUSTER_VERSION, CLUSTER_OPERATOR, SUBSCRIPTION, CSV, OPERATOR_GROUP, EXTENSION)

_SINCE = "2026-08-20T08:00:00Z"
_PARTS = ("authentication", "console", "dns", "etcd", "ingress", "monitoring", "network", "storage")
_PACKAGES = (
    *(("cert-manager", "1.17.0", "Succeeded"), ("logging", "6.1.0", "Succeeded")),
    *(("metallb", "4.18.0", "Succeeded"), ("tempo", "0.15.3", "Failed")),
)
_WAITS = "metallb"
_WORKS, _NEXT = "4.18.1", "4.18.3"
_STEPS = 4
"""Steps after which an upgrade is approved, and another one waits."""


class Operators:
    """Creates operators in a cluster; one of them upgrades, step by step, when it is approved."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._steps = cluster, 0
        cluster.apply(CLUSTER_VERSION, _cluster_version())
        for name in _PARTS:
            cluster.apply(CLUSTER_OPERATOR, _cluster_operator(name, degraded=name == "ingress"))
        for package, version, phase in _PACKAGES:
            self._install(package, version, phase)
        for name, reason in (("argocd", "Succeeded"), ("kyverno", "Retrying")):
            cluster.apply(EXTENSION, _extension(name, reason))

    def step(self) -> None:
        """Approve the upgrade that waits, now and then; the next one waits then."""
        self._steps += 1
        if self._steps % _STEPS == 0:
            with self._cluster.locked():
                self._install(_WAITS, f"4.18.{self._steps // _STEPS}", "Succeeded")

    def _install(self, package: str, version: str, phase: str) -> None:
        namespace = f"{package}-operator"
        for old in self._cluster.objects(CSV, namespace):
            self._cluster.delete(CSV, namespace, old["metadata"]["name"])
        self._cluster.apply(CSV, _csv(package, namespace, version, phase))
        group = {"metadata": {"name": package, "namespace": namespace}}
        status = {"namespaces": [""]}
        self._cluster.apply(OPERATOR_GROUP, {**group, "status": status})
        self._cluster.apply(SUBSCRIPTION, _subscription(package, namespace, version))


def registry(user: str, password: str) -> Starlette:
    """Return a small registry as an app, which wants a password and has some repositories."""
    right = secrets.basic(user, password)
    headers = {"Docker-Distribution-Api-Version": "registry/2.0"}

    def answer(request: Request) -> Response:
        if request.headers.get("Authorization", "") != right:
            challenge = {**headers, "WWW-Authenticate": 'Basic realm="sample"'}
            return JSONResponse({"errors": [{"code": "UNAUTHORIZED"}]}, 401, challenge)
        if request.url.path == "/v2/":
            return JSONResponse({}, 200, headers)
        names = [f"shop/{name}" for name in ("cart", "gateway", "ledger", "web")]
        return JSONResponse({"repositories": names}, 200, headers)

    return Starlette(routes=[Route("/v2/", answer), Route("/v2/_catalog", answer)])


def write_registries(directory: Path, url: str, user: str, password: str) -> Path:
    """Write a file with registries: one that works, one with a wrong password, one that is away."""
    right, wrong = directory / "right", directory / "wrong"
    right.write_text(f"{user}:{password}\n")
    wrong.write_text(f"{user}:not-{password}\n")
    entries: list[Json] = [
        {"name": "sample", "credentialsFile": str(right), "maxRepositories": 100},
        {"name": "sample-wrong-password", "credentialsFile": str(wrong)},
        {"name": "sample-away", "endpoint": "http://127.0.0.1:1"},
    ]
    path = directory / "registries.json"
    path.write_text(json.dumps({"registries": [{"endpoint": url, **entry} for entry in entries]}))
    return path


def _condition(kind: str, status: str, reason: str, message: str = "") -> Json:
    told = {"reason": reason, "message": message, "lastTransitionTime": _SINCE}
    return {"type": kind, "status": status, **told}


def _cluster_version() -> Json:
    history = [{"state": "Completed", "version": _WORKS}]
    status: Json = {"desired": {"version": _WORKS}, "history": history}
    status["availableUpdates"] = [{"version": _NEXT}]
    spec = {"channel": "stable-4.18", "clusterID": "5f0f1c35-6a55-4b1e-8f53-7d1b6f0a4a11"}
    return {"metadata": {"name": "version", "uid": "version"}, "spec": spec, "status": status}


def _cluster_operator(name: str, *, degraded: bool) -> Json:
    text = "2 of 3 router replicas are available" if degraded else ""
    reason = "IngressDegraded" if degraded else "AsExpected"
    conditions = [
        _condition("Available", "True", "AsExpected"),
        _condition("Progressing", "False", "AsExpected"),
        _condition("Degraded", str(degraded), reason, text),
    ]
    status = {"conditions": conditions, "versions": [{"name": "operator", "version": _WORKS}]}
    return {"metadata": {"name": name, "uid": f"co-{name}"}, "status": status}


def _csv(package: str, namespace: str, version: str, phase: str) -> Json:
    name = f"{package}.v{version}"
    failed = phase == "Failed"
    status = {
        "phase": phase,
        "reason": "InstallCheckFailed" if failed else "InstallSucceeded",
        "message": "deployment exceeded its progress deadline" if failed else "",
        "lastTransitionTime": _SINCE,
    }
    spec = {"displayName": package, "version": version, "provider": {"name": "Example"}}
    metadata = {"name": name, "namespace": namespace, "uid": f"csv-{name}"}
    return {"metadata": metadata, "spec": spec, "status": status}


def _subscription(package: str, namespace: str, version: str) -> Json:
    installed, waits = f"{package}.v{version}", package == _WAITS
    major, _, patch = version.rpartition(".")
    current = f"{package}.v{major}.{int(patch) + 1}" if waits else installed
    spec = {
        "name": package,
        "channel": "stable",
        "source": "community-operators",
        "installPlanApproval": "Manual" if waits else "Automatic",
    }
    state = "UpgradePending" if waits else "AtLatestKnown"
    status = {"state": state, "installedCSV": installed, "currentCSV": current}
    metadata = {"name": package, "namespace": namespace, "uid": f"sub-{package}"}
    return {"metadata": metadata, "spec": spec, "status": status}


def _extension(package: str, reason: str) -> Json:
    text = "no bundle fits the constraints" if reason != "Succeeded" else ""
    status = {
        "install": {"bundle": {"name": f"{package}.v1.0.0", "version": "1.0.0"}},
        "conditions": [
            _condition("Installed", "True", "Succeeded"),
            _condition("Progressing", "True", reason, text),
        ],
    }
    spec = {
        "namespace": f"{package}-system",
        "source": {"catalog": {"packageName": package, "channels": ["stable"]}},
    }
    return {
        "metadata": {"name": package, "uid": f"ext-{package}"},
        "spec": spec,
        "status": status,
    }
