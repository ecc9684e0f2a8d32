"""An API server with more than fits into memory: its objects are made while they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.stand_in import APP, BUCKET, CLAIM, NOP, XR
from xpjob.kube.discovery import Kind

KINDS = (CLAIM, XR, APP, NOP, BUCKET)
MIB = 1 << 20


def spec(size: int) -> Callable[[int], bytes]:
    """Return what makes objects of this size, almost all of it in fields that no one reads."""
    return lambda number: _written(number, b'"spec": {"x": "' + b"x" * size + b'"}')


def message(size: int) -> Callable[[int], bytes]:
    """Return what makes objects with a message of this size, in which Python needs four bytes each.

    All characters but one are ASCII.
    """
    text = "\U0001f600".encode() + b"x" * size
    condition = b'{"type": "Ready", "status": "False", "message": "' + text + b'"}'
    return lambda number: _written(number, b'"status": {"conditions": [' + condition + b"]}")


def conditions(size: int) -> Callable[[int], bytes]:
    """Return what makes objects of so many bytes of empty conditions: each becomes an object."""
    many = b",".join([b"{}"] * (size // 3))
    return lambda number: _written(number, b'"status": {"conditions": [' + many + b"]}")


def config_map(size: int) -> Callable[[int], bytes]:
    """Return what makes ConfigMaps of one tenant, with this much that is of no kind."""
    data = b'"data": {"CLAIM_GVRS": "example.org/v1/things", "XR_GVRS": "' + b"x" * size + b'"}'
    return lambda number: _written(number, data)


def _written(number: int, rest: bytes) -> bytes:
    metadata = {"name": f"big-{number}", "namespace": "team-a", "uid": f"uid-{number}"}
    return b'{"metadata": ' + json.dumps(metadata).encode() + b", " + rest + b"}"


@dataclass
class HugeApi:
    """So many objects of each kind. ``limits`` records what was asked for."""

    counts: dict[str, int]
    make: Callable[[int], bytes]
    configmaps: Callable[[int], bytes] = config_map(10)
    url: str = ""
    limits: list[int] = field(default_factory=list)
    heeds_limit: bool = True
    metadata_first: bool = False

    def page(self, resource: str, query: dict[str, str]) -> Iterator[bytes]:
        """Yield a page of a list in pieces, as an API server writes custom resources.

        With ``metadata_first`` as it writes kinds of Kubernetes itself.
        """
        count = self.counts.get(resource, 0)
        make = self.configmaps if resource == "configmaps" else self.make
        limit = int(query.get("limit", "0")) or count
        self.limits.append(limit)
        start = int(query.get("continue", "0"))
        end = min(count, start + limit) if self.heeds_limit else count
        metadata = {"continue": str(end), "remainingItemCount": count - end} if end < count else {}
        around = b'"kind": "List", "metadata": ' + json.dumps(metadata).encode()
        yield b"{" + (around + b", " if self.metadata_first else b'"apiVersion": "v1", ')
        yield b'"items": ['
        for number in range(start, end):
            yield (b", " if number > start else b"") + make(number)
        yield b"]}" if self.metadata_first else b"], " + around + b"}"

    @contextmanager
    def serving(self) -> Iterator[HugeApi]:
        """Serve it on a free loopback port."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                kind = aggregated if url.path in ("/apis", "/api") else "application/json"
                self.send_header("Content-Type", kind)
                self.end_headers()
                resource = url.path.rpartition("/")[2]
                pieces = (
                    iter([_discovery(url.path)])
                    if url.path in ("/apis", "/api")
                    else api.page(resource, query)
                )
                try:
                    for piece in pieces:
                        self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:  # given up
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def _discovery(path: str) -> bytes:
    groups: dict[str, list[Kind]] = {}
    for kind in KINDS if path == "/apis" else ():
        groups.setdefault(kind.group, []).append(kind)
    items = [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": kind.version,
                    "resources": [
                        {
                            "resource": kind.resource,
                            "responseKind": {"kind": kind.kind},
                            "scope": "Namespaced" if kind.namespaced else "Cluster",
                            "verbs": ["list"],
                            "categories": sorted(kind.categories),
                        }
                    ],
                }
                for kind in kinds
            ],
        }
        for group, kinds in groups.items()
    ]
    return json.dumps({"items": items}).encode()
