"""Real servers for tests: started on a free loopback port, ended by their pid."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

POOL = urllib3.PoolManager(retries=False)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def text(url: str) -> str:
    """GET a page. Raises when the answer is not 200."""
    answer = POOL.request("GET", url)
    assert answer.status == 200, (url, answer.status, answer.data[:500])
    return answer.data.decode()


@contextmanager
def serving(
    command: Sequence[str], ready_url: str, log: Path, pool: urllib3.PoolManager = POOL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for as long as the block takes, from when it answers ``ready_url``.

    ``pool`` has the credentials and certificates that it takes to be answered.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if pool.request("GET", ready_url, timeout=2.0, retries=False).status == 200:
                    break
            except urllib3.exceptions.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not get ready: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def pushgateway(
    directory: Path,
    *flags: str,
    port: int = 0,
    scheme: str = "http",
    pool: urllib3.PoolManager = POOL,
) -> Iterator[str]:
    """Run a Pushgateway that remembers nothing of earlier ones; yield its URL."""
    address = f"127.0.0.1:{port or free_port()}"
    command = [
        "prometheus-pushgateway",
        f"--web.listen-address={address}",
        "--persistence.file=",
        *flags,
    ]
    url = f"{scheme}://{address}"
    with serving(command, f"{url}/-/ready", directory / "pushgateway.log", pool):
        yield url


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """Run a Prometheus that scrapes one gateway each second, with ``honor_labels``."""
    address = f"127.0.0.1:{free_port()}"
    config = directory / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "- job_name: pushgateway\n"
        "  honor_labels: true\n"
        "  static_configs:\n"
        f"  - {{targets: ['{target.removeprefix('http://')}'], "
        "labels: {namespace: monitoring, pod: gateway-0}}\n"
    )
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--web.listen-address={address}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
    ]
    with serving(command, f"http://{address}/-/ready", directory / "prometheus.log"):
        yield f"http://{address}"
