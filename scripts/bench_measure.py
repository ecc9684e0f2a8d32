"""One process at a time, measured from outside: time, CPU, memory, and what it costs the API."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import msgspec
from harness.connection import Connection
from harness.controlplane import ControlPlane

MB = 1e6
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_SIZE, CONCURRENCY = 500, 4

# Linux counts the memory of who starts a process as its own until it is another program, so
# something small has to start it.
_STARTER = """
import json, os, sys, time
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - began
told = {"code": os.waitstatus_to_exitcode(status), "wall": wall,
        "cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss * 1024}
open(sys.argv[1], "w").write(json.dumps(told))
"""


@dataclass
class Sample:
    """One run of one contender: seconds and bytes."""

    wall: float
    cpu: float
    rss: float
    api_cpu: float = 0.0
    requests: int = 0
    phases: dict[str, float] = field(default_factory=dict)


class Meter:
    """Measures processes that use one control plane."""

    def __init__(self, control_plane: ControlPlane, files: Path) -> None:
        """``files`` is a folder for logs."""
        self._audit_log = control_plane.audit_log
        self._api = next(p.pid for p in control_plane.processes if p.name == "kube-apiserver")
        self._files = files

    def run(self, command: Sequence[str], environment: dict[str, str]) -> Sample:
        """Run a command to its end. Raises RuntimeError when it fails."""
        report, log = self._files / "measured.json", self._files / "measured.log"
        before = self.api_cpu(), self._audit_log.stat().st_size
        with log.open("wb") as output:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", _STARTER, str(report), *command],
                env={"PATH": os.environ["PATH"], **environment},
                stdout=output,
                stderr=output,
                check=True,
            )
        told = json.loads(report.read_text())
        if told.pop("code"):
            raise RuntimeError(f"{' '.join(command)[:300]}: {log.read_text()[-2000:]}")
        return Sample(**told, api_cpu=self.api_cpu() - before[0], requests=self._since(before[1]))

    def serve(self, command: Sequence[str], fetch: str) -> tuple[Sample, bytes]:
        """Start an exporter, wait until it rests, fetch its metrics, and end it."""
        before = self.api_cpu(), self._audit_log.stat().st_size
        with (self._files / "exporter.log").open("wb") as log:
            began = time.perf_counter()
            process = subprocess.Popen(list(command), stdout=log, stderr=log)
        try:
            busy, used, quiet, body = 0.0, -1.0, 0, b""
            while b"\n" not in body:  # a machine that is busy makes it look at rest
                while quiet < 20:  # it looks for kinds every three seconds
                    time.sleep(0.25)
                    now = cpu_of(process.pid)
                    quiet = quiet + 1 if now - used < 0.02 else 0
                    if not quiet:
                        busy = time.perf_counter() - began
                    used = now
                asked, quiet = time.perf_counter(), 0
                fetched = subprocess.run(["curl", "-sSf", fetch], capture_output=True, check=True)
                body = fetched.stdout
            wall = busy + time.perf_counter() - asked
            sample = Sample(wall, cpu_of(process.pid), peak_of(process.pid))
        finally:
            process.terminate()
            process.wait(30)
        sample.api_cpu = self.api_cpu() - before[0]
        sample.requests = self._since(before[1])
        return sample, body

    def api_cpu(self) -> float:
        """Return the CPU seconds of the API server so far."""
        return cpu_of(self._api)

    def wait_for_rest(self) -> None:
        """Wait until the API server uses less than a tenth of a processor."""
        used = float("-inf")
        while (now := self.api_cpu()) - used > 0.1:
            used = now
            time.sleep(1)

    def lists(self, action: Callable[[], object]) -> list[str]:
        """Return the paths of the lists that are made meanwhile, with their selectors.

        Lists of one object are left out, by which objects are counted.
        """
        before, found = self._audit_log.stat().st_size, []
        action()
        with self._audit_log.open("rb") as log:
            log.seek(before)
            for line in log:
                event = json.loads(line)
                if event["user"]["username"] == "admin" and event["verb"] == "list":
                    path, _, query = event["requestURI"].partition("?")
                    asked = dict(parse_qsl(query))
                    if asked.pop("limit", "") != "1" and not asked.pop("continue", ""):
                        asked.pop("resourceVersion", "")
                        found.append(f"{path}?{urlencode(asked)}" if asked else path)
        return sorted(set(found))

    def _since(self, position: int) -> int:
        """Count the requests of the administrator since then; the API server has its own."""
        with self._audit_log.open("rb") as log:
            log.seek(position)
            return sum(b'"username":"admin"' in line for line in log)


class _Records(msgspec.Struct):
    """How many there are is all that counts here."""

    claims: list[msgspec.Raw]
    xrs: list[msgspec.Raw]
    mrs: list[msgspec.Raw]


def totals(snapshot: Path, gateway: str) -> dict[str, float]:
    """Return how many records a snapshot has, and the sum of each family of totals on a gateway."""
    records = msgspec.json.decode(snapshot.read_bytes(), type=_Records)
    found: dict[str, float] = {
        name: len(getattr(records, name)) for name in records.__struct_fields__
    }
    with urllib.request.urlopen(f"{gateway}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            family = line.partition("{")[0]
            if re.fullmatch("crossplane_[a-z]+_total", family) and 'job="xpjob"' in line:
                found[family] = found.get(family, 0) + float(line.rpartition(" ")[2])
    return found


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid: int) -> float:
    """Return the most memory that a process ever had resident, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0.0


class _PageMetadata(msgspec.Struct):
    """The metadata of a list."""

    token: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    """A page of a list, without its objects."""

    metadata: _PageMetadata


def drain(connection: Connection, paths: Sequence[str]) -> tuple[list[str], int]:
    """List everything page by page; return the URLs of the pages, and their bytes.

    The paths may have queries, such as a label selector.
    """
    urls, size = [], 0
    server = connection.server.geturl()
    for path in paths:
        token, first = "", f"{path}{'&' if '?' in path else '?'}limit={PAGE_SIZE}"
        while True:
            query = first + (f"&continue={token}" if token else "")
            body = _page(connection, query)
            urls.append(server + query)
            size += len(body)
            token = msgspec.json.decode(body, type=_Page).metadata.token
            if not token:
                break
    return urls, size


def count_of(connection: Connection, path: str) -> int:
    """Return the number of objects of a list, as the API counts them."""
    page = connection.request("GET", f"{path}?limit=1")
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount", 0))


def _page(connection: Connection, query: str) -> bytes:
    """GET a page; the API server answers 504 for a while when very much was written."""
    for attempt in range(20):
        status, body = connection.exchange("GET", query)
        if status == 200:
            return body
        time.sleep(0.1 * attempt)
    raise RuntimeError(f"{query}: {status} {body[:300]!r}")


def curl(
    kubeconfig: Path,
    urls: Sequence[str],
    files: Path,
    *options: str,
    parallel: int = CONCURRENCY,
    accept: str = "*/*",
) -> list[str]:
    """Return the command that fetches the pages, so many at a time."""
    config = json.loads(kubeconfig.read_text())
    authority = files / "ca.crt"
    data = config["clusters"][0]["cluster"]["certificate-authority-data"]
    authority.write_bytes(base64.b64decode(data))
    lines = [f'url = "{url}"\noutput = "/dev/null"' for url in urls]
    token = config["users"][0]["user"]["token"]
    lines += [f'header = "Authorization: Bearer {token}"', f'header = "Accept: {accept}"']
    lines.append(f'cacert = "{authority}"')
    (files / "curl.config").write_text("\n".join(lines))
    return [
        *("curl", "--silent", "--show-error", "--fail", "--http1.1", "--parallel"),
        *("--parallel-max", str(parallel), "--config", str(files / "curl.config"), *options),
    ]
