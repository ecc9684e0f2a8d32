"""An HTTP server whose answers a test scripts: a receiver of pushes, an S3, a proxy."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Scripted:
    """A served script; ``asked`` gathers the requests."""

    answer: Callable[[Asked], Told]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def scripted(
    answer: Callable[[Asked], Told], context: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    """Serve a script on a free loopback port; over TLS with a context."""
    served = Scripted(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer but the first waits 40 ms

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            served.asked.append(asked)
            told = served.answer(asked)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if told.status != 204:
                self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            if told.status != 204 and self.command != "HEAD":
                self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    for method in ("GET", "PUT", "POST", "DELETE", "HEAD", "CONNECT"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def s3_error(status: int, code: str, text: str = "no", **fields: str) -> Told:
    """Return an error as S3 tells it."""
    more = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    body = f"<Error><Code>{code}</Code><Message>{text}</Message>{more}</Error>"
    headers = {"Content-Type": "application/xml", "x-amz-request-id": "r"}
    return Told(status, headers, body.encode())


@dataclass
class Bucket:
    """A bucket in a few lines. ``instead`` may give another answer to a request."""

    instead: Callable[[Asked], Told | None] = lambda _asked: None
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Told:
        """Answer a request."""
        if told := self.instead(asked):
            return told
        parts = urlsplit(asked.path)
        key = unquote(parts.path).lstrip("/").partition("/")[2]
        if not key:
            return self._listed(parse_qs(parts.query))
        found = self.objects.get(key)
        etag = _etag(found)
        match asked.method:
            case "GET" | "HEAD":
                if found is None:
                    return s3_error(404, "NoSuchKey")
                return Told(200, {"ETag": etag, **self.headers}, found)
            case "PUT":
                return self._put(asked, key, etag)
        self.objects.pop(key, None)
        return Told(204)

    def _put(self, asked: Asked, key: str, etag: str) -> Told:
        wanted = asked.headers.get("if-match", etag)
        if wanted != etag or ("if-none-match" in asked.headers and etag):
            return s3_error(412, "PreconditionFailed") if etag else s3_error(404, "NoSuchKey")
        body = asked.body
        if source := asked.headers.get("x-amz-copy-source"):
            body = self.objects[unquote(source).lstrip("/").partition("/")[2]]
        self.objects[key] = body
        told = f"<CopyObjectResult><ETag>{_etag(body)}</ETag></CopyObjectResult>".encode()
        return Told(200, {"ETag": _etag(body), **self.headers}, told if source else b"")

    def _listed(self, query: dict[str, list[str]]) -> Told:
        if "object-lock" in query:
            return s3_error(404, "ObjectLockConfigurationNotFoundError")
        prefix = query.get("prefix", [""])[0]
        keys = [key for key in self.objects if key.startswith(prefix)]
        items = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        return Told(200, {}, f"<ListBucketResult>{items}</ListBucketResult>".encode())


def _etag(body: bytes | None) -> str:
    return "" if body is None else f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
