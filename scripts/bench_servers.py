"""Servers beside the API server of a benchmark, and how a run reaches them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.processes import free_ports
from harness.tools import tool

from support.processes import serving

KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret"}
BUCKET = "inventory"


def server_of(kubeconfig: Path) -> str:
    """Return the URL of the server in a kubeconfig."""
    server: str = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return server


def service_account(kubeconfig: Path, folder: Path) -> Path:
    """Write the credentials of a kubeconfig as the kubelet does in a pod; return the folder."""
    config = json.loads(kubeconfig.read_text())
    folder.mkdir()
    (folder / "token").write_text(config["users"][0]["user"]["token"])
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    (folder / "ca.crt").write_bytes(base64.b64decode(authority))
    return folder


@contextmanager
def s3_server(files: Path) -> Iterator[tuple[Path, str]]:
    """Run Versity's S3 gateway over a folder; yield the bucket's folder, and the URL."""
    bucket, (port,) = files / "buckets" / BUCKET, free_ports(1)
    bucket.mkdir(parents=True)
    (files / "metadata").mkdir()
    command = [str(tool("versitygw")), f"--port=127.0.0.1:{port}", "--health=/healthz", "--quiet"]
    command += ["posix", f"--sidecar={files / 'metadata'}", str(bucket.parent)]
    keys = {"ROOT_ACCESS_KEY": "bench", "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
    os.environ |= keys
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/healthz", files / "s3.log"):
        yield bucket, url


@contextmanager
def narrow(mbit: float) -> Iterator[None]:
    """Let no more than that through the loopback of a network namespace of our own."""
    rule = f"root tbf rate {mbit}mbit burst 256kb latency 50ms"
    subprocess.run(["tc", "qdisc", "add", "dev", "lo", *rule.split()], check=True)
    try:
        yield
    finally:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)
