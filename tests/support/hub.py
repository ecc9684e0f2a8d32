"""Several stand-in clusters, and the command that runs for all of them."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from support.certificates import Certificates
from support.command import ENV
from support.processes import free_port
from support.stand_in import KINDS, TOKEN, fill
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.net.serving import Background, configuration, listen

T = TypeVar("T")
PLENTY = 60.0  # seconds that no test takes unless something is wrong


class Fleet:
    """Stand-in clusters by name, and a file that names them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.file = folder / "clusters.yaml"
        self.store = folder / "store"
        self.clusters: dict[str, Cluster] = {}
        self.entries: list[dict[str, Any]] = []
        self._stack = stack
        self._release = threading.Event()
        stack.callback(self._release.set)
        (folder / "token").write_text(TOKEN)
        (folder / "termination-log").touch()

    def add(self, name: str, uid: str = "", **entry: object) -> Cluster:
        """Add a cluster that answers, reached with its server and a token file."""
        cluster = Cluster(KINDS, token=TOKEN)
        cluster.uid = uid or f"uid-{name}"
        fill(cluster)
        server = self._stack.enter_context(Server(create_app(cluster)))
        self.clusters[name] = cluster
        self._name({"name": name, "server": server.url, "tokenFile": "token", **entry})
        return cluster

    def secure(self, name: str, certificates: Certificates, **entry: object) -> Cluster:
        """Add a cluster that answers with https."""
        cluster = Cluster(KINDS, token=TOKEN)
        cluster.uid = f"uid-{name}"
        fill(cluster)
        app = create_app(cluster)
        config = configuration(app, certificates.certificate, certificates.key)
        served = Background(app, listen("127.0.0.1", 0), config)
        url = self._stack.enter_context(served).url.replace("http://", "https://")
        self._name({"name": name, "server": url, "tokenFile": "token", **entry})
        return cluster

    def add_down(self, name: str, **options: object) -> None:
        """Add a cluster whose server does not listen."""
        server = f"http://127.0.0.1:{free_port()}"
        entry = {"name": name, "server": server, "tokenFile": "token", "options": options}
        self._name(entry)

    def add_hanging(self, name: str, only: str = "", **options: object) -> threading.Event:
        """Add a cluster that takes requests, and answers none; return what is set at the first.

        With ``only``, just those whose path ends in it.
        """
        reached = threading.Event()
        cluster = self.add(name, options=options)

        def hang(path: str, _query: dict[str, str]) -> None:
            if path.endswith(only):
                reached.set()
                self._release.wait(PLENTY)

        cluster.fault = hang
        return reached

    def kubeconfig(self, name: str, token: str = TOKEN) -> str:
        """Write a kubeconfig for one of the clusters, and return its path."""
        (entry,) = [entry for entry in self.entries if entry["name"] == name]
        return str(write_kubeconfig(self.folder / f"{name}.kubeconfig", entry["server"], token))

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of the command."""
        return {
            **ENV,
            "CLUSTERS": str(self.file),
            "STORE_BACKEND": "directory",
            "STORE_DIR": str(self.store),
            "TERMINATION_LOG": str(self.folder / "termination-log"),
            **more,
        }

    @contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command, and end it after the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "xpjob", "run", *arguments],
            env=self.environ(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            self._release.set()
            process.kill()
            process.wait()

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        with self.started(*arguments, **environ) as process:
            out, err = process.communicate(timeout=PLENTY)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def stored(self, name: str) -> dict[str, Any]:
        """Return the snapshot of a cluster."""
        document: dict[str, Any] = json.loads((self.store / name / "snapshot.json").read_text())
        return document

    def has(self) -> set[str]:
        """Return the clusters that have a snapshot."""
        return {path.parent.name for path in self.store.glob("*/snapshot.json")}

    def told(self) -> dict[str, Any]:
        """Return the termination message."""
        told: dict[str, Any] = json.loads((self.folder / "termination-log").read_text())
        return told

    def _name(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        self.file.write_text(json.dumps({"clusters": self.entries}, indent=2))


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """Yield a fleet without clusters."""
    with ExitStack() as stack:
        yield Fleet(folder, stack)


def jwt(**payload: object) -> str:
    """Return a token with this payload, and no signature that anybody could check."""
    body = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def outcomes(events: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return what the hub has logged of each cluster at the end of its run."""
    ends = ("run for cluster finished", "run for cluster failed")
    return {event["cluster"]: event for event in events if event["message"] in ends}


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(int(entry.name)) == pid
    ]


def child_of(hub: int, name: str) -> int:
    """Return the process of the run for a cluster, 0 if there is none yet."""
    for pid in children(hub):
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"CLUSTER_NAME={name}".encode() in environ:
            return pid
    return 0


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    """Return whether a process is there, and not only waited for."""
    return state(pid) not in ("", "Z")


def state(pid: int) -> str:
    """Return the state of a process as ``ps`` shows it, empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def stop(pid: int) -> None:
    """Stop a process, and wait until it is: of signals that wait, SIGTERM comes before SIGSTOP."""
    _send(pid, signal.SIGSTOP)
    wait_for("the process to stop", lambda: state(pid) == "T")


def kill(pid: int) -> None:
    """End a process at once."""
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    assert pid > 0, "no process: 0 is all of the group of the tests"
    os.kill(pid, number)


def wait_for(what: str, condition: Callable[[], T], seconds: float = PLENTY) -> T:
    """Wait for a condition of another process, which cannot notify this one, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def wait_for_the_end(pid: int) -> None:
    """Wait until a process has ended."""
    wait_for(f"the end of process {pid}", lambda: not alive(pid), 20)


def insist(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM until the process has ended: for a second after the first one it is the same."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=0.1)
            return


def opened(pid: int) -> list[str]:
    """Return what a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    return [str(entry.readlink()) for entry in folder.iterdir()]
