"""Crossplane's own controllers beside a control plane, with a function and a provider.

What they write to claims, composites and managed resources is therefore not
what the tests believe that Crossplane writes.
"""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.build import E2E, build
from harness.cluster import Cluster
from harness.connection import Object
from harness.processes import Process, free_ports, start, wait_for_server, wait_until

MODULE = E2E / "crossplane"
MANIFESTS = MODULE / "manifests"
CROSSPLANE = "github.com/crossplane/crossplane/v2"
NAMESPACE = "crossplane-system"
FUNCTION = "compose-buckets"


def build_programs() -> Path:
    """Build Crossplane, the function and the provider, unless that was done. Raises BuildError."""
    return build(MODULE, ("./platform", f"{CROSSPLANE}/cmd/crossplane"))


class Crossplane:
    """Crossplane's core, the composition function and the provider, as processes.

    The platform that they serve is in manifests/platform: the claim Database
    with its composite XDatabase, the composite App in namespaces, and Buckets as
    managed resources. spec.parameters.outcome of a claim or composite says what
    becomes of it, spec.parameters.resources how many Buckets it is composed of.
    """

    def __init__(self, cluster: Cluster, files: Path) -> None:
        """Nothing is started yet. `files` is an empty folder for logs and certificates."""
        self.cluster = cluster
        self.processes: list[Process] = []
        self._files = files

    def start(self) -> None:
        """Install Crossplane's kinds, start the processes, and set up the platform.

        Returns when claims and composites can be made. Raises BuildError, KubectlError or
        ServerError; then nothing is left running.
        """
        programs = build_programs()
        try:
            # The provider does not start before the kinds that it is for are there.
            self.cluster.apply(definitions(), MANIFESTS / "platform" / "buckets.yaml")
            self.cluster.namespace(NAMESPACE)
            endpoint = self._start_processes(programs)
            self.cluster.apply(*_function())
            self.cluster.kubectl(
                *("patch", "functionrevision", f"{FUNCTION}-1", "--subresource=status"),
                *("--type=merge", "--patch", json.dumps(_function_status(endpoint))),
            )
            self.cluster.apply(MANIFESTS / "platform")
            self.cluster.kubectl(
                *("wait", "compositeresourcedefinitions", "--all"),
                *("--for=condition=Established", "--timeout=60s"),
            )
            wait_until("the platform's kinds are served", self._kinds_are_served)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the processes. What they made stays, and is reconciled no more."""
        for process in reversed(self.processes):
            process.stop()
        self.processes = []

    def wait_for_condition(
        self, kind: str, name: str, condition: str, namespace: str = ""
    ) -> Object:
        """Wait until an object has a condition like "Ready=True", and give the object."""
        within = (f"--namespace={namespace}",) if namespace else ()
        wanted = f"--for=condition={condition}"
        self.cluster.kubectl("wait", wanted, "--timeout=60s", kind, name, *within)
        return self.cluster.get(kind, name, *within)

    def _start_processes(self, programs: Path) -> str:
        """Start all three, and give the address of the function."""
        function, core_health, provider_health = free_ports(3)
        address = f"127.0.0.1:{function}"
        certificates = self._files / "certificates"
        certificates.mkdir(exist_ok=True)
        platform = programs / "platform"
        subprocess.run([platform, "certificates", certificates], check=True)
        self._launch(
            "function",
            [platform, "function", f"-address={address}", f"-certificates={certificates}"],
            lambda: _listens(function),
        )
        self._launch(
            "provider",
            [platform, "provider", f"-health=127.0.0.1:{provider_health}"],
            lambda: _ready(provider_health),
        )
        flags = {
            "enable-webhooks": "false",  # they guard what no test does
            "health-probe-port": core_health,
            "max-reconcile-rate": 10,  # its default of 100 only makes two cores fight over objects
            "metrics-port": 0,
            "namespace": NAMESPACE,
            "tls-client-certs-dir": certificates,
            "xpkg-cache-dir": self._files / "packages",
        }
        arguments = [f"--{flag}={value}" for flag, value in flags.items()]
        self._launch(
            "crossplane",
            [programs / "crossplane", "core", "start", *arguments],
            lambda: _ready(core_health),
        )
        return address

    def _launch(self, name: str, command: list[str | Path], probe: Callable[[], bool]) -> None:
        log = self._files / f"{name}.log"
        environment = {"KUBECONFIG": str(self.cluster.kubeconfig)}
        process = start(name, command, log, environment)
        self.processes.append(process)
        wait_for_server(process, log, probe)

    def _kinds_are_served(self) -> bool:
        """Whether Crossplane has made the kinds of the platform, which takes it a moment."""
        collections = ("v1alpha1/databases", "v1alpha1/xdatabases", "v1/apps")
        paths = [f"/apis/platform.example.org/{collection}" for collection in collections]
        return all(self.cluster.api.exchange("GET", path)[0] == 200 for path in paths)


def definitions() -> Path:
    """The folder of Crossplane's CustomResourceDefinitions, which come with its Go module."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", CROSSPLANE],
        cwd=MODULE,
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(json.loads(done.stdout)["Dir"]) / "cluster" / "crds"


def _function() -> tuple[Object, Object]:
    """The function as an installed package.

    Both are paused, so that Crossplane's package manager does not go looking for an image.
    """
    paused = {"crossplane.io/paused": "true"}
    package = "function.test/compose-buckets:v1"
    return (
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Function",
            "metadata": {"name": FUNCTION, "annotations": paused},
            "spec": {"package": package},
        },
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "FunctionRevision",
            "metadata": {
                "name": f"{FUNCTION}-1",
                "annotations": paused,
                "labels": {"pkg.crossplane.io/package": FUNCTION},
            },
            "spec": {"image": package, "desiredState": "Active", "revision": 1},
        },
    )


def _function_status(endpoint: str) -> dict[str, Any]:
    """What the package manager would have found out about the function and its image."""
    return {"status": {"endpoint": endpoint, "capabilities": ["composition"]}}


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


def _ready(port: int) -> bool:
    """Whether a controller manager answers its readiness probe."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
        return bool(response.status == 200)
