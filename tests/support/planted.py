"""Secrets planted in every input of a command, and all of its outputs, to look for them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from support.command import ENV
from support.processes import serving
from support.s3_server import BUCKET, S3
from support.stand_in import StandIn

PLANTED = {
    "Kubernetes token": "planted-kubernetes-token",
    "Kubernetes password": "planted-kubernetes-password",
    "plugin's variable": "planted-plugin-variable",
    "service account's token": "planted-service-account-token",
    "S3 secret key": "planted-s3-secret-key",
    "S3 session token": "planted-s3-session-token",
    "gateway's password": "gateway-password",
    "gateway's token": "planted-gateway-token",
    "reader's token": "planted-reader-token",
    "part of a URL": "planted-part-of-url",
    "proxy's password": "planted-proxy-password",
    "key": "planted-key-that-is-none",
}
PROXY = "http://me:planted-proxy-password@127.0.0.1:9"
# A hash of "gateway-password".
HASH = "$2b$04$abcdefghijklmnopqrstuuI0EVCxk/RrYgEz8Sv5UwNgivC34N6Z2"
GATEWAY = urllib3.make_headers(basic_auth="xpjob:gateway-password")


def leaks(outputs: Mapping[str, bytes]) -> list[str]:
    """Return which secrets are in which outputs: as they are, quoted, or in base64."""
    found = []
    for where, output in outputs.items():
        for name, secret in PLANTED.items():
            if any(form in output for form in _forms(secret)):
                found.append(f"{name} in {where}")
    return found


def _forms(secret: str) -> Iterator[bytes]:
    plain = secret.encode()
    yield plain
    yield quote(secret, safe="").encode()
    yield plain.hex().encode()
    for before in range(3):
        # What surrounds it decides about the first and last characters.
        packed = base64.b64encode(b"x" * before + plain)
        yield packed[4 if before else 0 : -4]


class Scene:
    """An API that wants credentials, as do bucket and gateway where there are; and all outputs."""

    def __init__(
        self, directory: Path, api: StandIn, s3: S3 | None = None, gateway: str = ""
    ) -> None:
        self.directory, self.api, self.gateway = directory, api, gateway
        self._s3 = s3
        self.outputs: dict[str, bytes] = {}
        for folder in ("secret", "out"):
            (directory / folder).mkdir()
        self.termination_log = directory / "out" / "termination-log"
        self.termination_log.touch()

    def file(self, name: str) -> str:
        """Write one secret to a file, and return its path."""
        path = self.directory / "secret" / name.replace(" ", "-")
        path.write_text(PLANTED[name] + "\n")
        return str(path)

    def environ(self, **changes: str) -> dict[str, str]:
        """Return what a pod's environment would be, with secrets wherever one can be."""
        environ = {
            **ENV,
            **(self._s3.environment() if self._s3 else {}),
            "KUBECONFIG": str(self.api.kubeconfig),
            "STORE_BACKEND": "s3" if self._s3 else "",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": PLANTED["S3 secret key"],
            "AWS_SESSION_TOKEN": PLANTED["S3 session token"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "PUSHGATEWAY_URL": self.gateway,
            "PUSHGATEWAY_USERNAME": "xpjob",
            "PUSHGATEWAY_PASSWORD": PLANTED["gateway's password"],
            "READER_TOKEN_FILE": self.file("reader's token"),
            "HTTPS_PROXY": PROXY,
            "NO_PROXY": "127.0.0.1",
            "HISTORY_KEEP": "3",
            "PUBLISH": f"textfile:{self.directory}/out/xpjob.prom",
            "TERMINATION_LOG": str(self.termination_log),
            "CONNECT_TIMEOUT_SECONDS": "2",
        }
        return {name: value for name, value in {**environ, **changes}.items() if value}

    def run(self, *arguments: str, **changes: str) -> int:
        """Run a command, keep all that it says, and return its exit code."""
        return self.python("-m", "xpjob", *arguments, "--debug", **changes)

    def python(self, *arguments: str, **changes: str) -> int:
        """Do the same with any program."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environ(**changes),
            capture_output=True,
            timeout=60,
            check=False,
        )
        title = " ".join([*arguments[2:], *changes]).replace(PLANTED["part of a URL"], "(it)")
        self.outputs[f"what {title} prints"] = done.stdout
        self.outputs[f"what {title} logs"] = done.stderr
        self.outputs[f"how {title} ended"] = self.termination_log.read_bytes()
        return done.returncode

    @property
    def s3(self) -> S3:
        """Return the bucket's server."""
        assert self._s3
        return self._s3

    def gather(self) -> dict[str, bytes]:
        """Return all that came out, of processes, to files, to the bucket and to the gateway."""
        for file in (self.directory / "out").rglob("*"):
            if file.is_file():
                self.outputs[file.name] = file.read_bytes()
        if self._s3:
            self.outputs |= dict(self._objects())
        for path in ("/metrics", "/api/v1/metrics", "/") if self.gateway else ():
            answer = urllib3.request("GET", f"{self.gateway}{path}", headers=GATEWAY)
            assert answer.status == 200
            self.outputs[f"the gateway's {path}"] = answer.data
        return self.outputs

    def _objects(self) -> Iterator[tuple[str, bytes]]:
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=self.s3.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            yield item["Key"], client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()


class _Echo(BaseHTTPRequestHandler):
    """Refuses everything, and quotes what it was sent."""

    status = 401

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        words = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
        kind, _, packed = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            words += f"; that is {base64.b64decode(packed).decode()}"
        error = f"<Error><Code>InvalidToken</Code><Message>{words}</Message></Error>"
        told = json.dumps({"kind": "Status", "message": words, "detail": words})
        body = (error if "Amz" in words else told).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def echo(status: int = 401) -> Iterator[str]:
    """Serve a peer that quotes the credentials that it refuses, and yield its URL."""
    handler = type("Handler", (_Echo,), {"status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def users() -> dict[str, dict[str, Any]]:
    """Return users of kubeconfigs, with all kinds of credentials."""
    variable = {"name": "PLUGIN_SECRET", "value": PLANTED["plugin's variable"]}
    version = "client.authentication.k8s.io/v1"
    granted = {"token": PLANTED["Kubernetes token"]}
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": granted})

    def plugin(*command: str) -> dict[str, Any]:
        return {
            "exec": {
                "apiVersion": version,
                "interactiveMode": "Never",
                "command": command[0],
                "args": list(command[1:]),
                "env": [variable],
            }
        }

    key = base64.b64encode(PLANTED["key"].encode()).decode()
    password = PLANTED["Kubernetes password"]
    oidc = {"id-token": PLANTED["Kubernetes token"], "client-secret": password}
    expired = {"name": "oidc", "config": {**oidc, "idp-issuer-url": "x"}}
    quoting = 'echo "{\\"a\\":\\"$PLUGIN_SECRET\\"}"'
    return {
        "password": {"username": "me", "password": password},
        "broken key": {"client-key-data": key, "client-certificate-data": key},
        "key that is no base64": {"client-key-data": PLANTED["key"]},
        "plugin": plugin("echo", answer),
        "plugin that fails": plugin("sh", "-c", "echo $PLUGIN_SECRET >&2; exit 1"),
        "plugin that prints nonsense": plugin("sh", "-c", "echo $PLUGIN_SECRET"),
        "plugin that answers otherwise": plugin("sh", "-c", quoting),
        "plugin that is not there": plugin("/nonexistent"),
        "oidc": {"auth-provider": {"name": "oidc", "config": oidc}},
        "expired oidc": {"auth-provider": expired},
    }


@contextmanager
def serving_with(
    scene: Scene, patch: pytest.MonkeyPatch, command: list[str], ready: str, log: Path
) -> Iterator[None]:
    """Run a server in the scene's environment."""
    for name in os.environ:
        patch.delenv(name)
    for name, value in scene.environ().items():
        patch.setenv(name, value)
    with serving(command, ready, log):
        yield
