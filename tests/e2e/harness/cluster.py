"""A cluster as the tests use it: objects, users, the audit log, expired lists."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.connection import ApiError, Connection, Object
from harness.controlplane import ControlPlane
from harness.processes import ServerError, wait_until

Rule = Mapping[str, Sequence[str]]


class KubectlError(Exception):
    """kubectl failed; the text has its command and what it said."""


class Cluster:
    """A cluster as its administrator sees it.

    `control_plane` is None where the cluster is the developer's own: then there
    is no audit log to read, and no etcd to compact.
    """

    def __init__(
        self, kubeconfig: Path, files: Path, control_plane: ControlPlane | None = None
    ) -> None:
        """Use the cluster of `kubeconfig`; kubeconfigs that are made go to the folder `files`."""
        self.kubeconfig = kubeconfig
        self.control_plane = control_plane
        self.api = Connection(kubeconfig)
        self._files = files

    def kubectl(self, *arguments: str, input: str | None = None, user: Path | None = None) -> str:
        """Run kubectl, as the administrator or with the kubeconfig of another user.

        Gives what it printed. Raises KubectlError.
        """
        command = ["kubectl", f"--kubeconfig={user or self.kubeconfig}", *arguments]
        # Its cache of the API's kinds would outlive kinds that a test has changed.
        command.append(f"--cache-dir={self._files / 'kubectl-cache'}")
        environment = {key: os.environ[key] for key in os.environ if key != "KUBECONFIG"}
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, env=environment, timeout=300
        )
        if done.returncode != 0:
            raise KubectlError(f"{shlex.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> Object:
        """`kubectl get ... -o json`, decoded."""
        decoded: Object = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return decoded

    def apply(self, *manifests: str | Path | Object) -> None:
        """Apply YAML text, a file or a folder of YAML, or objects, and wait for kinds to be served.

        Server-side, because big definitions do not fit into kubectl's own annotation.
        """
        for manifest in manifests:
            source, text = (
                (str(manifest), None)
                if isinstance(manifest, Path)
                else ("-", manifest if isinstance(manifest, str) else json.dumps(manifest))
            )
            apply = ("apply", "--server-side", "--force-conflicts", "--output=name")
            applied = self.kubectl(*apply, f"--filename={source}", input=text).split()
            kinds = [name for name in applied if name.startswith("customresourcedefinition")]
            if kinds:
                self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *kinds)

    def namespace(self, name: str) -> str:
        """Make a namespace unless it is there, and give its name."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def service_account(
        self, namespace: str, name: str, rules: Sequence[Rule] = (), duration: str = "1h"
    ) -> Path:
        """Make a ServiceAccount with exactly these cluster-wide rights, and give its kubeconfig.

        `rules` are those of a ClusterRole; without any, none is made. `duration`
        is how long the token is good for: 10m is the least that the API gives.
        """
        account = {"name": name, "namespace": namespace}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        if rules:
            self.grant(account, f"{namespace}-{name}", rules)
        token = self.kubectl(
            "create", "token", name, f"--namespace={namespace}", f"--duration={duration}"
        )
        return self.kubeconfig_with(token.strip(), f"{namespace}-{name}")

    def grant(self, account: Mapping[str, str], role: str, rules: Sequence[Rule]) -> None:
        """Make a ClusterRole of these rules, or replace one, and bind a ServiceAccount to it."""
        rbac = "rbac.authorization.k8s.io"
        self.apply(
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": role},
                "rules": [dict(rule) for rule in rules],
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": role},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", **account}],
            },
        )

    def kubeconfig_with(self, token: str, name: str) -> Path:
        """A kubeconfig for this cluster that has this token and no other credentials."""
        view = ("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
        config: dict[str, Any] = json.loads(self.kubectl(*view))
        config["users"][0]["user"] = {"token": token}
        path = self._files / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def audit_events(self, user: str = "") -> list[dict[str, Any]]:
        """What was asked of the API server, oldest first; of one user where it is named.

        A ServiceAccount's user is system:serviceaccount:NAMESPACE:NAME.
        """
        events = self._own().audit_events()
        return [event for event in events if user in ("", event["user"].get("username"))]

    def expire_continue_tokens(self, collection: str) -> None:
        """Make every continue token for a collection expire, as they do after some minutes.

        `collection` is a path, such as /apis/GROUP/VERSION/PLURAL, that has two
        objects or more. Returns when the API server answers 410 to a token from
        before, which takes it up to 15 seconds after etcd is compacted.
        """
        token = self.api.request("GET", f"{collection}?limit=1")["metadata"].get("continue")
        if not token:
            raise ValueError(f"{collection} has no second page")
        self._own().compact()

        def gone() -> bool:
            status, body = self.api.exchange("GET", f"{collection}?limit=1&continue={token}")
            if status not in (200, 410):
                raise ApiError("GET", collection, status, body)
            return status == 410

        wait_until(f"continue tokens of {collection} have expired", gone)

    def _own(self) -> ControlPlane:
        if self.control_plane is None:
            raise ServerError("only a control plane that the tests started can do this")
        return self.control_plane
