"""The trial overlay at work: the real controllers make Jobs and Pods, and they really run.

kube-controller-manager does what it does in a cluster; harness/kubelet.py plays the kubelet. The
S3 server, the Pushgateway and the job are the real ones.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.connection import Object
from harness.crossplane import MANIFESTS, Crossplane
from harness.deploy import NAMESPACE, ROOT, apply, grant_as_rbac_manager, remove, restricted
from harness.deployment import Deployment, images
from harness.kubelet import Kubelet
from harness.processes import free_ports, wait_until

README = (ROOT / "k8s/README.md").read_text()


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """The port of an API server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def deployed(
    crossplane: Crossplane, tmp_path_factory: pytest.TempPathFactory, silent: int
) -> Iterator[Deployment]:
    """Applied as a user would, in a namespace that enforces Pod Security's restricted level."""
    if os.geteuid() != 0:
        pytest.skip("the pod runner needs root, for mount namespaces")
    cluster = crossplane.cluster
    cluster.apply(MANIFESTS / "samples")
    crossplane.wait_for_condition("database", "orders", "Ready=True", "team-a")
    restricted(cluster)
    grant_as_rbac_manager(cluster, "platform.example.org", ["databases", "xdatabases", "apps"])
    for provided in ("cloud.example.org", "cloud.m.example.org"):
        grant_as_rbac_manager(cluster, provided, ["buckets"])
    kubelet = Kubelet(cluster, NAMESPACE, images(), tmp_path_factory.mktemp("pods"))
    made = Deployment(cluster, kubelet)
    kubelet.start()
    try:
        apply(cluster, ROOT / "k8s" / "overlays" / "trial")

        def slow(item: Object) -> None:
            job = item["spec"]["jobTemplate"]["spec"]
            job["activeDeadlineSeconds"] = 600
            (container,) = job["template"]["spec"]["containers"]
            settings = made.hanging(silent)
            container["env"] = [{"name": key, "value": settings[key]} for key in settings]

        # Beside ours, so that all of it happens in the same two minutes.
        made.copy("slow", slow)
        made.copy("suspended", lambda item: item["spec"].update(suspend=True))
        yield made
    finally:
        try:
            remove(cluster, ROOT / "k8s" / "overlays" / "trial")
            made.kubectl("delete", "cronjobs,jobs", "--all", "--timeout=60s")
            made.kubectl("wait", "pods", "--all", "--for=delete", "--timeout=60s")
        finally:
            kubelet.stop()  # whatever happens, no process of ours stays


def pushed(deployed: Deployment) -> str:
    """What the gateway holds."""
    with urllib.request.urlopen(f"{deployed.gateway}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def totals(deployed: Deployment, cluster: str) -> dict[str, float]:
    """The sum of each family of totals of a cluster that the gateway holds."""
    found: dict[str, float] = {}
    for line in pushed(deployed).splitlines():
        if line.startswith("crossplane_") and f'cluster="{cluster}"' in line:
            family = line.partition("{")[0]
            if family.endswith("_total"):
                found[family] = found.get(family, 0) + float(line.rpartition(" ")[2])
    return found


def test_the_servers_get_ready(deployed: Deployment) -> None:
    """The bucket is made, the S3 server and the gateway's pod answer their probes."""
    deployed.kubectl("rollout", "status", "deployment/xpjob-s3", "--timeout=60s")
    wait_until("the gateway is pushed to", lambda: "go_goroutines" in pushed(deployed))
    deployed.kubectl("rollout", "status", "deployment/xpjob-gateway", "--timeout=60s")


def test_the_readmes_commands_work(deployed: Deployment) -> None:
    """Those of its trial, in order and word for word, from the root of a clone."""
    section = README.split("## Trial\n")[1].split("\n## ")[0]
    commands = re.findall(r"^    (.+)$", section, re.MULTILINE)
    assert commands[0] == "kubectl apply --server-side -k k8s/overlays/trial"
    environment = {**os.environ, "KUBECONFIG": str(deployed.cluster.kubeconfig)}
    for command in commands:
        bash = ["bash", "-euo", "pipefail", "-c", command]
        done = subprocess.run(bash, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), command
    told = json.loads(done.stdout)
    assert told["exitCode"] == 0
    assert told["claims"] >= 4


def test_the_readmes_doctor_works(deployed: Deployment) -> None:
    """As a Job of its own, with the CronJob's rights and environment; it finds all well."""
    section = README.split("## Doctor\n")[1].split("\n## ")[0]
    create, wait, logs = re.findall(r"^    (kubectl (?:.+\\\n)*.+)$", section, re.MULTILINE)
    environment = {**os.environ, "KUBECONFIG": str(deployed.cluster.kubeconfig)}
    for command in (create, wait):
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], env=environment, check=True)
    assert "logs job/xpjob-doctor" in logs  # which the pod runner does not serve
    (pod,) = [name for name in deployed.kubelet.pods if name.startswith("xpjob-doctor")]
    told = deployed.kubelet.log(pod, "xpjob")
    assert "s3://inventory/" in told
    assert "databases" in told
    assert "failed" not in told


