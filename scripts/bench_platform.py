"""A control plane with objects, those who are measured on it, and the rows of the tables."""

from __future__ import annotations

import gzip
import json
import shlex
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from bench_measure import CONCURRENCY, MB, PAGE_SIZE, Meter, Sample, count_of, curl, drain, totals
from bench_servers import BUCKET, KEYS, narrow, s3_server, server_of, service_account
from bench_state_metrics import state_metrics_config, state_metrics_program
from bench_tables import WALL, Told, comparisons, row
from harness.cluster import Cluster
from harness.controlplane import ControlPlane
from harness.processes import free_ports, wait_until

from support.processes import pushgateway
from xpjob.store.gzipped import MAGIC

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "scripts" / "bench_sources.yaml"
BESIDE = "beside"
GZIPPED = "xpjob run with S3_GZIP"
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
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
AGAIN = "the same again"


class Objects(Protocol):
    """What is listed."""

    @property
    def paths(self) -> Sequence[str]:
        """Return the paths of their lists."""

    @property
    def metadata_only(self) -> Sequence[str]:
        """Return those of which xpjob asks for metadata only."""

    def __init__(self, cluster: Cluster, etcd: str) -> None:
        """Make the first of them."""

    def grow(self, number: int) -> int:
        """Put copies into etcd until there are so many; return the number of all objects."""

    def touch(self) -> None:
        """Write to some of them."""


T = TypeVar("T", bound=Objects)


