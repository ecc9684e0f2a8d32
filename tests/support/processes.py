"""Real servers for tests: started on a free loopback port, ended by their pid."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3

POOL = urllib3.PoolManager(retries=False)


def free_port() -> int:
    """Return a port that nobody listens on now.

    It is below those that the system gives to clients, and chosen by chance: tests that run at
    the same time do not take it from each other before a server listens there.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
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
def prometheus(directory: Path, **config: object) -> Iterator[str]:
    """Run a Prometheus with this configuration, checked before; yield its URL."""
    written = directory / "prometheus.yml"
    written.write_text(json.dumps(config))  # which is YAML too
    subprocess.run(["promtool", "check", "config", written], check=True, capture_output=True)
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={written}",
        f"--web.listen-address={address}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
    ]
    with serving(command, f"http://{address}/-/ready", directory / "prometheus.log"):
        yield f"http://{address}"


def scraping(gateway: str) -> dict[str, object]:
    """Return the configuration of a Prometheus that scrapes a gateway, with ``honor_labels``."""
    labels = {"namespace": "monitoring", "pod": "gateway-0"}
    static = {"targets": [gateway.removeprefix("http://")], "labels": labels}
    job = {"job_name": "pushgateway", "honor_labels": True, "static_configs": [static]}
    return {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
