"""A control plane with objects, those who are measured on it, and the rows of the tables."""

from __future__ import annotations

import base64
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from bench_measure import CONCURRENCY, MB, PAGE_SIZE, Meter, Sample, curl, drain, totals
from harness.build import E2E, build
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.processes import free_ports, wait_until
from harness.tools import tool

from support.processes import pushgateway, serving

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret"}
BUCKET = "inventory"
BESIDE = "beside"
OWNERS = {
    "CREATOR_ANNOTATION_KEY": "example.org/creator",
    "TEAM_ANNOTATION_KEY": "example.org/team",
}
_JOB = """
import pathlib, sys
folder = pathlib.Path(sys.argv.pop(1))
try:
    from xpjob.kube import service_account
    service_account.FOLDER = folder
except ImportError:  # a version that leaves it to the kubernetes package
    from kubernetes.config import incluster_config
    incluster_config.SERVICE_TOKEN_FILENAME = str(folder / "token")
    incluster_config.SERVICE_CERT_FILENAME = str(folder / "ca.crt")
from xpjob.cli import main
main()
"""
"""The command line, with the files of a service account in a folder of ours."""
HEAD = (
    *("objects", "what", "wall s (range)", "x floor", "CPU s", "peak MB", "requests"),
    *("API server CPU s", "series", "exposition MB", "stored MB"),
)


@dataclass
class Told:
    """What a contender has left: series and bytes of its metrics, bytes of its document."""

    series: int = 0
    exposition: int = 0
    stored: int = 0


class Objects(Protocol):
    """What is listed."""

    @property
    def paths(self) -> Sequence[str]:
        """Return the paths of their lists."""

    def __init__(self, cluster: Cluster, etcd: str) -> None:
        """Make the first of them."""

    def grow(self, number: int) -> int:
        """Put copies into etcd until there are so many; return the number of all objects."""

    def touch(self) -> None:
        """Write to some of them."""


T = TypeVar("T", bound=Objects)