class Platform(Generic[T]):
    """A control plane with objects, a gateway and an S3, and those who are measured on it."""

    def __init__(self, stack: ExitStack, mbit: float, objects: type[T], python: str) -> None:
        """Start everything; the stack ends it. What is measured is run by this ``python``."""
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
        self._account = service_account(self.kubeconfig, files / "serviceaccount")
        self._gateway = stack.enter_context(pushgateway(files))
        self._buckets, self.s3_server = stack.enter_context(s3_server(files))
        self._snapshot = self._buckets / "xp-tracker" / "snapshot.json"
        self._told: dict[str, Told] = {}
        self._mbit = mbit
        self._python = python

    def compare(
        self,
        repeats: int,
        contenders: Mapping[str, Callable[[], Sample]],
        floors: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Measure contenders in turn, after a round that does not count; print their rows.

        Return the lines of what can be concluded from them.

        ``floors`` names the floor of each, where it is not the first contender. The first run of
        xpjob is measured once more in each round: by how much it differs from itself is the noise.
        Every other round is in reverse order.
        """
        floors = floors or {}
        measured = dict(contenders)
        base = next((name for name in contenders if name.startswith("xpjob")), "")
        if base:
            measured[AGAIN] = contenders[base]
        samples: dict[str, list[Sample]] = {name: [] for name in measured}
        with narrow(self._mbit) if self._mbit else nullcontext():
            for number in range(repeats + 1):
                order = list(measured.items())
                for name, contender in reversed(order) if number % 2 == 0 and number else order:
                    self.objects.touch()
                    sample = contender()
                    if number:
                        samples[name].append(sample)
        _, size = drain(self.cluster.api, self.objects.paths)
        again, first = samples.pop(AGAIN, []), next(iter(samples))
        noise = WALL.noise(samples[base], again) if base else 0.0
        count = self.count()
        for name, taken in samples.items():
            floor = floors.get(name, first)
            own = name == first or name in floors.values()
            above = None if own else WALL.compared(samples[floor], taken, noise)
            print(row(count, name, taken, above, self._told.get(name)), flush=True)
        print(f"<!-- {size / MB:.1f} MB in pages of {PAGE_SIZE} -->", flush=True)
        if not base:
            return []
        others = {n: s for n, s in samples.items() if n not in (base, first, *floors.values())}
        return [*comparisons(count, base, samples[base], again, others)]

    def settle(self, objects: int) -> None:
        """Wait until the API server has heard of all objects, and rests."""
        wait_until("all objects are listed", lambda: self.count() == objects, timeout=600)
        self._meter.wait_for_rest()

    def count(self) -> int:
        """Return the number of objects, as the API counts them."""
        return sum(count_of(self.cluster.api, path) for path in self.objects.paths)

    def floor(self, *options: str) -> Sample:
        """Fetch the same pages with curl, and throw them away."""
        urls, _ = drain(self.cluster.api, self.objects.paths)
        return self._meter.run(curl(self.kubeconfig, urls, self._files, *options), {})

    def lists_of(self, contender: Callable[[], Sample]) -> list[str]:
        """Return the lists that a contender makes: their paths, with selectors."""
        return self._meter.lists(contender)

    def floor_in_turn(self, paths: Sequence[str], *options: str) -> Sample:
        """Fetch the pages of lists likewise, each one after the other: each names the next.

        A few lists at a time, the longest first.
        """
        lists = [(path, drain(self.cluster.api, [path])[0]) for path in paths]
        lists.sort(key=lambda item: -len(item[1]))
        commands = []
        for number, (path, urls) in enumerate(lists):
            files = self._files / f"list-{number}"
            files.mkdir(exist_ok=True)
            as_ = METADATA if path.partition("?")[0] in self.objects.metadata_only else "*/*"
            command = curl(self.kubeconfig, urls, files, *options, parallel=1, accept=as_)
            script = files / "fetch"
            script.write_text(shlex.join(command))
            commands.append(str(script))
        together = f"printf '%s\\n' {shlex.join(commands)} | xargs -P {CONCURRENCY} -n 1 sh"
        return self._meter.run(["sh", "-c", together], {})

    def xpjob(self) -> Sample:
        """Do a whole run: discover, list, link, put to S3, push."""
        return self._job("xpjob run", [*self._xpjob, "run"])

    def collectors(self, name: str, collectors: str) -> Sample:
        """Do a whole run of other collectors, with a source over pods and one over nodes."""
        cluster = "bench-" + "".join(word[:2] for word in collectors.split(",")) + "-end"
        more = {"METRIC_SOURCES": str(SOURCES)} if "sources" in collectors else {}
        return self._apart(name, cluster, COLLECTORS=collectors, **more)

    def gzipped(self) -> Sample:
        """Do a whole run that stores its snapshot as gzip."""
        return self._apart(GZIPPED, "gzip", S3_GZIP="true")

    def beside(self, checkout: Path) -> Sample:
        """Do a whole run of another version."""
        return self._apart(named(checkout), BESIDE, PYTHONPATH=str(checkout))

    def _apart(self, name: str, cluster: str, **more: str) -> Sample:
        """Do a run with a snapshot and a group of its own."""
        more |= {"CLUSTER_NAME": cluster, "PUSHGATEWAY_JOB": cluster}
        snapshot = self._buckets / "xp-tracker" / cluster / "snapshot.json"
        sample = self._meter.run([*self._xpjob, "run"], self._environment() | OWNERS | more)
        sample.phases = _phases(snapshot)
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
        sample.phases = _phases(self._snapshot)
        self._told[name] = self._pushed("xpjob", self._snapshot.stat().st_size)
        return sample

    def naive(self) -> Sample:
        """Do about the same as one would write it first."""
        command = [self._python, str(ROOT / "scripts" / "bench_naive.py"), *self.objects.paths]
        with_kubeconfig = self._environment() | {"KUBECONFIG": str(self.kubeconfig)}
        sample = self._meter.run(command, with_kubeconfig)
        size = (self._buckets / "naive" / "snapshot.json").stat().st_size
        self._told["naive client"] = self._pushed("naive", size)
        return sample

    def state_metrics(self) -> Sample:
        """Start kube-state-metrics with the conditions of these kinds, and scrape it once."""
        config = self._files / "state-metrics.json"
        config.write_text(json.dumps(state_metrics_config(self.cluster, self.objects.paths)))
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
        return [self._python, "-P", "-c", _JOB, str(self._account)]

    def _environment(self) -> dict[str, str]:
        server = urlsplit(server_of(self.kubeconfig))
        return {
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(self._files / "pycache"),  # compiled, as in the image
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "PUSHGATEWAY_URL": self._gateway,
            "STORE_BACKEND": "s3",
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT": self.s3_server,
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


def _phases(snapshot: Path) -> dict[str, float]:
    """Return the phases of the run that has stored a snapshot."""
    report = snapshot.with_name("run.json").read_bytes()
    unpacked = gzip.decompress(report) if report.startswith(MAGIC) else report
    phases: dict[str, float] = json.loads(unpacked)["phases"]
    return phases


def named(checkout: Path) -> str:
    """Return what another version is called in the tables."""
    return f"xpjob run in {checkout.name}"


def shards_named(count: int) -> str:
    """Return what a run by shards is called in the tables."""
    return f"xpjob, {count} shards"
