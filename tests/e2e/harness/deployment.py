"""The shipped manifests at work: what stands for their images, and what becomes of their Jobs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from harness.cluster import Cluster, KubectlError
from harness.connection import Object
from harness.container import Image
from harness.deploy import NAMESPACE, ROOT
from harness.kubelet import Kubelet
from harness.processes import ServerError
from harness.tools import tool


def images() -> dict[str, Image]:
    """What stands for the images: this very code, Debian's Pushgateway, a built S3 server."""
    gateway = shutil.which("prometheus-pushgateway")
    if gateway is None:
        raise ServerError("prometheus-pushgateway is needed: install Debian's package")
    s3 = tool("versitygw")
    python = Image(
        [sys.executable, "-m", "xpjob"],
        {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        visible=[Path(sys.base_prefix), Path(sys.prefix), ROOT],
    )
    return {
        "ghcr.io/xpjob/xpjob": python,
        # Debian's keeps what was pushed by default; upstream's, for which it stands, does not.
        "docker.io/prom/pushgateway": Image([gateway, "--persistence.file="]),
        "docker.io/versity/versitygw": Image([], programs={"/usr/local/bin/versitygw": s3}),
    }


class Deployment:
    """The manifests, applied, with pods that run."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        """Nothing is applied yet."""
        self.cluster = cluster
        self.kubelet = kubelet
        self.gateway = f"http://{kubelet.address('xpjob-gateway')}:9091"

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl(f"--namespace={NAMESPACE}", *arguments, input=input)

    def job(self, name: str) -> Object:
        """A Job as it is now."""
        return self.cluster.get("job", name, f"--namespace={NAMESPACE}")

    def finish(self, name: str, condition: str, timeout: int = 60) -> Object:
        """Wait until a Job has ended in this way, and give it."""
        wait = (f"--for=condition={condition}", f"--timeout={timeout}s")
        try:
            self.kubectl("wait", f"job/{name}", *wait)
        except KubectlError as error:
            raise AssertionError(
                f"{error}\n{self.told(name)}\n{self.kubelet.errors[-3:]}"
            ) from error
        return self.job(name)

    def told(self, job: str) -> list[dict[str, Any]]:
        """The termination messages of a Job's pods, oldest first, each with its exit code."""
        selector = f"--selector=batch.kubernetes.io/job-name={job}"
        pods = self.cluster.get("pods", f"--namespace={NAMESPACE}", selector)["items"]
        pods.sort(key=lambda pod: pod["metadata"]["creationTimestamp"])
        found = []
        for pod in pods:
            for status in pod["status"].get("containerStatuses", []):
                ended = status["state"].get("terminated", {})
                message = ended.get("message", "")
                said = json.loads(message) if message.startswith("{") else {"error": message}
                found.append({**said, "code": ended.get("exitCode")})
        return found

    def variant(self, name: str, **environment: str) -> str:
        """Make a Job of the CronJob with another environment, and give its name."""
        printed = self.kubectl(
            *("create", "job", name, "--from=cronjob/xpjob"), "--dry-run=client", "--output=json"
        )
        job = json.loads(printed)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        container["env"] = [{"name": key, "value": value} for key, value in environment.items()]
        self.kubectl("create", "--filename=-", input=json.dumps(job))
        return name

    def sharded(self, name: str, files: Path, of: int = 4, **environment: str) -> str:
        """Make a Job of the trial's CronJob with the component for shards, and give its name.

        Its four pods believe that they are `of` so many. `files` is an empty folder.
        """
        up = "../" * len(files.resolve().parts[1:]) + str(ROOT / "k8s").lstrip("/")
        (files / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            f"resources: [{up}/overlays/trial]\ncomponents: [{up}/components/sharded]\n"
        )
        items = yaml.safe_load_all(self.cluster.kubectl("kustomize", str(files)))
        (cron,) = [item for item in items if item["kind"] == "CronJob"]
        template = cron["spec"]["jobTemplate"]
        (container,) = template["spec"]["template"]["spec"]["containers"]
        (shard,) = [each for each in container["env"] if each["name"] == "SHARD"]
        shard["value"] = shard["value"].replace("/4", f"/{of}")
        container["env"] += [{"name": key, "value": value} for key, value in environment.items()]
        metadata = {**template["metadata"], "name": name, "namespace": NAMESPACE}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        job["spec"] = template["spec"]
        self.kubectl("create", "--validate=strict", "--filename=-", input=json.dumps(job))
        return name

    def hanging(self, port: int) -> dict[str, str]:
        """The environment of a run that hangs, at an API server that never answers."""
        patience = {"CONNECT_TIMEOUT_SECONDS": "300", "REQUEST_TIMEOUT_SECONDS": "300"}
        return {**patience, "KUBERNETES_SERVICE_PORT": str(port)}

    def copy(self, name: str, change: Callable[[Object], None]) -> str:
        """Make another CronJob like ours, changed, and give its name."""
        spec = self.cluster.get("cronjob", "xpjob", f"--namespace={NAMESPACE}")["spec"]
        metadata = {"name": name, "namespace": NAMESPACE}
        item = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}
        change(item)
        self.cluster.apply(item)
        return name

    def jobs_of(self, cronjob: str) -> list[Object]:
        """The Jobs that the controller made for a CronJob on schedule."""
        items = self.cluster.get("jobs", f"--namespace={NAMESPACE}")["items"]
        return [
            item
            for item in items
            if item["metadata"].get("ownerReferences", [{}])[0].get("name") == cronjob
            and "batch.kubernetes.io/cronjob-scheduled-timestamp" in item["metadata"]["annotations"]
        ]
