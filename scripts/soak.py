"""Many runs and a reader under load, with faults that come and go: nothing may grow.

Ends by itself, and exits with 1 when memory, files, sockets or threads of the reader, or series
on the gateway, have grown, when the reader gave a wrong answer, or a run an exit code that its
fault does not explain.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

import urllib3

from faults.sinks import DROPPED
from faults.world import ENV, RUN, Proxy, platform
from support.hostile_clients import attacking
from support.processes import free_port, pushgateway, serving, text
from support.s3_server import serve_s3
from support.stand_in import CLAIM, claim
from xpjob.demo.cluster import Cluster, Fault

CLIENTS, HOSTILE, CLAIMS, RESTS = 4, 60, 200, 10
QUESTIONS = (
    "/bookkeeping",
    "/bookkeeping?ready=false&sort=-notReady&limit=50",
    "/bookkeeping?class=claim&limit=10",
    "/bookkeeping/summary?by=team",
    "/metrics/inventory",
    "/metrics",
    "/",
)
WELL, ANY = (0,), (0, 1, -9)


@dataclass(frozen=True)
class Size:
    """What may not grow: megabytes, counts of the reader's, and series on the gateway."""

    memory: float
    files: int
    sockets: int
    threads: int
    series: int


class Load:
    """Clients that ask the reader again and again; some hang up before the answer has come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._may_ask, self._over = threading.Event(), threading.Event()
        self.answers: Counter[int] = Counter()
        self.troubles: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask within a block, while ``resume`` says so."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._may_ask.set()
            for thread in self._threads:
                thread.join(30)

    def resume(self) -> None:
        """Ask."""
        self._may_ask.set()

    def rest(self) -> None:
        """Ask no more for now."""
        self._may_ask.clear()

    def _ask(self, number: int) -> None:
        rand = random.Random(number)
        while not self._over.is_set():
            self._may_ask.wait()
            with urllib3.PoolManager(retries=False, timeout=10) as pool:
                for _ in range(rand.randrange(1, 30)):
                    try:
                        question = self._url + rand.choice(QUESTIONS)
                        answer = pool.request("GET", question, preload_content=False)
                        self.answers[answer.status] += 1
                        if rand.random() < 0.1:
                            answer.close()
                        else:
                            answer.read()
                            answer.release_conn()
                    except urllib3.exceptions.HTTPError as error:
                        self.troubles[type(error).__name__] += 1
                    # The servers that the runs need are in this process too.
                    if self._over.wait(0.01) or not self._may_ask.is_set():
                        break


class Soak:
    """A platform, its sinks, and the troubles they may be in."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.rand = random.Random(3)
        self.cluster, kubeconfig = stack.enter_context(platform(directory))
        self.gateway = stack.enter_context(pushgateway(directory))
        self.s3 = stack.enter_context(serve_s3(directory))
        proxy = stack.enter_context(Proxy(self.gateway, lambda: self.push_fault).serving())
        self.push_fault: int | None = None
        self.s3_fault: tuple[int, str] | None = None
        self.s3.fault = lambda _method, _path, _headers: self.s3_fault
        self.environ = {
            **ENV,
            **self.s3.environment(),
            "KUBECONFIG": str(kubeconfig),
            "STORE_BACKEND": "s3",
            "PUSHGATEWAY_URL": proxy.url,
            "TEAM_ANNOTATION_KEY": "example.org/team",
            "PAGE_SIZE": "50",
        }
        self.codes: Counter[int] = Counter()
        self.unexplained: list[str] = []
        self.number = 0
        self.troubles: tuple[tuple[str, Callable[[], object], tuple[int, ...]], ...] = (
            ("none", lambda: None, WELL),
            ("API 503 once", lambda: self._api(Fault(503), 1), WELL),
            ("API 403", lambda: self._api(Fault(403), 99), WELL),
            ("API drops", lambda: self._api(Fault(200, b'{"items": [', cut=True), 99), WELL),
            ("API HTML", lambda: self._api(Fault(200, b"<html>"), 99), WELL),
            ("S3 503", lambda: setattr(self, "s3_fault", (503, "SlowDown")), ANY),
            ("S3 drops", lambda: setattr(self, "s3_fault", DROPPED), ANY),
            ("gateway drops", lambda: setattr(self, "push_fault", 0), ANY),
            ("gateway 500", lambda: setattr(self, "push_fault", 500), ANY),
            ("killed", lambda: None, ANY),
        )

    def _api(self, fault: Fault, times: int) -> None:
        left = iter(range(times))

        def answer(path: str, _query: dict[str, str]) -> Fault | None:
            hit = CLAIM.resource in path and next(left, None) is not None
            return fault if hit else None

        self.cluster.fault = answer

    def run(self, *, well: bool = False) -> None:
        """Change the platform, do a run, in trouble two times of three, and look how it ended."""
        self.number += 1
        self.s3.requests.clear()
        self.cluster.requests.clear()
        change(self.cluster, self.number)
        chosen = 0
        if not well and self.number < len(self.troubles):
            chosen = self.number  # each once, before what is measured counts
        elif not well and self.number % 3:
            chosen = self.rand.randrange(len(self.troubles))
        trouble, begin, expected = self.troubles[chosen]
        begin()
        process = subprocess.Popen(RUN, env=self.environ, stderr=subprocess.PIPE, text=True)
        if trouble == "killed":
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.rand.random())
            process.kill()
        _, log = process.communicate(timeout=60)
        self.cluster.fault, self.s3_fault, self.push_fault = (lambda *_: None), None, None
        self.codes[process.returncode] += 1
        if process.returncode not in expected or "Traceback" in log:
            self.unexplained.append(f"{trouble}: exit code {process.returncode}: {log[-2000:]}")


