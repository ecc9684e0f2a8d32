"""Run a credential plugin of a kubeconfig, with limits for its time and its output.

The kubernetes package waits for a plugin without end, reads all that it prints, and logs its
errors, which may contain secrets.

Imported only where it is needed, because importing the package takes half a second of CPU.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from typing import Any

from kubernetes.config.exec_provider import ExecProvider

from xpjob.base import children
from xpjob.base.errors import DeadlineError, TransientError, XpjobError
from xpjob.net import deadline
from xpjob.net.threads import begin

_MOST = 1 << 20  # bytes of output: far above any token or certificate


class Plugin(ExecProvider):  # type: ignore[misc]
    """The package's description of a plugin, which is run for at most ``seconds``.

    It is ended, with what it has started, when the deadline passes, at a signal, and when this
    process exits.
    """

    seconds = 30.0

    def run(self, previous_response: Any = None) -> Any:
        """Return the ``status`` of the credentials that the plugin prints.

        Raises ``OSError`` or ``ValueError`` if it fails, without quoting it, and
        ``TransientError`` if it takes too long.
        """
        interactive = sys.stdout.isatty()
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster:
            spec["cluster"] = dict(self.cluster.value)
            for extension in spec["cluster"].get("extensions") or ():
                if extension["name"] == "client.authentication.k8s.io/exec":
                    spec["cluster"]["config"] = extension["extension"]
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        printed = self._printed({**self.env, "KUBERNETES_EXEC_INFO": json.dumps(info)}, interactive)
        credentials = json.loads(printed)
        if credentials["apiVersion"] != self.api_version or "kind" not in credentials:
            raise ValueError("the credentials are of another version")
        return credentials["status"]

    def _printed(self, environ: dict[str, str], interactive: bool) -> bytes:
        others = None if interactive else subprocess.DEVNULL
        ended: queue.SimpleQueue[bool] = queue.SimpleQueue()
        late: list[XpjobError] = []

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - what the kubeconfig says
                self.args,
                stdin=others,
                stdout=subprocess.PIPE,
                stderr=others,
                cwd=self.cwd,
                env=environ,
                # With what it has started itself, it is ended; a group of its own has no terminal.
                start_new_session=not interactive,
            )

        with children.child(start, group=not interactive) as process:

            def watch() -> None:
                try:
                    # What is interrupted lists no more: the plugin must not outlive it. Until then
                    # others wait for the same credentials, whatever time is left to this thread.
                    with deadline.whole(until_stopped=True):
                        deadline.receive(ended, self.seconds)
                except (TimeoutError, DeadlineError) as error:
                    late.append(error if isinstance(error, DeadlineError) else self._overdue())
                    children.end(process)

            try:
                begin(watch)
                printed: bytes = process.stdout.read(_MOST + 1) if process.stdout else b""
                if len(printed) > _MOST:
                    children.end(process)
                process.wait()
            except BaseException:
                children.end(process)
                raise
            finally:
                ended.put(True)
        if late:
            raise late[0]
        if len(printed) > _MOST or process.returncode != 0:
            raise ValueError("the plugin failed, or printed more than credentials")
        return printed

    def _overdue(self) -> XpjobError:
        return TransientError(
            f"the credential plugin {self.args[0]} of the kubeconfig gave no credentials "
            f"within {self.seconds:g} s, and was ended; run it by hand to see what it waits for"
        )
