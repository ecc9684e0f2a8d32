"""Commands as in a pod: the files of a service account, and an API server over TLS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from support.certificates import issue
from xpjob.demo.api import create_app
from xpjob.demo.cluster import Cluster
from xpjob.net.serving import Background, listen

_LAUNCH = """
import atexit, pathlib, sys
folder, modules, *arguments = sys.argv[1:]
sys.argv[1:] = arguments
if folder:
    from xpjob.kube import service_account
    service_account.FOLDER = pathlib.Path(folder)
from xpjob.cli import main
atexit.register(lambda: pathlib.Path(modules).write_text("\\n".join(sorted(sys.modules))))
main()
"""


@dataclass(frozen=True)
class InPod:
    """The folder of a service account, and the address of its API server."""

    folder: Path
    url: str

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables that the kubelet sets."""
        parts = urlsplit(self.url)
        return {
            "KUBERNETES_SERVICE_HOST": str(parts.hostname),
            "KUBERNETES_SERVICE_PORT": str(parts.port),
        }


@contextmanager
def in_pod(cluster: Cluster, directory: Path) -> Iterator[InPod]:
    """Serve a cluster over TLS, and write the files of a service account in it."""
    issued = issue(directory)
    app = create_app(cluster)
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ssl_certfile=issued.certificate,
        ssl_keyfile=issued.key,
    )
    folder = directory / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text(cluster.token)
    (folder / "ca.crt").write_bytes(issued.authority.read_bytes())
    with Background(app, listen("127.0.0.1", 0), config) as server:
        yield InPod(folder, server.url.replace("http:", "https:"))


def launching(modules: Path, *arguments: str, folder: Path | None = None) -> list[str]:
    """Return what runs a command, and lists in a file what was imported when it ends."""
    return [sys.executable, "-c", _LAUNCH, str(folder or ""), str(modules), *arguments]


def imported(modules: Path) -> set[str]:
    """Return the names of the modules."""
    return set(modules.read_text().split())
