"""etcd, kube-apiserver and kube-controller-manager on this machine, for tests.

A control plane is its state folder: whoever knows the folder can use it and end it.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.build import E2E, build, cache
from harness.connection import Connection
from harness.processes import Process, ServerError, free_ports, start, wait_for_server

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],  # one event for each request but a watch: its answer
    "rules": [{"level": "Metadata"}],
}


def build_program() -> Path:
    """Build the program that is all three servers, unless that was done. Raises BuildError."""
    return build(E2E / "controlplane") / "controlplane"


class ControlPlane:
    """A Kubernetes control plane without nodes, with RBAC, admission and an audit log."""

    def __init__(self, state: Path | None = None) -> None:
        """Find the control plane of a state folder, whether it runs or not."""
        self.state = (state or cache() / "controlplane").resolve()
        self.kubeconfig = self.state / "kubeconfig"
        self.audit_log = self.state / "audit.log"
        self.processes: list[Process] = []
        self._etcd = ""
        if self._record.is_file():
            record = json.loads(self._record.read_text())
            self._etcd = record["etcd"]
            self.processes = [Process(**each) for each in record["processes"]]

    @property
    def _record(self) -> Path:
        return self.state / "state.json"

    def running(self) -> bool:
        """Whether all of it runs."""
        return len(self.processes) == 3 and all(each.alive() for each in self.processes)

    def up(self) -> Path:
        """Start it unless it runs, wait until it serves, and give an administrator's kubeconfig.

        Raises BuildError or ServerError; then nothing is left running, but the logs are kept.
        """
        if self.running():
            return self.kubeconfig
        self.down()
        program = build_program()
        self.state.mkdir(parents=True, exist_ok=True)
        if any(self.state.iterdir()):
            raise ServerError(f"{self.state} holds other things: give a new or an empty folder")
        self.state.chmod(0o700)  # it will hold keys and tokens
        self._save()
        try:
            self._start(program)
        except BaseException:
            self._end_processes()
            raise
        return self.kubeconfig

    def down(self) -> None:
        """End exactly the processes that were started, and remove the state."""
        self._end_processes()
        if self._record.is_file():  # else the folder is none of ours
            shutil.rmtree(self.state)

    @property
    def etcd(self) -> str:
        """The address of etcd, for what the API is too slow for."""
        return self._etcd

    def compact(self) -> int:
        """Compact etcd to its current revision, and give that revision.

        Continue tokens from before expire once the API server has noticed: see
        Cluster.expire_continue_tokens.
        """
        program = build_program()
        done = subprocess.run(
            [program, "compact", self._etcd], check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    def audit_events(self) -> Iterator[dict[str, Any]]:
        """What was asked of the API server so far, oldest first, as audit.k8s.io/v1 Events.

        An event is written when its answer is complete, which can be a moment
        after the client has it.
        """
        with self.audit_log.open() as log:
            for line in log:
                if line.endswith("\n"):  # else it is being written
                    yield json.loads(line)

    def _start(self, program: Path) -> None:
        etcd, peer, api, manager = free_ports(4)
        self._etcd = f"http://127.0.0.1:{etcd}"
        subprocess.run([program, "keys", self.state], check=True)
        (self.state / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        admin, manager_token = secrets.token_hex(16), secrets.token_hex(16)
        (self.state / "tokens.csv").write_text(
            f'{admin},admin,admin,"system:masters"\n'
            f"{manager_token},system:kube-controller-manager,kube-controller-manager\n"
        )

        self._launch(program, "etcd", self._etcd_flags(peer))
        self._wait(_serves_plainly(f"{self._etcd}/health"))
        self._launch(program, "kube-apiserver", self._api_flags(api))
        certificate = self.state / "certs" / "apiserver.crt"  # made by the server for itself
        self._wait(lambda: certificate.is_file() and certificate.stat().st_size > 0)
        server, authority = f"https://127.0.0.1:{api}", certificate.read_bytes()
        _write_kubeconfig(self.kubeconfig, server, authority, admin)
        manager_kubeconfig = self.state / "kube-controller-manager.kubeconfig"
        _write_kubeconfig(manager_kubeconfig, server, authority, manager_token)
        self._wait(_serves(self.kubeconfig, "/readyz"))
        self._launch(
            program, "kube-controller-manager", self._manager_flags(manager, manager_kubeconfig)
        )
        # Its first work is the account that every pod in the namespace runs as.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(_serves(self.kubeconfig, account))

    def _launch(self, program: Path, name: str, flags: dict[str, object]) -> None:
        arguments = [f"--{flag}={value}" for flag, value in flags.items()]
        self.processes.append(start(name, [program, name, *arguments], self._log(name)))
        self._save()

    def _wait(self, probe: Callable[[], bool]) -> None:
        """Wait until the server that was started last answers."""
        newest = self.processes[-1]
        wait_for_server(newest, self._log(newest.name), probe)

    def _log(self, name: str) -> Path:
        return self.state / f"{name}.log"

    def _save(self) -> None:
        record = {"etcd": self._etcd, "processes": [vars(each) for each in self.processes]}
        self._record.write_text(json.dumps(record))

    def _end_processes(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.processes = []
        if self._record.is_file():
            self._save()

    def _etcd_flags(self, peer: int) -> dict[str, object]:
        peer_address = f"http://127.0.0.1:{peer}"
        return {
            "data-dir": self.state / "etcd",
            "listen-client-urls": self._etcd,
            "advertise-client-urls": self._etcd,
            "listen-peer-urls": peer_address,
            "initial-advertise-peer-urls": peer_address,
            "initial-cluster": f"default={peer_address}",
            "log-level": "warn",
            "unsafe-no-fsync": "true",  # nothing here must outlive the machine
            "quota-backend-bytes": 8 << 30,  # scripts/bench has 150,000 pods: more than 2 GiB
        }

    def _api_flags(self, port: int) -> dict[str, object]:
        return {
            "advertise-address": "127.0.0.1",
            "audit-log-path": self.audit_log,
            "audit-policy-file": self.state / "audit-policy.json",
            "authorization-mode": "RBAC",
            "bind-address": "127.0.0.1",
            "cert-dir": self.state / "certs",
            "endpoint-reconciler-type": "none",  # it refuses loopback addresses
            "etcd-servers": self._etcd,
            "secure-port": port,
            "service-account-issuer": ISSUER,
            "service-account-key-file": self.state / "sa.pub",
            "service-account-signing-key-file": self.state / "sa.key",
            "service-cluster-ip-range": "10.0.0.0/24",
            "token-auth-file": self.state / "tokens.csv",
        }

    def _manager_flags(self, port: int, kubeconfig: Path) -> dict[str, object]:
        return {
            "bind-address": "127.0.0.1",
            "cert-dir": self.state / "manager-certs",
            "controllers": "*",
            "kubeconfig": kubeconfig,
            "leader-elect": "false",
            "root-ca-file": self.state / "certs" / "apiserver.crt",
            "secure-port": port,
            "service-account-private-key-file": self.state / "sa.key",
            "use-service-account-credentials": "true",
        }


def _write_kubeconfig(path: Path, server: str, authority: bytes, token: str) -> None:
    """Write a kubeconfig for one user with a token. JSON is YAML, and kubectl reads it."""
    name = "xpjob-e2e"
    cluster = {
        "server": server,
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))


def _serves(kubeconfig: Path, path: str) -> Callable[[], bool]:
    """A probe: whether the API server answers a request with 200."""
    connection = Connection(kubeconfig)
    return lambda: connection.exchange("GET", path)[0] == 200


def _serves_plainly(url: str) -> Callable[[], bool]:
    """A probe: whether a URL answers with 200, without credentials."""

    def probe() -> bool:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)

    return probe
