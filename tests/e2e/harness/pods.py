"""What a pod asks for, and how it does: its environment, its volumes, its status."""

from __future__ import annotations

import base64
import os
import re
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.connection import Connection, Object
from harness.container import Container


class Pod:
    """A pod that runs here, or has run: its containers by name, and how often they restarted."""

    def __init__(self, item: Object) -> None:
        """Remember what was asked for."""
        self.item = item
        self.name: str = item["metadata"]["name"]
        self.spec: Object = item["spec"]
        self.containers: dict[str, Container] = {}
        self.pending = list(self.spec.get("initContainers", []))
        self.restarts: dict[str, int] = {}
        self.waits: dict[str, int] = {}
        self.ending = 0
        self.reported: Object = {}


class Parts:
    """Gets from the API server what pods of one namespace refer to."""

    def __init__(self, api: Connection, namespace: str, files: Path) -> None:
        """`namespace` is its path in the API; volumes are folders in `files`."""
        self._api = api
        self._namespace = namespace
        self._files = files

    def environment(self, pod: Pod, container: Object) -> dict[str, str]:
        """A container's environment, as its pod says."""
        server = self._api.server
        found = {
            "KUBERNETES_SERVICE_HOST": server.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        for source in container.get("envFrom", []):
            for kind, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
                if kind in source:
                    found.update(self._data(plural, **source[kind]))
        for each in container.get("env", []):
            # It may refer to what stands before it.
            text = each.get("value", "")
            found[each["name"]] = re.sub(r"\$\((\w+)\)", lambda m: found.get(m[1], m[0]), text)
            source = each.get("valueFrom", {})
            if "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                found[each["name"]] = self._data("secrets", reference["name"])[reference["key"]]
            elif "fieldRef" in source:
                found[each["name"]] = _field(pod.item, source["fieldRef"]["fieldPath"])
        return found

    def _data(self, plural: str, name: str, optional: bool = False) -> dict[str, str]:
        status, _ = self._api.exchange("GET", f"{self._namespace}/{plural}/{name}")
        if status == 404 and optional:
            return {}
        data = self._api.request("GET", f"{self._namespace}/{plural}/{name}").get("data", {})
        if plural == "secrets":
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
        return dict(data)

    def volume(self, pod: Pod, name: str) -> Path:
        """Make a volume unless it is there: an emptyDir, or projected sources."""
        (volume,) = [each for each in pod.spec["volumes"] if each["name"] == name]
        folder = self._files / pod.name / "volumes" / name
        if folder.is_dir():
            return folder
        folder.mkdir(parents=True)
        if "emptyDir" in volume:
            group = pod.spec["securityContext"].get("fsGroup", 0)
            os.chown(folder, 0, group)
            folder.chmod(0o2775)
            return folder
        for source in volume["projected"]["sources"]:
            if "serviceAccountToken" in source:
                asked = source["serviceAccountToken"]
                (folder / asked["path"]).write_text(self._token(pod, asked["expirationSeconds"]))
            elif "configMap" in source:
                data = self._data("configmaps", source["configMap"]["name"])
                for item in source["configMap"]["items"]:
                    (folder / item["path"]).write_text(data[item["key"]])
            else:  # the downward API: the namespace
                (folder / "namespace").write_text(pod.item["metadata"]["namespace"])
        return folder

    def _token(self, pod: Pod, seconds: int) -> str:
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod.name}
        bound["uid"] = pod.item["metadata"]["uid"]
        asked: dict[str, Any] = {"expirationSeconds": seconds, "boundObjectRef": bound}
        account = pod.spec["serviceAccountName"]
        path = f"{self._namespace}/serviceaccounts/{account}/token"
        answer = self._api.request("POST", path, {"spec": asked})
        return str(answer["status"]["token"])


def _field(item: Object, path: str) -> str:
    """A label or an annotation, as the downward API names it."""
    found = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if not found:
        raise ValueError(f"{path}: only labels and annotations are played")
    return str(item["metadata"][found[1]][found[2]])


def status_of(pod: Pod, address: str) -> Object:
    """A pod's status, as a kubelet would report it."""
    states = {
        each["name"]: _container_status(pod, each, address) for each in pod.spec["containers"]
    }
    codes = [pod.containers[n].exit_code() if n in pod.containers else None for n in states]
    if None not in codes and (pod.ending or not restarts(pod)):
        phase = "Failed" if any(codes) else "Succeeded"
    else:
        phase = "Running" if any(n in pod.containers for n in states) else "Pending"
    ready = "True" if phase == "Running" and all(s["ready"] for s in states.values()) else "False"
    kinds = {"PodScheduled": "True", "Initialized": "False" if pod.pending else "True"}
    kinds |= {"ContainersReady": ready, "Ready": ready}
    return {
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": pod.item["metadata"]["creationTimestamp"],
        "conditions": [{"type": kind, "status": value} for kind, value in kinds.items()],
        "containerStatuses": list(states.values()),
    }


def _container_status(pod: Pod, spec: Object, address: str) -> Object:
    name = spec["name"]
    container = pod.containers.get(name)
    common = {"name": name, "image": spec["image"], "imageID": "", "ready": False}
    common["restartCount"] = pod.restarts.get(name, 0)
    if container is None:
        return {**common, "state": {"waiting": {"reason": "ContainerCreating"}}}
    started = _time(container.started)
    code = container.exit_code()
    if code is None:
        ready = _probe(spec, address)
        return {**common, "ready": ready, "state": {"running": {"startedAt": started}}}
    ended = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "message": container.message(spec["terminationMessagePolicy"]),
        "startedAt": started,
        "finishedAt": _time(container.finished),
    }
    return {**common, "state": {"terminated": ended}}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _probe(spec: Object, address: str) -> bool:
    """Whether a container that runs is ready, by its own probe."""
    probe = spec.get("readinessProbe")
    if probe is None:
        return True
    (port,) = [p["containerPort"] for p in spec["ports"] if p["name"] == probe["httpGet"]["port"]]
    url = f"http://{address}:{port}{probe['httpGet']['path']}"
    try:
        with urllib.request.urlopen(url, timeout=probe.get("timeoutSeconds", 1)) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def restarts(pod: Pod) -> bool:
    """Whether containers that end are started again."""
    return bool(pod.spec["restartPolicy"] == "Always")


def running(pod: Pod) -> bool:
    """Whether any container of it runs."""
    return any(container.exit_code() is None for container in pod.containers.values())
