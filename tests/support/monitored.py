"""A monitored platform: real runs, a real gateway and reader, a real Prometheus with our rules."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from support.capacity import container, node, pod
from support.certificates import issue
from support.github import ORG, github
from support.github import TOKEN as GITHUB_TOKEN
from support.paths import COMPONENTS, ROOT
from support.processes import POOL, free_port, prometheus, pushgateway, serving
from support.scripted import Told, scripted
from xpjob.base.times import now
from xpjob.collectors import COLLECTORS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.demo import apps, operators, services, workloads
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.apps import Apps
from xpjob.demo.cluster import Cluster, Fault
from xpjob.demo.kinds import KINDS
from xpjob.demo.operators import Operators
from xpjob.demo.orders import CREATOR_KEY, TEAM_KEY
from xpjob.demo.platform import Platform
from xpjob.demo.workloads import Workloads
from xpjob.kube.discovery import Kind
from xpjob.run import job
from xpjob.run.hub import metrics
from xpjob.run.hub.members import Member
from xpjob.run.hub.names import Known
from xpjob.run.hub.outcome import Outcome
from xpjob.run.hub.probe import probe
from xpjob.terminal.progress import Silent

SCRAPE = COMPONENTS / "no-operator" / "xpjob-scrape.yaml"
PROVIDER = Kind("pkg.crossplane.io", "v1", "providers", "Provider", False)
RULES = COMPONENTS / "no-operator" / "xpjob-rules.yaml"
SERVICE_MONITOR = COMPONENTS / "monitoring" / "servicemonitor.yaml"
BROKEN = "/apis/platform.example.org/v1alpha1/messagequeues"
RUNS = 3


@dataclass(frozen=True)
class Monitored:
    """A Prometheus that has scraped several runs. ``gateway`` is where they were pushed."""

    url: str
    gateway: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query whose value is a number."""
        answer = POOL.request("GET", f"{self.url}/api/v1/query", fields={"query": query})
        document = json.loads(answer.data)
        assert document["status"] == "success", (query, document)
        samples: list[dict[str, Any]] = document["data"]["result"]
        return [sample for sample in samples if sample["value"][1] != "NaN"]

    def value(self, query: str) -> float | None:
        """Return the one value of a query, None where there is none."""
        samples = self.ask(query)
        return float(samples[0]["value"][1]) if samples else None

    def pushed(self) -> float | None:
        """Return when the newest push came that has been scraped."""
        return self.value("max(push_time_seconds)")


def shipped_jobs() -> list[dict[str, Any]]:
    """Return the scrape configuration for a Prometheus without the operator."""
    jobs: list[dict[str, Any]] = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]
    return jobs


def operator_jobs() -> list[dict[str, Any]]:
    """Return what the Prometheus operator makes of the ServiceMonitor, for one pod."""
    ports = {"metrics": 9091, "http": 8080}
    return [
        {
            "job_name": f"serviceMonitor/crossplane-system/xpjob/{number}",
            "honor_labels": endpoint.get("honorLabels", False),
            "metrics_path": endpoint.get("path", "/metrics"),
            "scrape_interval": endpoint["interval"],
            "scrape_timeout": endpoint["scrapeTimeout"],
            "static_configs": [
                {
                    "targets": [f"10.0.0.1:{ports[endpoint['port']]}"],
                    "labels": {
                        "job": "xpjob-gateway",
                        "namespace": "crossplane-system",
                        "service": "xpjob-gateway",
                        "pod": "xpjob-gateway-0",
                        "container": "pushgateway",
                        "endpoint": endpoint["port"],
                    },
                }
            ],
        }
        for number, endpoint in enumerate(
            yaml.safe_load(SERVICE_MONITOR.read_text())["spec"]["endpoints"]
        )
    ]


