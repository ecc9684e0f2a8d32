"""xpjob on a real API server, as a ServiceAccount with only the rights that it should have."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from harness import fleet
from harness.build import E2E
from harness.cluster import Cluster
from harness.connection import Connection
from harness.controlplane import ISSUER, ControlPlane
from harness.job import Finished, run, xpjob
from harness.processes import wait_until

from support.collectors import CROSSPLANE
from xpjob.base.errors import NotFoundError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.kube.connect import connect
from xpjob.kube.discovery import discover
from xpjob.kube.lists import ListKey
from xpjob.net.http import USER_AGENT, Timeouts
from xpjob.run import job
from xpjob.terminal.progress import Silent

READ_FLEET = [
    {"apiGroups": [fleet.GROUP], "resources": ["*"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
]
FLEET_GVRS = {
    "CLAIM_GVRS": fleet.CLAIMS,
    "XR_GVRS": f"{fleet.COMPOSITES},{fleet.SITES}",
}
SYSTEM = "xpjob-system"


@pytest.fixture(scope="module")
def user(cluster: Cluster) -> Path:
    """The kubeconfig of the job's ServiceAccount, with the fleet before it."""
    fleet.load(cluster)
    cluster.namespace(SYSTEM)
    kubeconfig = cluster.service_account(SYSTEM, "xpjob", READ_FLEET)
    _until_allowed(kubeconfig)
    return kubeconfig


def _until_allowed(kubeconfig: Path) -> None:
    connection = Connection(kubeconfig)
    group, version, resource = fleet.CLAIMS.split("/")
    path = f"/apis/{group}/{version}/{resource}?limit=1"
    wait_until("the rights are known", lambda: connection.exchange("GET", path)[0] == 200)


@pytest.fixture(scope="module")
def whole(user: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run over the whole fleet."""
    return run(user, tmp_path_factory.mktemp("whole"), **FLEET_GVRS)


def test_thousands_are_listed_with_just_these_rights(whole: Finished) -> None:
    """Every object exactly once, in pages."""
    assert whole.code == 0, whole.events
    assert sorted(whole.names("PostgreSQLInstance")) == sorted(
        "{namespace}/{name}".format(**fleet.claim(n)["metadata"]) for n in range(fleet.CLAIM_COUNT)
    )
    assert len(whole.names("XPostgreSQLInstance")) == fleet.CLAIM_COUNT
    assert len(whole.names("Site")) == fleet.SITE_COUNT
    assert whole.targets()["postgresqlinstances"]["pages"] == fleet.CLAIM_COUNT // 500


@pytest.mark.parametrize("resource", ["postgresqlinstances", "xpostgresqlinstances", "sites"])
def test_counts_equal_those_of_kubectl(cluster: Cluster, whole: Finished, resource: str) -> None:
    """Per kind and namespace, ready and not."""
    told: Counter[tuple[str, bool]] = Counter()
    for item in cluster.get(f"{resource}.{fleet.GROUP}", "-A")["items"]:
        ready = any(
            c["type"] == "Ready" and c["status"] == "True" for c in item["status"]["conditions"]
        )
        told[item["metadata"].get("namespace", ""), ready] += 1
    assert whole.snapshot is not None
    counted = Counter(
        (record["namespace"], record["ready"])
        for record in [*whole.snapshot["claims"], *whole.snapshot["xrs"]]
        if record["resource"] == resource
    )
    assert counted == told
    assert len(told) >= 2


def test_claims_are_linked(whole: Finished) -> None:
    """Each has the composition of its XR, which none of them names itself."""
    assert whole.snapshot is not None
    compositions = Counter(record["composition"] for record in whole.snapshot["claims"])
    assert compositions == {"postgres-aws": 2000, "postgres-gcp": 1000}


@pytest.mark.usefixtures("own_control_plane")
def test_only_get_and_list_are_ever_sent(cluster: Cluster, whole: Finished) -> None:
    """No watch, no write; the API server's own audit log says so."""
    assert whole.code == 0
    events = cluster.audit_events(f"system:serviceaccount:{SYSTEM}:xpjob")
    asked = Counter((event["verb"], event["requestURI"].partition("?")[0]) for event in events)
    assert {verb for verb, _ in asked} == {"get", "list"}
    identity = "/api/v1/namespaces/kube-system"  # refused with these rights, and done without
    assert {uri for verb, uri in asked if verb == "get"} == {"/apis", identity}
    # The harness, which says no name, asked once or twice whether the rights hold.
    assert {event["userAgent"] for event in events if "userAgent" in event} == {USER_AGENT}


@pytest.mark.parametrize("category", ["claim", "composite", "managed"])
def test_discovery_finds_what_kubectl_finds(cluster: Cluster, user: Path, category: str) -> None:
    """By categories, in one request."""
    cluster.apply(E2E / "crossplane" / "manifests" / "platform" / "buckets.yaml")
    told = set(
        cluster.kubectl("api-resources", f"--categories={category}", "--output=name").split()
    )
    api = connect(str(user), "", Timeouts(), 1)
    wait_until(
        "discovery has the kinds", lambda: bool(list(discover(api, 1).in_category(category)))
    )
    kinds = discover(api, 1).in_category(category)
    assert {f"{kind.resource}.{kind.group}" for kind in kinds} == told
    assert told


def test_targets_are_claims_and_composites(cluster: Cluster, user: Path) -> None:
    """Of the fleet, which has no managed ones."""
    done = xpjob("targets", "--output", "json", KUBECONFIG=str(user))
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout) if row["group"] == fleet.GROUP]
    assert {(row["class"], row["resource"], row["namespaced"]) for row in rows} == {
        ("claim", "postgresqlinstances", True),
        ("composite", "xpostgresqlinstances", False),
        ("composite", "sites", True),
    }