class Platform(Generic[T]):
    """A control plane with objects, a gateway and an S3, and those who are measured on it."""

    def __init__(self, stack: ExitStack, mbit: float, objects: type[T]) -> None:
        """Start everything; the stack ends it."""
        files = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xpjob-bench-")))
        control_plane = ControlPlane(files / "controlplane")
        stack.callback(control_plane.down)
        self.kubeconfig = control_plane.up()
        self.cluster = Cluster(self.kubeconfig, files, control_plane)
        # Its caches of all that is loaded would cost the same two cores.
        manager = control_plane.processes.pop()
        manager.stop()
        self.objects = objects(self.cluster, control_plane.etcd)
        self._meter = Meter(control_plane, files)
        self._files = files
        self._account = _service_account(self.kubeconfig, files / "serviceaccount")
        self._gateway = stack.enter_context(pushgateway(files))
        self._buckets, self._s3 = stack.enter_context(_s3(files))
        self._snapshot = self._buckets / "xp-tracker" / "snapshot.json"
        self._told: dict[str, Told] = {}
        self._mbit = mbit

    def compare(self, repeats: int, contenders: dict[str, Callable[[], Sample]]) -> None:
        """Measure contenders in turn, after one that does not count; print their rows."""
        samples: dict[str, list[Sample]] = {name: [] for name in contenders}
        with _narrow(self._mbit) if self._mbit else nullcontext():
            for number in range(repeats + 1):
                for name, contender in contenders.items():
                    self.objects.touch()
                    sample = contender()
                    if number:
                        samples[name].append(sample)
        _, size = drain(self.cluster.api, self.objects.paths)
        floor = statistics.median(s.wall for s in next(iter(samples.values())))
        for name, taken in samples.items():
            print(_row(self.count(), name, taken, floor, self._told.get(name)), flush=True)
        print(f"<!-- {size / MB:.1f} MB in pages of {PAGE_SIZE} -->", flush=True)

    def settle(self, objects: int) -> None:
        """Wait until the API server has heard of all objects, and rests."""
        wait_until("all objects are listed", lambda: self.count() == objects, timeout=120)
        self._meter.wait_for_rest()

    def count(self) -> int:
        """Return the number of objects, as the API counts them."""
        total = 0
        for path in self.objects.paths:
            page = self.cluster.api.request("GET", f"{path}?limit=1")
            total += len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
        return total

    def floor(self, *options: str) -> Sample:
        """Fetch the same pages with curl, and throw them away."""
        urls, _ = drain(self.cluster.api, self.objects.paths)
        return self._meter.run(curl(self.kubeconfig, urls, self._files, *options), {})

    def floor_in_turn(self, *options: str) -> Sample:
        """Fetch them likewise, but those of one list one after the other: each names the next."""
        commands = []
        for number, path in enumerate(self.objects.paths):
            files = self._files / f"list-{number}"
            files.mkdir(exist_ok=True)
            urls, _ = drain(self.cluster.api, [path])
            commands.append(shlex.join(curl(self.kubeconfig, urls, files, *options, parallel=1)))
        script = "".join(f'{command} & all="$all $!"; ' for command in commands)
        return self._meter.run(
            ["sh", "-c", f"{script}for pid in $all; do wait $pid || exit 1; done"], {}
        )

    def xpjob(self) -> Sample:
        """Do a whole run: discover, list, link, put to S3, push."""
        return self._job("xpjob run", [*self._xpjob, "run"])

    def collectors(self, name: str, collectors: str) -> Sample:
        """Do a whole run of other collectors."""
        cluster = "-".join(reversed(collectors.split(",")))  # none begins with another
        return self._apart(name, cluster, COLLECTORS=collectors)

    def beside(self, checkout: Path) -> Sample:
        """Do a whole run of another version."""
        return self._apart(named(checkout), BESIDE, PYTHONPATH=str(checkout))

    def _apart(self, name: str, cluster: str, **more: str) -> Sample:
        """Do a run with a snapshot and a group of its own."""
        more |= {"CLUSTER_NAME": cluster, "PUSHGATEWAY_JOB": cluster}
        snapshot = self._buckets / "xp-tracker" / cluster / "snapshot.json"
        sample = self._meter.run([*self._xpjob, "run"], self._environment() | OWNERS | more)
        sample.phases = json.loads(snapshot.with_name("run.json").read_text())["phases"]
        self._told[name] = self._pushed(cluster, snapshot.stat().st_size)
        return sample

    def shards(self, count: int) -> Sample:
        """Do the same run by shards, at once; its memory is that of the largest of them.

        Raises RuntimeError where they leave other totals than the run before.
        """
        one = totals(self._snapshot, self._gateway)
        generation = ["run", "--shard-generation", str(time.time_ns()), "--shard"]
        run = shlex.join([*self._xpjob, *generation])
        script = f'for i in $(seq 0 {count - 1}); do {run} $i/{count} & all="$all $!"; done; '
        script += "for pid in $all; do wait $pid || exit 1; done"
        sample = self._job(shards_named(count), ["sh", "-c", script])
        if (together := totals(self._snapshot, self._gateway)) != one:
            raise RuntimeError(f"{count} shards: {together}, and one run: {one}")
        print(f"<!-- {shards_named(count)}: as one run, {together} -->", flush=True)
        return sample

    def _job(self, name: str, command: list[str]) -> Sample:
        sample = self._meter.run(command, self._environment() | OWNERS)
        report = self._snapshot.with_name("run.json")
        sample.phases = json.loads(report.read_text())["phases"]
        self._told[name] = self._pushed("xpjob", self._snapshot.stat().st_size)
        return sample

    def naive(self) -> Sample:
        """Do about the same as one would write it first."""
        command = [sys.executable, str(ROOT / "scripts" / "bench_naive.py"), *self.objects.paths]
        with_kubeconfig = self._environment() | {"KUBECONFIG": str(self.kubeconfig)}
        sample = self._meter.run(command, with_kubeconfig)
        size = (self._buckets / "naive" / "snapshot.json").stat().st_size
        self._told["naive client"] = self._pushed("naive", size)
        return sample

    def state_metrics(self) -> Sample:
        """Start kube-state-metrics with the conditions of these kinds, and scrape it once."""
        config = self._files / "state-metrics.json"
        config.write_text(json.dumps(_state_metrics_config(self.cluster, self.objects.paths)))
        return self._state_metrics(
            {"custom-resource-state-only": "true", "custom-resource-state-config-file": config}
        )

    def state_metrics_of_pods(self) -> Sample:
        """Start kube-state-metrics with its metrics of nodes and pods, and scrape it once."""
        return self._state_metrics({"resources": "nodes,pods"})

    def _state_metrics(self, more: Mapping[str, object]) -> Sample:
        port, telemetry = free_ports(2)
        flags = {
            "kubeconfig": self.kubeconfig,
            "host": "127.0.0.1",
            "port": port,
            "telemetry-host": "127.0.0.1",
            "telemetry-port": telemetry,
            **more,
        }
        command = [str(state_metrics_program()), *(f"--{k}={v}" for k, v in flags.items())]
        sample, body = self._meter.serve(command, f"http://127.0.0.1:{port}/metrics")
        lines = [line for line in body.splitlines() if line and not line.startswith(b"#")]
        self._told["kube-state-metrics"] = Told(len(lines), len(body))
        return sample

    @property
    def _xpjob(self) -> list[str]:
        # -P: of the checkout that PYTHONPATH names, wherever this was started.
        return [sys.executable, "-P", "-c", _JOB, str(self._account)]

    def _environment(self) -> dict[str, str]:
        server = urlsplit(_server(self.kubeconfig))
        return {
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(self._files / "pycache"),  # compiled, as in the image
            "MALLOC_MMAP_THRESHOLD_": "131072",  # as in the image
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "PUSHGATEWAY_URL": self._gateway,
            "STORE_BACKEND": "s3",
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT": self._s3,
            "TERMINATION_LOG": "/dev/null",
            "PAGE_SIZE": str(PAGE_SIZE),
            "CONCURRENCY": str(CONCURRENCY),
            **KEYS,
        }

    def _pushed(self, job: str, stored: int) -> Told:
        with urllib.request.urlopen(f"{self._gateway}/metrics") as answer:
            body = answer.read().decode()
        lines = [line for line in body.splitlines() if f'job="{job}' in line]
        return Told(len(lines), sum(len(line) + 1 for line in lines), stored)