@contextmanager
def monitored(directory: Path, jobs: list[dict[str, Any]]) -> Iterator[Monitored]:
    """Do some runs over the demo platform, one list failing at last, scraped by these jobs."""
    more = (workloads.KINDS, apps.KINDS, services.KINDS, operators.KINDS)
    kinds = dict.fromkeys((*KINDS, PROVIDER, *(kind for some in more for kind in some)))
    cluster = Cluster(tuple(kinds), token="monitored")
    pods = Workloads(cluster, now())
    cluster.apply(workloads.NODE, node("small", {"cpu": "1", "memory": "8Gi", "pods": "9"}))
    cluster.apply(apps.POD, pod("large", "small", container("1200m")))
    healthy = {"type": "Healthy", "status": "True", "reason": "HealthyPackageRevision"}
    named = {"metadata": {"name": "provider-aws"}, "status": {"conditions": [healthy]}}
    cluster.apply(PROVIDER, named)
    platform = Platform(cluster, now())
    deployed = Apps(cluster)
    services.fill(cluster)
    Operators(cluster)
    with ExitStack() as stack:
        server = stack.enter_context(Server(create_app(cluster)))
        gateway = stack.enter_context(pushgateway(directory))
        _, recording = stack.enter_context(github())
        given = {
            "kubeconfig": str(write_kubeconfig(directory / "kubeconfig", server.url, "monitored")),
            "collectors": "all",
            "namespace_team_key": TEAM_KEY,
            "service_operator": services.OPERATOR,
            "creator_annotation_key": CREATOR_KEY,
            "team_annotation_key": TEAM_KEY,
            "store_backend": "directory",
            "store_dir": str(directory / "store"),
            "pushgateway_url": gateway,
            "registries_file": str(stack.enter_context(_registries(directory))),
            "github_org": ORG,
            "base_url": recording.url,
            "logical_environment": "production",
            "github_cluster": "moda-1",
        }
        config = load(given, {"API_TOKEN": GITHUB_TOKEN}, GROUPS)
        addresses = {"9091": gateway.removeprefix("http://")}
        addresses["8080"] = stack.enter_context(_reader(directory))
        scraping = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": list(_here(jobs, addresses)),
        }
        url = stack.enter_context(prometheus(directory, **scraping))
        made = Monitored(url, gateway)
        for number in range(RUNS):
            before = made.pushed()
            assert job.run(config, COLLECTORS, Silent()).errors == []
            while made.pushed() == before:
                time.sleep(0.1)  # the test's own time-out ends it
            platform.step(now())
            pods.step(now())
            if number == 0:
                _move_a_tag(cluster, deployed)
                cluster.fault = lambda path, _: Fault(403) if path.startswith(BROKEN) else None
        _say_as_a_hub(config)
        # Two scrapes of the failures, which have come last: from then on all rates exist.
        _wait(lambda: made.value("min(xpjob_target_success)") == 0)
        _wait(lambda: bool(made.ask("rate(xp_tracker_poll_errors_total[1m])")))
        _wait(lambda: bool(made.ask("xpjob_cluster_up")))
        yield made


def _say_as_a_hub(config: Config) -> None:
    """Push what a hub says of a cluster whose credentials expire."""
    answered = probe(config)
    expires = dict.fromkeys(("token", "certificate"), time.time() + 2_592_000)
    outcome = Outcome("sample", 0, probe=replace(answered, expires=expires))
    member = Member("sample", labels={"env": "demo"}, config=config)
    assert metrics.push(member, outcome, Known()) == []


def _move_a_tag(cluster: Cluster, deployed: Apps) -> None:
    """Go on until the app that always deploys the same tag has been rolled out again."""

    def running() -> set[str]:
        pods = cluster.objects(apps.POD, "team-web")
        ours = [pod for pod in pods if pod["metadata"]["name"].startswith("campaign-")]
        return {pod["status"]["containerStatuses"][0]["imageID"] for pod in ours}

    before = running()
    while running() & before or len(running()) != 1:
        deployed.step()


@contextmanager
def _registries(directory: Path) -> Iterator[Path]:
    """Serve a registry over TLS; yield the file that names it."""
    made = issue(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with scripted(lambda _: Told(200, {}, b"{}"), context) as registry:
        entry = {"name": "images", "endpoint": registry.url, "caFile": str(made.authority)}
        path = directory / "registries.json"
        path.write_text(json.dumps({"registries": [entry]}))
        yield path


@contextmanager
def _reader(directory: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    environment = {
        "PATH": os.environ["PATH"],
        "METRICS_ADDR": address,
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(directory / "store"),
        "PYTHONPATH": str(ROOT),
    }
    command = ["env", "-i", *(f"{k}={v}" for k, v in environment.items())]
    command += [sys.executable, "-m", "xpjob", "serve"]
    with serving(command, f"http://{address}/healthz", directory / "reader.log"):
        yield address


def _here(jobs: list[dict[str, Any]], addresses: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield these jobs, scraping each second, their targets on this machine instead."""
    for each in jobs:
        (static,) = each["static_configs"]
        port = static["targets"][0].rpartition(":")[2]
        local = {**static, "targets": [addresses[port]]}
        quick = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        yield {**each, **quick, "static_configs": [local]}


def _wait(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not probe():
        assert time.monotonic() < deadline, "Prometheus has not seen it in 60 s"
        time.sleep(0.1)