def test_a_run_by_hand(deployed: Deployment) -> None:
    """Lists what Crossplane made, with the token of its pod, stores, pushes, says so."""
    deployed.kubectl("create", "job", "--from=cronjob/xpjob", "manual-1")
    assert deployed.finish("manual-1", "Complete")["status"]["succeeded"] == 1
    (said,) = deployed.told("manual-1")
    assert (said["code"], said["error"], said["failed"]) == (0, "", 0)
    assert said["claims"] >= 4
    assert "crossplane_claims_total{" in pushed(deployed)
    assert 'namespace="team-a"' in pushed(deployed)


def test_the_reader_serves_what_the_job_stored(deployed: Deployment) -> None:
    """Beside the gateway, out of the bucket, with the same environment and no token."""
    url = f"http://{deployed.kubelet.address('xpjob-gateway')}:8080"

    def served() -> bool:
        with urllib.request.urlopen(f"{url}/bookkeeping?namespace=team-a", timeout=10) as answer:
            return any(claim["name"] == "orders" for claim in json.load(answer)["claims"])

    wait_until("the reader has the snapshot", served)
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        assert "xpjob_reader_snapshot_age_seconds" in answer.read().decode()


def test_a_failing_run_is_retried(deployed: Deployment) -> None:
    """The gateway is away at first: a second pod, and then all is well."""
    (port,) = free_ports(1)
    name = deployed.variant("away", PUSHGATEWAY_URL=f"http://127.0.0.1:{port}")
    wait_until("the first try has failed", lambda: deployed.job(name)["status"].get("failed") == 1)
    gateway = images()["docker.io/prom/pushgateway"].entrypoint
    command = [*gateway, f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert deployed.finish(name, "Complete")["status"]["failed"] == 1
    finally:
        process.terminate()
        process.wait(timeout=10)
    first, second = deployed.told(name)
    assert (first["code"], second["code"]) == (1, 0)
    assert "PUSHGATEWAY_URL" in first["error"]


def test_wrong_configuration_is_not_retried(deployed: Deployment) -> None:
    """Exit code 2 fails the Job with its first pod."""
    deployed.variant("wrong", PAGE_SIZE="many")
    (condition,) = [
        c
        for c in deployed.finish("wrong", "Failed")["status"]["conditions"]
        if c["type"] == "Failed"
    ]
    assert condition["reason"] == "PodFailurePolicy"
    (said,) = deployed.told("wrong")
    assert said["code"] == 2
    assert "PAGE_SIZE" in said["error"]


def test_a_refusal_is_not_retried(deployed: Deployment) -> None:
    """Exit code 4: the bucket's server does not accept this key."""
    deployed.variant("refused", AWS_SECRET_ACCESS_KEY="another")
    deployed.finish("refused", "Failed")
    (said,) = deployed.told("refused")
    assert said["code"] == 4


def test_four_pods_share_a_run(deployed: Deployment, tmp_path: Path) -> None:
    """An Indexed Job: each lists its share, one merges all and pushes what one run would have."""
    one = deployed.variant("one-pod", CLUSTER_NAME="one")
    deployed.finish(one, "Complete")
    (alone,) = deployed.told(one)
    # In a folder and a group of its own, so that no scheduled run comes in between.
    name = deployed.sharded("shards", tmp_path, CLUSTER_NAME="shards")
    assert deployed.finish(name, "Complete")["status"]["completedIndexes"] == "0-3"
    told = {said["shard"]: said for said in deployed.told(name)}
    assert sorted(told) == ["0/4", "1/4", "2/4", "3/4"]
    assert {(said["code"], said["error"], said["failed"]) for said in told.values()} == {(0, "", 0)}
    (merged,) = [said for said in told.values() if said["claims"]]
    for counted in ("claims", "xrs", "mrs", "targets"):
        assert merged[counted] == alone[counted], counted
    assert totals(deployed, "shards") == totals(deployed, "one") != {}


def test_a_pod_that_never_comes_costs_only_its_share(deployed: Deployment, tmp_path: Path) -> None:
    """The fifth of five: its lists have failed, and what they had is carried."""
    environment = {"CLUSTER_NAME": "shards", "RUN_DEADLINE_SECONDS": "12"}
    name = deployed.sharded("one-missing", tmp_path, of=5, **environment)
    deployed.finish(name, "Complete")
    (merged,) = [said for said in deployed.told(name) if said["claims"]]
    assert (merged["code"], merged["error"]) == (0, "")
    assert merged["failed"] > 0
    assert merged["carried"] >= 4
    assert totals(deployed, "shards") == totals(deployed, "one")


def test_a_scheduled_run(deployed: Deployment) -> None:
    """At the full minute, without anybody's doing."""
    wait_until("a run is scheduled", lambda: bool(deployed.jobs_of("xpjob")), timeout=90)
    name = deployed.jobs_of("xpjob")[0]["metadata"]["name"]
    deployed.finish(name, "Complete")
    (said,) = deployed.told(name)
    assert said["code"] == 0
    status = deployed.cluster.get("cronjob", "xpjob", f"--namespace={NAMESPACE}")["status"]
    assert status["lastSuccessfulTime"]


def test_forbid_holds_the_next_run_back(deployed: Deployment) -> None:
    """While a slow one is on, the controller skips the next and says so; runs by hand go on."""
    wait_until("the slow run is on", lambda: len(deployed.jobs_of("slow")) == 1, timeout=90)

    def skipped() -> bool:
        events = deployed.cluster.get("events", f"--namespace={NAMESPACE}")["items"]
        return any(
            (e["reason"], e["involvedObject"]["name"]) == ("JobAlreadyActive", "slow")
            for e in events
        )

    wait_until("the next run is skipped", skipped, timeout=90)
    assert len(deployed.jobs_of("slow")) == 1
    deployed.kubectl("create", "job", "--from=cronjob/slow", "beside")
    wait_until(
        "a run by hand is on beside it", lambda: deployed.job("beside")["status"].get("active") == 1
    )


def test_suspend_stops_runs(deployed: Deployment) -> None:
    """While another CronJob of the same schedule has started two."""
    wait_until("two minutes have begun", lambda: len(deployed.jobs_of("xpjob")) >= 2, timeout=90)
    assert len(deployed.jobs_of("xpjob")) >= 2
    assert deployed.jobs_of("suspended") == []


def test_an_ended_run_ends_at_once(deployed: Deployment, silent: int) -> None:
    """Upon SIGTERM, in the middle of a request, with the exit code that says so."""
    name = deployed.variant("hanging", **deployed.hanging(silent))
    finished = deployed.kubelet.finished
    wait_until("it runs", lambda: deployed.job(name)["status"].get("ready") == 1)
    deployed.kubectl("delete", "job", name, "--timeout=30s")
    wait_until("it has ended", lambda: any(key.startswith(name) for key in finished))
    assert [code for key, code in finished.items() if key.startswith(name)] == [143]


def test_nothing_went_wrong_in_the_runner(deployed: Deployment) -> None:
    """What the kubelet's part was asked for, it could do."""
    assert deployed.kubelet.errors == []
