"""A world for one run: an API, a gateway and a store that can be broken, and what was there before.

Before each run the store and the gateway hold a platform of 5 claims and 9 XRs. Meanwhile a claim
and an app were deleted, so that what is new, carried or left standing can be told apart.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from urllib3.util import Retry

from support.collectors import CROSSPLANE
from support.processes import POOL, text
from support.s3_server import BUCKET, S3
from support.scripted import Told
from support.snapshots import inventory, with_head
from support.stand_in import APP, CLAIM, KINDS, TOKEN, fill
from xpjob.config.option import Config
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.kube.identity import Identity
from xpjob.kube.options import KubeOptions
from xpjob.publish import exposition
from xpjob.publish.options import PublishOptions
from xpjob.publish.publisher import pushgateways
from xpjob.run import job
from xpjob.snapshot import documents, next_run
from xpjob.snapshot.documents import Snapshot
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions
from xpjob.terminal.progress import Silent
from xpjob.usage.state import UsageState

BEFORE, NEW, CARRIED = (5, 9), (4, 8), (5, 8)
"""Claims and XRs: as they were, as they are, and as they are with all claims carried."""
CLAIMS = f"/{CLAIM.resource}"
RUN = (sys.executable, "-m", "xpjob", "run")
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    "AWS_EC2_METADATA_DISABLED": "true",
    "LOG_FORMAT": "json",
    # Small, so that what hangs does not hold up the tests; the run's is not what decides.
    "RUN_DEADLINE_SECONDS": "60",
    "CONNECT_TIMEOUT_SECONDS": "0.7",
    "REQUEST_TIMEOUT_SECONDS": "1.5",
    "PUSH_TIMEOUT_SECONDS": "1.5",
    "PAGE_SIZE": "2",
}

# moto answers 500 where an object is replaced while it is read.
_AGAIN = Retry(5, status_forcelist=[500], backoff_factor=0.01)

# Around the faults of S3: moto wants a signature, and does not look at it.
_SIGNATURE = "Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
AROUND = {"X-Around": "faults", "Authorization": f"AWS4-HMAC-SHA256 {_SIGNATURE}"}


Faults = dict[str, Callable[[str, str], tuple[int, str] | None]]
"""What S3 answers instead, by cluster."""


@contextmanager
def platform(directory: Path) -> Iterator[tuple[Cluster, Path]]:
    """Serve a platform; yield it with a kubeconfig for it."""
    cluster = Cluster(KINDS, token=TOKEN)
    fill(cluster)
    with Server(create_app(cluster)) as server:
        yield cluster, write_kubeconfig(directory / "kubeconfig", server.url, TOKEN)


def snapshot_before(directory: Path) -> Snapshot:
    """Return what a run has found before."""
    with platform(directory) as (_, kubeconfig):
        found = job.run(
            Config.of(KubeOptions(kubeconfig=str(kubeconfig))), CROSSPLANE, Silent(), dry_run=True
        ).snapshot
    assert found is not None
    assert (len(found.rows["claims"]), len(found.rows["xrs"])) == BEFORE
    found.next_run = next_run.encode(found.rows, CROSSPLANE)
    return found


@dataclass
class Proxy:
    """A proxy before a gateway. ``told`` gives what to answer with instead, or None."""

    gateway: str
    told: Callable[[], int | Told | None]
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve it on a free loopback port."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = proxy.told()
                if isinstance(status, Told):
                    self.send_response(status.status)
                    for name, value in status.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    with suppress(OSError):  # not all of it is read
                        self.wfile.write(status.body)
                    return
                if status == 0:
                    self.close_connection = True
                    return
                if status is None:
                    kept = {"Content-Type", "Content-Encoding"}
                    headers = {k: v for k, v in self.headers.items() if k in kept}
                    url = proxy.gateway + self.path
                    status = POOL.request(self.command, url, body=body, headers=headers).status
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                self.do_PUT()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


@dataclass
class World:
    """All that one run meets.

    ``gateway`` is where the gateway is asked afterwards. ``counted`` is the usage that a run has
    counted before, None if there was no such run.
    """

    name: str
    directory: Path
    cluster: Cluster
    gateway: str
    s3: S3
    before: Snapshot
    environ: dict[str, str]
    stack: ExitStack
    faults: Faults
    over: threading.Event = field(default_factory=threading.Event)
    in_s3: bool = False
    act: Callable[[subprocess.Popen[bytes]], None] = lambda _: None
    prefix: tuple[str, ...] = ()
    counted: UsageState | None = None

    @classmethod
    @contextmanager
    def of(
        cls,
        name: str,
        directory: Path,
        gateway: str,
        s3: S3,
        before: Snapshot,
        faults: Faults,
    ) -> Iterator[World]:
        """Make one in which all is well."""
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            cluster, kubeconfig = stack.enter_context(platform(directory))
            (directory / "termination").touch()
            environ = {
                **ENV,
                "KUBECONFIG": str(kubeconfig),
                "CLUSTER_NAME": name,
                "STORE_BACKEND": "directory",
                "STORE_DIR": str(directory / "store"),
                "PUSHGATEWAY_URL": gateway,
                "TERMINATION_LOG": str(directory / "termination"),
            }
            url = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
            before = with_head(before, cluster=name, identity=Identity(cluster.uid, url))
            made = cls(name, directory, cluster, gateway, s3, before, environ, stack, faults)
            made.keep(documents.encode(before))
            made.push()
            cluster.delete(CLAIM, "team-c", "db-4")
            cluster.delete(APP, "team-c", "web")
            try:
                yield made
            finally:
                made.over.set()
                if made.gateway == gateway:
                    made.forget()

    def keep(self, body: bytes, name: str = "snapshot.json") -> None:
        """Put a document into the store."""
        store = DirectoryStore(self.directory / "store")
        store.put(f"{self.name}/{name}", body, replacing=None)

    def push(self) -> None:
        """Push the inventory of before."""
        config = Config.of(
            PublishOptions(pushgateway_url=(self.gateway,)), StoreOptions(cluster_name=self.name)
        )
        registry = exposition.registry(inventory(self.before))
        for gateway in pushgateways(config):
            gateway.publish_inventory(registry)

    def use_s3(self, pack: Callable[[bytes], bytes] = bytes) -> None:
        """Keep snapshots in S3, that of before as it is packed."""
        self.in_s3 = True
        self.environ |= {**self.s3.environment(), "STORE_BACKEND": "s3", "S3_BUCKET": BUCKET}
        self._object("PUT", body=pack(documents.encode(self.before)))

    def stored(self, name: str = "snapshot.json") -> bytes | None:
        """Return a document as it is now, None where there is none."""
        if self.in_s3:
            return self._object("GET", name)  # urllib3 unpacks what its headers call gzip
        path = self.path(name)
        return path.read_bytes() if path.is_file() else None

    def has(self, name: str) -> bool:
        """Tell whether there is such a document, however large."""
        return self.stored(name) is not None if self.in_s3 else os.path.lexists(self.path(name))

    def usage(self) -> UsageState:
        """Return the state of usage in the snapshot as it is now."""
        document = msgspec.json.decode(self.stored() or b"", type=dict[str, msgspec.Raw])
        return msgspec.json.decode(document["usage"], type=UsageState)

    def path(self, name: str = "snapshot.json") -> Path:
        """Return where a document is, where it is a file."""
        return self.directory / "store" / self.name / name

    def _object(self, method: str, name: str = "snapshot.json", body: bytes = b"") -> bytes | None:
        url = f"{self.s3.url}/{BUCKET}/xp-tracker/{self.name}/{name}"
        answer = POOL.request(method, url, body=body, headers=AROUND, retries=_AGAIN)
        assert answer.status in (200, 404), answer.data
        return answer.data if answer.status == 200 else None

    def pushed(self) -> dict[str, float]:
        """Return the gauges of this cluster that have no labels of their own, by name."""
        page = text(f"{self.gateway}/metrics")
        own = (line for line in page.splitlines() if f'cluster="{self.name}"' in line)
        grouping_key = {"job", "cluster", "instance"}
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families("\n".join(own))
            for sample in family.samples
            if sample.labels.keys() == grouping_key
        }

    def forget(self) -> None:
        """Delete this cluster's groups: a gateway looks at all that it has at each push."""
        for name in ("xpjob", "xpjob-run", "xpjob-hub"):
            POOL.request("DELETE", f"{self.gateway}/metrics/job/{name}/cluster/{self.name}")

    def hang(self) -> None:
        """Wait until the run is over."""
        self.over.wait(20)

    def silent_port(self) -> int:
        """Return a port where connections are taken and nothing is ever answered."""
        listening = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port: int = listening.getsockname()[1]
        return port

    def black_hole(self) -> int:
        """Return a port where nothing that is sent is ever answered: its queue is full."""
        listening = self.stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = self.stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        port: int = listening.getsockname()[1]
        return port

    def run(self) -> Ran:
        """Do the run, to its end."""
        log = self.directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.prefix, *RUN], env=self.environ, stdout=output, stderr=output
            )
        try:
            self.act(process)
            process.wait(80)
        finally:
            self.over.set()
            process.kill()
            process.wait()
        termination = (self.directory / "termination").read_text()
        return Ran(process.returncode, log.read_text(), termination)

    def logged(self, words: str) -> None:
        """Wait until the run's log has these words."""
        deadline = time.monotonic() + 20
        while words not in (self.directory / "log").read_text():
            assert time.monotonic() < deadline, f"the log never said {words!r}"
            time.sleep(0.02)


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    log: str
    termination: str

    def told(self) -> dict[str, Any]:
        """Return the one line for the kubelet."""
        found: dict[str, Any] = json.loads(self.termination)
        return found