def _server(kubeconfig: Path) -> str:
    server: str = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return server


def _service_account(kubeconfig: Path, folder: Path) -> Path:
    """Write the credentials of a kubeconfig as the kubelet does in a pod; return the folder."""
    config = json.loads(kubeconfig.read_text())
    folder.mkdir()
    (folder / "token").write_text(config["users"][0]["user"]["token"])
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    (folder / "ca.crt").write_bytes(base64.b64decode(authority))
    return folder


def state_metrics_program() -> Path:
    """Build kube-state-metrics, unless that was done."""
    return build(E2E / "state-metrics", ("k8s.io/kube-state-metrics/v2",)) / "kube-state-metrics"


def _row(count: int, name: str, samples: list[Sample], floor: float, told: Told | None) -> str:
    def median(value: Callable[[Sample], float]) -> float:
        return statistics.median(value(sample) for sample in samples)

    walls = [sample.wall for sample in samples]
    wall = statistics.median(walls)
    cells = [
        f"{count:,}",
        name,
        f"{wall:.2f} ({min(walls):.2f}-{max(walls):.2f})",
        f"{wall / floor:.2f}",
        f"{median(lambda s: s.cpu):.2f}",
        f"{median(lambda s: s.rss) / MB:.0f}",
        f"{median(lambda s: s.requests):,.0f}",
        f"{median(lambda s: s.api_cpu):.2f}",
        f"{told.series:,}" if told else "",
        f"{told.exposition / MB:.2f}" if told else "",
        f"{told.stored / MB:.1f}" if told and told.stored else "",
    ]
    row = "| " + " | ".join(cells) + " |"
    if phases := samples[len(samples) // 2].phases:
        row += " <!-- " + " ".join(f"{k} {v:.2f}" for k, v in phases.items()) + " -->"
    return row


def _state_metrics_config(cluster: Cluster, paths: Sequence[str]) -> object:
    """One family for the conditions, labelled with name and namespace, for each kind."""
    resources: list[object] = []
    for path in paths:
        page = cluster.api.request("GET", f"{path}?limit=1")
        group, version, _ = path.split("/")[-3:]
        labels = {"name": ["metadata", "name"], "namespace": ["metadata", "namespace"]}
        gauge = {
            "path": ["status", "conditions"],
            "labelsFromPath": {"type": ["type"], "reason": ["reason"]},
            "valueFrom": ["status"],
        }
        each = {"type": "Gauge", "gauge": gauge}
        kind = page["kind"].removesuffix("List")
        resources.append(
            {
                "groupVersionKind": {"group": group, "version": version, "kind": kind},
                # Of several kinds with one name it shows only one.
                "metricNamePrefix": f"kind{len(resources)}",
                "labelsFromPath": labels,
                "metrics": [{"name": "condition", "help": "Conditions.", "each": each}],
            }
        )
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": resources}}


@contextmanager
def _s3(files: Path) -> Iterator[tuple[Path, str]]:
    """Run Versity's S3 gateway over a folder; yield the bucket's folder, and the URL."""
    bucket, (port,) = files / "buckets" / BUCKET, free_ports(1)
    bucket.mkdir(parents=True)
    (files / "metadata").mkdir()
    command = [str(tool("versitygw")), f"--port=127.0.0.1:{port}", "--health=/healthz", "--quiet"]
    command += ["posix", f"--sidecar={files / 'metadata'}", str(bucket.parent)]
    keys = {"ROOT_ACCESS_KEY": "bench", "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
    os.environ |= keys
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/healthz", files / "s3.log"):
        yield bucket, url


@contextmanager
def _narrow(mbit: float) -> Iterator[None]:
    """Let no more than that through the loopback of a network namespace of our own."""
    rule = f"root tbf rate {mbit}mbit burst 256kb latency 50ms"
    subprocess.run(["tc", "qdisc", "add", "dev", "lo", *rule.split()], check=True)
    try:
        yield
    finally:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)


def named(checkout: Path) -> str:
    """Return what another version is called in the tables."""
    return f"xpjob run in {checkout.name}"


def shards_named(count: int) -> str:
    """Return what a run by shards is called in the tables."""
    return f"xpjob, {count} shards"