@contextlib.contextmanager
def churning(cluster: Cluster) -> Iterator[None]:
    """Create and delete claims for as long as the block takes."""
    group, version, resource = fleet.CLAIMS.split("/")
    namespace = fleet.NAMESPACES[0]
    path = f"/apis/{group}/{version}/namespaces/{namespace}/{resource}"
    ending, turning = threading.Event(), threading.Event()

    def churn() -> None:
        connection = Connection(cluster.kubeconfig)
        number = 90_000
        while not ending.is_set():
            connection.request("POST", path, fleet.claim(number, namespace))
            connection.request("DELETE", f"{path}/db-{number:05}")
            number += 1
            if number == 90_010:
                turning.set()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert turning.wait(30)
        yield
    finally:
        ending.set()
        thread.join(timeout=30)


def test_a_list_is_whole_while_others_write(cluster: Cluster, user: Path, tmp_path: Path) -> None:
    """What is there all the time is listed exactly once, whatever comes and goes meanwhile."""
    with churning(cluster):
        finished = run(user, tmp_path, **FLEET_GVRS, PAGE_SIZE="100")
    names = finished.names("PostgreSQLInstance")
    assert len(names) == len(set(names))
    stable = [name for name in names if not name.split("/db-")[1].startswith("9")]
    assert len(stable) == fleet.CLAIM_COUNT
    assert finished.targets()["postgresqlinstances"]["pages"] >= fleet.CLAIM_COUNT // 100


class Slow(Silent):
    """Holds one list up after its first page, until its continue token has expired."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.held_up = 0

    def progress(self, key: ListKey, listed: int, total: int) -> None:
        """Expire the tokens, once."""
        if key.gvr.resource == "postgresqlinstances" and not self.held_up:
            self.held_up = listed
            assert total == fleet.CLAIM_COUNT
            self._cluster.expire_continue_tokens(key.path())


@pytest.mark.usefixtures("own_control_plane")
def test_an_expired_token_starts_the_list_anew(cluster: Cluster, user: Path) -> None:
    """The real 410 of a compacted etcd: the result is whole, and the restart is counted."""
    view = Slow(cluster)
    given = {"kubeconfig": str(user), "claim_gvrs": fleet.CLAIMS}
    result = job.run(load(given, {}, GROUPS), CROSSPLANE, view, dry_run=True)
    assert view.held_up == 500
    assert result.errors == []
    assert result.snapshot is not None
    claims = result.snapshot.rows["claims"]
    assert len({record.uid for record in claims}) == len(claims) == fleet.CLAIM_COUNT
    (outcome,) = result.report.targets
    assert (outcome.restarts, outcome.pages) == (1, fleet.CLAIM_COUNT // 500)


def test_a_kind_that_is_refused_does_not_hurt_the_others(cluster: Cluster, tmp_path: Path) -> None:
    """403: told with what to do; exit 0, or 3 under --strict."""
    rules = [{**READ_FLEET[0], "resources": ["postgresqlinstances", "sites"]}, READ_FLEET[1]]
    kubeconfig = cluster.service_account(SYSTEM, "partly", rules)
    _until_allowed(kubeconfig)
    finished = run(kubeconfig, tmp_path, **FLEET_GVRS)
    assert finished.code == 0
    refused = finished.targets()["xpostgresqlinstances"]
    assert "403" in refused["error"]
    assert "grant get and list" in refused["error"]
    assert f"system:serviceaccount:{SYSTEM}:partly" in refused["error"]
    assert len(finished.names("PostgreSQLInstance")) == fleet.CLAIM_COUNT
    assert len(finished.names("Site")) == fleet.SITE_COUNT
    assert run(kubeconfig, tmp_path, "--strict", **FLEET_GVRS).code == 3


def test_without_any_right_nothing_is_published(cluster: Cluster, tmp_path: Path) -> None:
    """Exit 4: a retry would be useless."""
    kubeconfig = cluster.service_account(SYSTEM, "nobody")
    finished = run(kubeconfig, tmp_path, **FLEET_GVRS)
    assert finished.code == 4
    assert finished.snapshot is None
    assert finished.report is not None
    assert "nothing could be listed" in finished.report["error"]


def _expired_token(control_plane: ControlPlane) -> str:
    """Return a token that the API server itself could have issued, two hours ago for one."""
    pem = (control_plane.state / "sa.key").read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    issued = int(time.time()) - 7200
    payload = {
        "iss": ISSUER,
        "aud": [ISSUER],
        "sub": f"system:serviceaccount:{SYSTEM}:xpjob",
        "kubernetes.io": {
            "namespace": SYSTEM,
            "serviceaccount": {"name": "xpjob", "uid": "00000000-0000-0000-0000-000000000000"},
        },
        "iat": issued,
        "nbf": issued,
        "exp": issued + 3600,
    }
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "RS256", "typ": "JWT"}, payload)
    ]
    signed = b".".join(parts)
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.usefixtures("user")
def test_an_expired_token_is_told(
    cluster: Cluster, own_control_plane: ControlPlane, tmp_path: Path
) -> None:
    """401: exit 4, with what to do, and without the token."""
    token = _expired_token(own_control_plane)
    finished = run(cluster.kubeconfig_with(token, "expired"), tmp_path, "--debug")
    assert finished.code == 4
    assert finished.report is not None
    assert "401" in finished.report["error"]
    assert "renew the token" in finished.report["error"]
    assert token not in json.dumps(finished.events)


class Vanishing(Silent):
    """Takes a kind away between discovery and list."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def planned(self, lists: Sequence[ListKey]) -> None:
        """Delete its CRD, and wait until nobody serves it."""
        (key,) = (key for key in lists if key.gvr.resource == "trinkets")
        self._cluster.kubectl("delete", "crd", f"trinkets.{key.gvr.group}")
        path = key.path()
        wait_until("the kind is gone", lambda: self._cluster.api.exchange("GET", path)[0] == 404)


