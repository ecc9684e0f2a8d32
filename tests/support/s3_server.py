"""moto's S3 server in this process, over http or https."""

from __future__ import annotations

import io
import itertools
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "inventory"
_LEAST_CHUNK = 8192
"""Bytes that S3 wants of each chunk but the last one; moto takes any."""
_numbers = itertools.count(1)


class S3:
    """A served S3 with one bucket. ``requests`` gathers (method, path, headers).

    ``answer`` is given instead of any; ``fault`` may give one of its own for a request, or None:
    a status and a code. Status 0 drops the connection, with "after" once the request was served.
    ``said``, headers and a body in pieces, is given with status 200 instead of any.
    Where ``heedless`` says so of a path, conditions are taken no notice of.
    """

    def __init__(self, url: str, authority: str) -> None:
        self.url = url
        self.authority = authority
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answer: tuple[int, str] | None = None
        self.said: tuple[dict[str, str], Iterable[bytes]] | None = None
        self.fault: Callable[[str, str, dict[str, str]], tuple[int, str] | None] = _none
        self.heedless: Callable[[str], bool] = lambda _path: False

    def environment(self) -> dict[str, str]:
        """Return the variables that a client of it needs."""
        trust = {"AWS_CA_BUNDLE": self.authority} if self.authority else {}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
        return {**keys, **trust, "S3_BUCKET": BUCKET, "S3_ENDPOINT": self.url}


def _none(_method: str, _path: str, _headers: dict[str, str]) -> None:
    """Answer nothing instead."""


@contextmanager
def serve_s3(directory: Path, *, tls: bool = False) -> Iterator[S3]:
    """Serve an S3 on a free loopback port, with an empty bucket."""
    sys.audit("xpjob.tests.server", "S3")
    authority, context = "", None
    if tls:
        ca = trustme.CA()
        authority = str(directory / "ca.pem")
        ca.cert_pem.write_to_path(authority)
        certificate = directory / "server.pem"
        issued = ca.issue_cert("127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        context = (str(certificate), str(certificate))
    moto = DomainDispatcherApplication(create_backend_app)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        headers = {k[5:].lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        headers["content-length"] = environ.get("CONTENT_LENGTH", "")
        headers["content_type"] = environ.get("CONTENT_TYPE", "")
        path = environ["PATH_INFO"]
        if not path.startswith("/moto-api"):
            served.requests.append((environ["REQUEST_METHOD"], path, headers))
            if served.said:
                start_response("200 -", list(served.said[0].items()))
                return served.said[1]
            if told := served.answer or served.fault(environ["REQUEST_METHOD"], path, headers):
                status, code = told
                if not status:
                    if code == "after":
                        moto(_renamed(environ, bucket), lambda *_: None)
                    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                start_response(f"{status} -", [("Content-Type", "application/xml")])
                return [f"<Error><Code>{code}</Code><Message>told so</Message></Error>".encode()]
        if headers.get("x_amz_content_sha256", "").startswith("STREAMING-"):
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            if any(size < _LEAST_CHUNK for size in _chunks(body)[:-1]):
                start_response("403 -", [("Content-Type", "application/xml")])
                return [b"<Error><Code>InvalidChunkSizeError</Code></Error>"]
        if served.heedless(path):
            environ.pop("HTTP_IF_MATCH", None)
            if environ["REQUEST_METHOD"] == "PUT":
                environ.pop("HTTP_IF_NONE_MATCH", None)
        return moto(_renamed(environ, bucket), start_response)

    # moto keeps the buckets of all servers in this process: each server has one of its own.
    bucket = f"{BUCKET}-{next(_numbers)}"
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    scheme = "https" if tls else "http"
    served = S3(f"{scheme}://127.0.0.1:{server.server_port}", authority)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        _client(served).create_bucket(Bucket=BUCKET)
        served.requests.clear()
        yield served
    finally:
        served.answer, served.said, served.fault = None, None, _none
        _empty(served)
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _chunks(body: bytes) -> list[int]:
    """Return the sizes of the chunks of a body in the encoding aws-chunked."""
    sizes, at = [], 0
    while size := int(body[at : body.index(b"\r\n", at)].partition(b";")[0], 16):
        sizes.append(size)
        at = body.index(b"\r\n", at) + 2 + size + 2
    return sizes


def _renamed(environ: dict[str, Any], bucket: str) -> dict[str, Any]:
    """Return a request for a bucket as one for the bucket of this server."""
    named = re.compile(rf"^(/?){BUCKET}(?=[/?]|$)")
    keys = ("PATH_INFO", "RAW_URI", "REQUEST_URI", "HTTP_X_AMZ_COPY_SOURCE")
    return environ | {
        key: named.sub(rf"\g<1>{bucket}", environ[key]) for key in keys if key in environ
    }


def _client(served: S3) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=served.url,
        aws_access_key_id="test",
        aws_secret_access_key="test-secret",
        region_name="us-east-1",
        verify=served.authority or None,
    )


def _empty(served: S3) -> None:
    client = _client(served)
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)
