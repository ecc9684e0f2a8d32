"""Plays the kubelet (and the scheduler) for the pods of one namespace.

Pods that the real controllers make are bound to a node of ours and run as processes of this
machine, confined as they say; what becomes of them is reported as a kubelet reports it. Each
Service has a loopback address of its own, so ports are those of the manifests. Not played:
network policies, resource limits, logs over the API.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from harness.cluster import Cluster
from harness.connection import ApiError, Connection, Object
from harness.container import Container, Image, Spec
from harness.pods import Parts, Pod, restarts, running, status_of

NODE = "xpjob-e2e"
TICK_SECONDS = 0.1
LEASE_TICKS = 50
RESTART_TICKS = 10


class Kubelet:
    """Runs the pods of a namespace until it is stopped. `finished` keeps their exit codes."""

    def __init__(
        self, cluster: Cluster, namespace: str, images: Mapping[str, Image], files: Path
    ) -> None:
        """Nothing runs yet. `images` maps names of images, without tags, to their stand-ins."""
        self.finished: dict[str, int] = {}
        self.pods: dict[str, Pod] = {}
        self.errors: list[str] = []
        self._cluster = cluster
        self._api = Connection(cluster.kubeconfig)
        self._namespace = f"/api/v1/namespaces/{namespace}"
        self._images = images
        self._files = files
        self._parts = Parts(self._api, self._namespace, files)
        self._addresses: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Make the node, and begin."""
        self._cluster.apply(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
        )
        self._renew()
        self._thread.start()

    def stop(self) -> None:
        """End all containers and leave the node's pods to their fate."""
        self._stopping.set()
        self._thread.join(timeout=60)
        for pod in self.pods.values():
            for container in pod.containers.values():
                container.terminate()
        for pod in self.pods.values():
            for container in pod.containers.values():
                container.kill()

    def address(self, service: str) -> str:
        """The loopback address of a Service, which its pods listen on."""
        number = len(self._addresses) + 1
        # By pid, so that test runs at the same time do not meet.
        return self._addresses.setdefault(
            service, f"127.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}.{number}"
        )

    def log(self, pod: str, container: str) -> str:
        """What a container has printed so far."""
        return self.pods[pod].containers[container].log.read_text()

    def _run(self) -> None:
        tick = 0
        while not self._stopping.wait(TICK_SECONDS):
            tick += 1
            try:
                if tick % LEASE_TICKS == 0:
                    self._renew()
                self._sync()
            except (ApiError, OSError, KeyError, ValueError) as error:
                self.errors.append(repr(error))

    def _renew(self) -> None:
        """Say that the node is there; without it, its pods would be taken for lost."""
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
        lease = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": now}
        self._cluster.apply(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": NODE, "namespace": "kube-node-lease"},
                "spec": lease,
            }
        )
        node = self._api.request("GET", f"/api/v1/nodes/{NODE}")
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
        node["status"]["conditions"] = [{**ready, **times}]
        self._api.request("PUT", f"/api/v1/nodes/{NODE}/status", node)

    def _sync(self) -> None:
        listed = self._api.request("GET", f"{self._namespace}/pods")["items"]
        for item in listed:
            name, phase = item["metadata"]["name"], item["status"].get("phase")
            if phase in ("Succeeded", "Failed"):
                continue
            if not item["spec"].get("nodeName"):
                self._bind(name)
                continue
            pod = self.pods.setdefault(name, Pod(item))
            if item["metadata"].get("deletionTimestamp"):
                self._end(pod, item)
            self._advance(pod)
            self._report(pod)
            if item["metadata"].get("deletionTimestamp") and not running(pod):
                path = f"{self._namespace}/pods/{name}"
                self._api.request("DELETE", path, {"gracePeriodSeconds": 0})
        gone = set(self.pods) - {item["metadata"]["name"] for item in listed}
        for name in gone:  # deleted by force
            for container in self.pods[name].containers.values():
                container.terminate()

    def _bind(self, name: str) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        self._api.request("POST", f"{self._namespace}/pods/{name}/binding", binding)

    def _end(self, pod: Pod, item: Object) -> None:
        """Let it end: SIGTERM first, and SIGKILL when its grace period is over."""
        pod.pending = []
        if not pod.ending:
            for container in pod.containers.values():
                container.terminate()
        pod.ending += 1
        if pod.ending * TICK_SECONDS > item["metadata"].get("deletionGracePeriodSeconds", 30):
            for container in pod.containers.values():
                container.kill()

    def _advance(self, pod: Pod) -> None:
        """Start what is to be started now: init containers one by one, then all, then again."""
        for name, container in pod.containers.items():
            code = container.exit_code()
            if code is not None:
                self.finished.setdefault(f"{pod.name}/{name}", code)
        if pod.ending:
            return
        if pod.pending:
            first = pod.pending[0]["name"]
            if first not in pod.containers:
                self._start(pod, pod.pending[0])
            elif pod.containers[first].exit_code() == 0:
                pod.pending.pop(0)
            return
        for container in pod.spec["containers"]:
            name = container["name"]
            if name not in pod.containers:
                self._start(pod, container)
            elif pod.containers[name].exit_code() is not None and restarts(pod):
                pod.waits[name] = pod.waits.get(name, 0) + 1
                if pod.waits[name] >= RESTART_TICKS:
                    pod.waits[name] = 0
                    pod.restarts[name] = pod.restarts.get(name, 0) + 1
                    self._start(pod, container)

    def _start(self, pod: Pod, container: Object) -> None:
        name = container["name"]
        image = self._images[re.sub(r"(:[^:/]+)?(@sha256:.*)?$", "", container["image"])]
        address = self._address_of(pod)
        command = [*container.get("command", image.entrypoint), *container.get("args", [])]
        environment = self._parts.environment(pod, container)
        security = {**pod.spec["securityContext"], **container["securityContext"]}
        if not (security["runAsNonRoot"] and security["readOnlyRootFilesystem"]):
            raise ValueError(f"{pod.name}/{name}: only confined containers are run")
        folder = self._files / pod.name
        hosts = [f"{self.address(s)} {s}\n" for s in self._services()]
        spec = Spec(
            # A pod has a network of its own; here the address stands for it.
            [_on(address, part) for part in command],
            {key: _on(address, value) for key, value in environment.items()},
            {
                self._parts.volume(pod, m["name"]): m["mountPath"]
                for m in container.get("volumeMounts", [])
            },
            security["runAsUser"],
            security["runAsGroup"],
            "127.0.0.1 localhost\n" + "".join(hosts),
        )
        files = folder / f"{name}-{pod.restarts.get(name, 0)}"
        pod.containers[name] = Container(files, image, spec)

    def _services(self) -> dict[str, Object]:
        items = self._api.request("GET", f"{self._namespace}/services")["items"]
        return {item["metadata"]["name"]: item["spec"].get("selector", {}) for item in items}

    def _address_of(self, pod: Pod) -> str:
        labels = pod.item["metadata"].get("labels", {})
        for name, selector in self._services().items():
            if selector and selector.items() <= labels.items():
                return self.address(name)
        return "127.0.0.1"

    def _report(self, pod: Pod) -> None:
        """Tell the API server how it goes, when that has changed."""
        status = status_of(pod, self._address_of(pod))
        if status == pod.reported:
            return
        path = f"{self._namespace}/pods/{pod.name}"
        with contextlib.suppress(ApiError):  # changed meanwhile: the next tick says it again
            item = self._api.request("GET", path)
            self._api.request("PUT", f"{path}/status", {**item, "status": status})
            pod.reported = status


def _on(address: str, text: str) -> str:
    return re.sub(r"(^|=)(:\d+)$", rf"\g<1>{address}\2", text)