def change(cluster: Cluster, number: int) -> None:
    """Let a claim go and another come, of a team that was never there: as many as before."""
    with cluster.locked():
        name = f"soak-{number - CLAIMS}"
        if any(item["metadata"]["name"] == name for item in cluster.objects(CLAIM)):
            cluster.delete(CLAIM, "team-a", name)
        annotations = {"example.org/team": f"team-{number}"}
        made = claim(f"soak-{number}", annotations=annotations, ready=number % 2 == 0)
        cluster.apply(CLAIM, made)


def measure(pid: int, gateway: str) -> Size:
    """Return what there is now."""
    status = Path(f"/proc/{pid}/status").read_text()

    def value(name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+)", status)
        assert found
        return int(found.group(1))

    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            links.append(str(entry.readlink()))
    sockets = sum(link.startswith("socket:") for link in links)
    series = sum(
        # Totals of usage have a series for each team that was there within a month.
        'job="xpjob' in line and not line.startswith(("#", "xpjob_usage_"))
        for line in text(f"{gateway}/metrics").splitlines()
    )
    memory = value("VmRSS") * 1024 / 1e6
    return Size(memory, len(links) - sockets, sockets, value("Threads"), series)


def settled(pid: int, gateway: str) -> Size:
    """Return what there is once the sockets of the load are closed."""
    ends = time.monotonic() + 10
    now = measure(pid, gateway)
    while time.monotonic() < ends:
        before = now
        time.sleep(1)
        now = measure(pid, gateway)
        if now.sockets == before.sockets:
            break
    return now


def growth(sizes: list[Size]) -> list[str]:
    """Return what has grown from the first half of the rests to the second, once all was warm."""
    warm = sizes[2:]
    before, after = warm[: len(warm) // 2], warm[len(warm) // 2 :]
    grown = []
    for name, slack in (
        ("memory", 12),
        ("files", 1),
        ("sockets", 3),
        ("threads", 1),
        ("series", 0),
    ):
        most = [max(getattr(size, name) for size in part) for part in (before, after)]
        if most[1] > most[0] + slack:
            grown.append(f"{name}: {most[0]:g} -> {most[1]:g}")
    return grown


def main() -> None:
    """Run, print figures, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # What was started is ended then, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    sizes: list[Size] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        soak = Soak(stack, directory)
        for number in range(1 - CLAIMS, 1):
            change(soak.cluster, number)
        soak.run(well=True)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {"METRICS_ADDR": f"127.0.0.1:{port}", "REFRESH_SECONDS": "0.5"}
        variables = (f"{k}={v}" for k, v in {**soak.environ, **settings}.items())
        command = ("env", *variables, sys.executable, "-m", "xpjob", "serve")
        reader = stack.enter_context(serving(command, f"{url}/readyz", directory / "reader.log"))
        load = Load(url)
        stack.enter_context(load.running())
        print("| run | minutes | memory, MB | files | sockets | threads | series |")
        print("|---|---|---|---|---|---|---|")
        for rest in range(RESTS):
            load.resume()
            share = (rest + 1) / RESTS
            with attacking(url, HOSTILE):
                while soak.number < options.runs * share:
                    if time.monotonic() - began > options.minutes * 60 * share:
                        break
                    soak.run()
            load.rest()
            soak.run(well=True)
            sizes.append(settled(reader.pid, soak.gateway))
            cells = [soak.number, f"{(time.monotonic() - began) / 60:.1f}"]
            cells += [f"{value:g}" for value in astuple(sizes[-1])]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    wrong = [f"answers of the reader: {dict(load.answers)}"] if set(load.answers) - {200} else []
    if load.troubles:
        wrong.append(f"the reader did not answer: {dict(load.troubles)}")
    wrong += soak.unexplained + growth(sizes)
    print(f"\n{soak.number} runs, by exit code {dict(soak.codes)}; {load.answers[200]} answers")
    print("\n".join(wrong) or "nothing grew, and nothing was wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