def test_a_kind_that_goes_between_discovery_and_list(cluster: Cluster, user: Path) -> None:
    """404: its outcome says so, and the others are listed."""
    trinkets = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"trinkets.{fleet.GROUP}"},
        "spec": {
            "group": fleet.GROUP,
            "scope": "Namespaced",
            "names": {"kind": "Trinket", "plural": "trinkets", "categories": ["claim"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    cluster.apply(trinkets)
    api = connect(str(user), "", Timeouts(), 1)
    gvr = f"{fleet.GROUP}/v1/trinkets"
    wait_until("it is discovered", lambda: any(str(k.gvr) == gvr for k in discover(api, 1).kinds))
    given = {"kubeconfig": str(user), "claim_gvrs": gvr, "xr_gvrs": fleet.SITES}
    config = load(given, {}, GROUPS)
    result = job.run(config, CROSSPLANE, Vanishing(cluster), dry_run=True)
    assert result.errors == []
    assert result.report.partial
    lost, sites = sorted(result.report.targets, key=lambda outcome: outcome.resource, reverse=True)
    assert not lost.gone, "that is for the next run's discovery to say"
    assert "404" in lost.error
    assert sites.records == fleet.SITE_COUNT
    assert NotFoundError.exit_code == 1


def test_a_tenants_configmap(cluster: Cluster, user: Path, tmp_path: Path) -> None:
    """Its claims in its namespace, with its own annotation; XRs everywhere."""
    namespace = fleet.NAMESPACES[2]
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "inventory",
            "namespace": namespace,
            "labels": {"xp-tracker.kanzi.io/config": "gvrs"},
        },
        "data": {
            "CLAIM_GVRS": fleet.CLAIMS,
            "XR_GVRS": fleet.SITES,
            "TEAM_ANNOTATION_KEY": "example.org/creator",
        },
    }
    cluster.apply(config)
    try:
        finished = run(user, tmp_path, DISCOVERY="never")
    finally:
        cluster.kubectl("delete", "configmap", "inventory", f"--namespace={namespace}")
    assert finished.code == 0
    assert finished.snapshot is not None
    claims = finished.snapshot["claims"]
    assert {claim["namespace"] for claim in claims} == {namespace}
    assert len(claims) == fleet.CLAIM_COUNT // len(fleet.NAMESPACES)
    assert all(claim["team"].startswith("person-") for claim in claims)
    assert {claim["source"] for claim in claims} == {"namespace"}
    assert len(finished.names("Site")) == fleet.SITE_COUNT


def test_a_namespace_scope(user: Path, tmp_path: Path) -> None:
    """Namespaced kinds within it; cluster-scoped ones whole."""
    scope = ",".join(fleet.NAMESPACES[:2])
    finished = run(user, tmp_path, **FLEET_GVRS, KUBE_NAMESPACE_SCOPE=scope)
    assert finished.code == 0
    share = 2 / len(fleet.NAMESPACES)
    assert len(finished.names("PostgreSQLInstance")) == fleet.CLAIM_COUNT * share
    assert len(finished.names("Site")) == fleet.SITE_COUNT * share
    assert len(finished.names("XPostgreSQLInstance")) == fleet.CLAIM_COUNT
