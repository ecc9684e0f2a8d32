"""ClusterConnections of ClusterPulse and their Secrets as the clusters of a hub."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command import events
from support.hub import fleet, outcomes
from support.stand_in import KINDS, TOKEN
from xpjob.base.errors import RefusedError
from xpjob.config.option import load
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.discovery import Kind
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.run.hub.load import load_members
from xpjob.run.hub.members import Member
from xpjob.run.hub.options import HubOptions
from xpjob.run.identity import SharedNameError
from xpjob.run.options import RunOptions

CONNECTION = Kind(
    "clusterpulse.io", "v1alpha1", "clusterconnections", "ClusterConnection", True, frozenset()
)
SECRETS = "/api/v1/namespaces/pulse/secrets/"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SPEC: dict[str, Any] = {
    "endpoint": "https://east.example.org:6443",
    "credentialsRef": {"name": "east"},
}


class Pulse:
    """The cluster in which ClusterPulse runs."""

    def __init__(self, kubeconfig: Path) -> None:
        self.cluster = Cluster((*KINDS, CONNECTION), token=TOKEN)
        self.kubeconfig = kubeconfig
        self.secrets: dict[str, dict[str, str]] = {}
        self.cluster.fault = self._secret

    def connect(self, name: str, namespace: str = "pulse", **spec: object) -> None:
        """Add a ClusterConnection."""
        item = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
        self.cluster.apply(CONNECTION, item)

    def secret(self, name: str, **data: str) -> None:
        """Add a Secret."""
        self.secrets[name] = {
            key.replace("ca_crt", "ca.crt"): base64.b64encode(text.encode()).decode()
            for key, text in data.items()
        }

    def members(self, **flags: str) -> list[Member]:
        """Return the clusters that a hub finds."""
        groups = (KubeOptions, RunOptions, NetOptions, HubOptions)
        given = {"kubeconfig": str(self.kubeconfig), "clusters_from": "clusterconnections"}
        config = load({**given, **flags}, {}, groups)
        return load_members(config, {}, groups)

    def _secret(self, path: str, _query: dict[str, str]) -> Fault | None:
        if "/secrets" not in path:
            return None
        name = path.removeprefix(SECRETS)
        if name not in self.secrets:
            return Fault(404, b'{"kind": "Status", "message": "not found"}')
        return Fault(200, json.dumps({"kind": "Secret", "data": self.secrets[name]}).encode())


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[Pulse]:
    """A cluster with ClusterConnections, none at first."""
    made = Pulse(tmp_path / "pulse.kubeconfig")
    with Server(create_app(made.cluster)) as server:
        write_kubeconfig(made.kubeconfig, server.url, TOKEN)
        yield made


def test_a_connection_is_read_as_it_is(pulse: Pulse) -> None:
    """Its name, not its display name; its labels and timeout; its Secret by name, with get only."""
    pulse.connect(
        "east", displayName="The East", labels={"tier": "one"}, monitoring={"timeout": 20}, **SPEC
    )
    pulse.secret("east", token=f"{TOKEN}\n", ca_crt=CA)
    pulse.secret("other", token="another")
    (member,) = pulse.members()
    assert (member.name, member.labels, member.error) == ("east", {"tier": "one"}, None)
    assert member.access.server == "https://east.example.org:6443"
    assert (member.access.token.reveal(), member.access.ca.reveal()) == (TOKEN, CA)
    assert not member.access.insecure
    assert member.config[NetOptions].connect_timeout_seconds == 20
    secrets = [path for path, _ in pulse.cluster.requests if "/secrets" in path]
    assert secrets == [f"{SECRETS}east"]


CASES: dict[str, tuple[dict[str, Any], dict[str, str] | None, str]] = {
    "no CA": (SPEC, {"token": TOKEN}, "has no ca.crt, and nothing was sent"),
    "no Secret": (SPEC, None, "secrets/east"),
    "an empty token": (SPEC, {"token": " ", "ca_crt": CA}, "has no token"),
    "no token": (SPEC, {"ca_crt": CA}, "has no token"),
    "no reference": ({"endpoint": "https://a:6443"}, None, "credentialsRef has no name"),
    "no endpoint": ({"credentialsRef": {"name": "east"}}, None, "spec.endpoint is empty"),
    "no URL": ({**SPEC, "endpoint": "https://a b"}, None, "spec.endpoint: invalid URL"),
    "credentials in the URL": (
        {**SPEC, "endpoint": "https://u:secret@a"},
        None,
        "must not carry credentials",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_connection_that_cannot_be_used_costs_only_itself(case: str, pulse: Pulse) -> None:
    """It says which one and what to do, and quotes no secret."""
    spec, data, said = CASES[case]
    pulse.connect("east", **spec)
    pulse.connect("west", **{**SPEC, "credentialsRef": {"name": "west"}})
    pulse.secret("west", token=TOKEN, ca_crt=CA)
    if data:
        pulse.secret("east", **data)
    east, west = pulse.members()
    assert (east.name, west.name, west.error) == ("east", "west", None)
    assert said in str(east.error)
    assert east.error is not None
    assert east.error.exit_code == (1 if case == "no Secret" else 2)
    assert TOKEN not in str(east.error)
    assert "secret@" not in str(east.error)


def test_a_secret_that_is_not_base64_is_not_quoted(pulse: Pulse) -> None:
    """The key is named."""
    pulse.connect("east", **SPEC)
    pulse.secrets["east"] = {"token": "hunter2!"}
    (member,) = pulse.members()
    assert "token is not base64" in str(member.error)
    assert "hunter2" not in str(member.error)


def test_a_server_goes_unverified_only_where_that_is_said(pulse: Pulse) -> None:
    """By the name of the connection."""
    for name in ("east", "west"):
        pulse.connect(name, **SPEC)
    pulse.secret("east", token=TOKEN)
    east, west = pulse.members(clusters_insecure="east")
    assert (east.error, east.access.insecure) == (None, True)
    assert "CLUSTERS_INSECURE" in str(west.error)


def test_names_are_unique_and_pushing_clusters_are_left_out(pulse: Pulse) -> None:
    """Of two connections with one name neither is used."""
    pulse.secret("east", token=TOKEN, ca_crt=CA)
    pulse.connect("pushing", collectionMode="push", **SPEC)
    pulse.connect("east", **SPEC)
    pulse.connect("east", namespace="other", **SPEC)
    (member,) = pulse.members()
    assert "another one has the name 'east'" in str(member.error)
    assert isinstance(member.error, SharedNameError)  # in metrics, a conflict
    assert member.error.exit_code == 2


def test_only_the_namespace_that_is_named_is_listed(pulse: Pulse) -> None:
    """Elsewhere no rights are needed."""
    pulse.secret("east", token=TOKEN, ca_crt=CA)
    pulse.connect("east", **SPEC)
    pulse.connect("west", namespace="other", **SPEC)
    assert [member.name for member in pulse.members(clusters_namespace="pulse")] == ["east"]


def test_a_hub_that_may_not_list_them_says_so(pulse: Pulse) -> None:
    """With exit code 4."""
    pulse.cluster.fault = lambda path, _: Fault(403) if "clusterconnections" in path else None
    with pytest.raises(RefusedError, match="clusterconnections"):
        pulse.members()


def test_their_clusters_have_runs_and_no_secret_shows(pulse: Pulse, tmp_path: Path) -> None:
    """A real run for one that works; one without a CA fails, and is not contacted."""
    with fleet(tmp_path) as hub:
        hub.add("east")
        pulse.connect("east", endpoint=hub.entries[0]["server"], credentialsRef={"name": "east"})
        pulse.connect("west", endpoint="https://127.0.0.1:9", credentialsRef={"name": "west"})
        for name in ("east", "west"):
            pulse.secret(name, token=TOKEN)
        done = hub.run(
            CLUSTERS="",
            CLUSTERS_FROM="clusterconnections",
            KUBECONFIG=str(pulse.kubeconfig),
            LOG_LEVEL="debug",
        )
        assert done.returncode == 0, done.stderr
        ended = outcomes(events(done))
        assert {name: event["exitCode"] for name, event in ended.items()} == {"east": 0, "west": 2}
        assert hub.has() == {"east"}
        assert TOKEN not in done.stdout + done.stderr
        stored = b"".join(path.read_bytes() for path in hub.store.rglob("*") if path.is_file())
        assert TOKEN.encode() not in stored
