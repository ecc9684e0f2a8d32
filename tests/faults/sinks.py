"""Faults of the gateway, of S3 and of directories, and snapshots that are found there."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from faults.breaking import ALWAYS, Setup, when
from faults.world import CLAIMS, Proxy, World
from support.endless import never_ending
from support.irregular import lease, place
from support.processes import free_port, serving
from support.scripted import Told
from support.snapshots import with_head
from support.usage_files import closed, objects
from xpjob.base import times
from xpjob.kube.identity import Identity
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunReport
from xpjob.store.base import MAX_DOCUMENT
from xpjob.usage.files import FileKey
from xpjob.usage.state import UsageState

Answer = tuple[int, str]
DROPPED, LOST = (0, ""), (0, "after")
"""What S3 does: drop the connection; do what was asked, and then drop the connection."""

# The gateway


def own_gateway(world: World) -> subprocess.Popen[bytes]:
    """Give the world a real gateway of its own, with the inventory of before."""
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus-pushgateway", f"--web.listen-address={address}", "--persistence.file="]
    log = world.directory / "gateway.log"
    process = world.stack.enter_context(serving(command, f"http://{address}/-/ready", log))
    world.gateway = world.environ["PUSHGATEWAY_URL"] = f"http://{address}"
    world.push()
    return process


def killed_gateway(world: World) -> None:
    """End the gateway before the run begins."""
    process = own_gateway(world)
    process.kill()
    process.wait()


def killed_while_pushing(world: World) -> None:
    """End the gateway when a push is on its way."""
    process = own_gateway(world)

    def told() -> int:
        process.kill()
        process.wait()
        return 0

    proxied(told)(world)


def paused_gateway(world: World) -> subprocess.Popen[bytes]:
    """Stop the gateway, so that it takes connections and does nothing."""
    process = own_gateway(world)
    process.send_signal(signal.SIGSTOP)
    world.stack.callback(process.send_signal, signal.SIGCONT)
    return process


def paused(world: World) -> None:
    """Stop the gateway for good."""
    paused_gateway(world)


def paused_and_back(world: World) -> None:
    """Stop the gateway, and let it go on after the first push was given up."""
    process = paused_gateway(world)

    def act(_run: subprocess.Popen[bytes]) -> None:
        world.logged("request failed, retrying")
        process.send_signal(signal.SIGCONT)

    world.act = act


def swallowed_gateway(world: World) -> None:
    """Have an address that swallows all that is sent there."""
    world.environ["PUSHGATEWAY_URL"] = f"http://127.0.0.1:{world.black_hole()}"


def one_of_two(world: World) -> None:
    """Have a second gateway, the first of the list, that is away."""
    world.environ["PUSHGATEWAY_URL"] = f"http://127.0.0.1:{free_port()},{world.gateway}"


def proxied(told: Callable[[], int | Told | None]) -> Setup:
    """Put a proxy before the gateway. 0 drops the connection."""

    def setup(world: World) -> None:
        proxy = world.stack.enter_context(Proxy(world.gateway, told).serving())
        world.environ["PUSHGATEWAY_URL"] = proxy.url

    return setup


def always(status: int | Told) -> Callable[[], int | Told | None]:
    """Answer with a status, or more, each time."""
    return lambda: status


def once(status: int) -> Callable[[], int | None]:
    """Answer with a status the first time."""
    answers: Iterator[int | None] = iter([status])
    return lambda: next(answers, None)


def pushed_by_another(world: World) -> None:
    """Have the inventory of another cluster on the gateway, which has the same name."""
    world.before = with_head(world.before, identity=Identity("another"))
    world.push()


def push_hangs(world: World) -> None:
    """Let the gateway keep the run waiting until it is over."""

    def told() -> int:
        world.hang()
        return 0

    proxied(told)(world)


def signalled_while_pushing(number: signal.Signals, *, again: bool = False) -> Setup:
    """Send a signal, or several, while the gateway keeps the run waiting."""

    def setup(world: World) -> None:
        reached = when(world, number, again=again)

        def told() -> int:
            reached.set()
            world.hang()
            return 0

        proxied(told)(world)

    return setup


def overtaken_while_pushing(world: World) -> None:
    """Let a newer run store while this one pushes."""
    left = iter([1])

    def told() -> None:
        if next(left, None):
            world.keep(newer(world))

    proxied(told)(world)


def file_hangs(variable: str) -> Setup:
    """Have a file of the gateway that does not answer: a pipe that nobody writes to."""

    def setup(world: World) -> None:
        os.mkfifo(world.directory / "fifo")
        world.environ[variable] = str(world.directory / "fifo")

    return setup


# S3


def s3(
    answer: Callable[[World, str], Answer | None] = lambda _world, _method: None,
    *,
    method: str = "",
    name: str = "",
    times: int = ALWAYS,
) -> Setup:
    """Keep snapshots in S3, and answer requests of a method for such names so many times.

    ``method`` may end in a question mark: then only conditional ones are meant.
    """

    def setup(world: World) -> None:
        world.use_s3()
        left = iter(range(times))

        def fault(asked: str, path: str) -> Answer | None:
            if not (asked.startswith(method) and name in path):
                return None
            return answer(world, asked) if next(left, None) is not None else None

        world.faults[world.name] = fault

    return setup


def say(status: int, code: str) -> Callable[[World, str], Answer]:
    """Answer with an error of S3."""
    return lambda _world, _method: (status, code)


def do(answer: Answer) -> Callable[[World, str], Answer]:
    """Do what ``DROPPED`` or ``LOST`` say."""
    return lambda _world, _method: answer


def gzipped(pack: Callable[[bytes], bytes] = gzip.compress) -> Setup:
    """Keep snapshots in S3 as gzip."""

    def setup(world: World) -> None:
        world.use_s3(pack)
        world.environ["S3_GZIP"] = "true"

    return setup


def s3_hangs(world: World, _method: str) -> Answer:
    """Answer only when the run is over."""
    world.hang()
    return 503, "SlowDown"


def no_s3(world: World) -> None:
    """Have nobody listen where S3 was."""
    world.use_s3()
    world.environ["S3_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"


def no_proxy_to_s3(world: World) -> None:
    """Have nobody listen where the proxy on the way to S3 was."""
    world.use_s3()
    api = json.loads((world.directory / "kubeconfig").read_text())["clusters"][0]["cluster"]
    world.environ["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    world.environ["NO_PROXY"] = api["server"].removeprefix("http://")


def credentials_never_end(kind: str) -> Setup:
    """Have credentials come from a server that does not answer, or does not stop."""

    def setup(world: World) -> None:
        world.use_s3()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del world.environ[name]
        url = world.stack.enter_context(never_ending(kind))
        world.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{url}/credentials"

    return setup


def swallowed_s3(world: World) -> None:
    """Have an address that swallows all that is sent there."""
    world.use_s3()
    world.environ["S3_ENDPOINT"] = f"http://127.0.0.1:{world.black_hole()}"


def signalled_while_storing(number: signal.Signals, *, again: bool = False) -> Setup:
    """Send a signal, or several, while S3 keeps the run waiting for the answer to its write."""

    def setup(world: World) -> None:
        reached = when(world, number, again=again)

        def answer(world: World, method: str) -> Answer:
            reached.set()
            return s3_hangs(world, method)

        s3(answer, method="PUT")(world)

    return setup


# Snapshots that are there before, and newer ones


def holding(change: Callable[[World], bytes], name: str = "snapshot.json") -> Setup:
    """Let the store hold something else before the run."""
    return lambda world: world.keep(change(world), name)


def good(world: World, **changes: Any) -> bytes:
    """Return the snapshot of before, changed."""
    return documents.encode(with_head(world.before, **changes))


def second_line(world: World) -> int:
    """Return where the second line of the snapshot of before begins."""
    return good(world).index(b"\n") + 1


def first_line(was: bytes, is_: bytes) -> Setup:
    """Change the first line of the snapshot of before, the only one that a run reads."""

    def changed(world: World) -> bytes:
        body, at = good(world), second_line(world)
        assert was in body[:at]
        return body[:at].replace(was, is_, 1) + body[at:]

    return holding(changed)


def of_an_older_version(world: World) -> bytes:
    """Return the snapshot of before, as versions wrote it that had no first line."""
    return documents.encode(replace(world.before, next_run=b""))


FUTURE = "2999-01-01T00:00:00Z"


def ahead(world: World) -> bytes:
    """Return the snapshot of before, of a run whose clock was wrong."""
    run = msgspec.structs.replace(world.before.head.run, started_at=FUTURE)
    return good(world, run=run, generated_at=FUTURE)


def report_ahead(world: World) -> bytes:
    """Return the report of a run whose clock was wrong."""
    run = msgspec.structs.replace(world.before.head.run, started_at=FUTURE)
    report = RunReport(run=run, cluster=world.name, finished_at=FUTURE, last_success_at=FUTURE)
    return documents.encode(report)


def nested(_world: World) -> bytes:
    """Return JSON that is nested without end."""
    return b'{"schemaVersion":1,"claims":' + b"[" * 100_000


def huge(world: World) -> None:
    """Let the file be larger than what is read."""
    os.truncate(world.path(), MAX_DOCUMENT + 1)


def newer(world: World) -> bytes:
    """Return the snapshot of a run that starts just now."""
    now = times.rfc3339(times.now())
    run = msgspec.structs.replace(world.before.head.run, id="newer", started_at=now)
    return good(world, run=run)


def overtaken(world: World) -> None:
    """Let a newer run store while this one lists."""

    def fault(path: str, _query: dict[str, str]) -> None:
        if CLAIMS in path:
            world.keep(newer(world))

    world.cluster.fault = fault


# Usage files


def has_pending_day(world: World) -> None:
    """Let the snapshot of before have a closed day whose file is not written yet."""
    day = closed(str(date.today() - timedelta(days=2)), objects("web", 3600))
    usage = UsageState(closed=(day.day,), pending=(day,))
    world.before = replace(world.before, usage=usage)
    world.keep(documents.encode(world.before))


def usage_file(kind: str) -> Setup:
    """Have a day to write, and something in the place of its file or of all of them."""

    def setup(world: World) -> None:
        has_pending_day(world)
        store = world.directory / "store"
        if kind == "folder":
            (store / "usage").write_text("in the way")
            return
        path = store / str(FileKey(date.today() - timedelta(days=2), world.name))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"another")

    return setup


def usage_refused(status: int, code: str) -> Setup:
    """Have a day to write, and an S3 that does not take its file."""

    def setup(world: World) -> None:
        has_pending_day(world)
        world.use_s3()
        others = world.faults.get("usage")

        def fault(method: str, path: str) -> Answer | None:
            mine = method.startswith("PUT") and path.endswith(f"/{world.name}.csv.gz")
            if mine:
                return status, code
            return others(method, path) if others else None

        world.faults["usage"] = fault

    return setup


# Directories


def locked(world: World) -> None:
    """Let another process hold the lock of the directory."""
    lock = world.stack.enter_context((world.directory / "store" / ".lock").open("w"))
    fcntl.flock(lock, fcntl.LOCK_EX)


def full_disk(world: World) -> None:
    """Let no file become as large as a snapshot is."""
    world.prefix = ("prlimit", "--fsize=4096")


def leased(world: World) -> None:
    """Have a file that cannot be opened: this process has a lease on it, and keeps it."""
    world.stack.enter_context(lease(world.path()))
    world.environ["RUN_DEADLINE_SECONDS"] = "4"


def replaced(kind: str, name: str = "snapshot.json") -> Setup:
    """Put something that is not a file in the place of one."""

    def setup(world: World) -> None:
        place(kind, world.directory / "store" / name.replace("CLUSTER", world.name))

    return setup


def no_directory(world: World) -> None:
    """Name a directory below a file."""
    world.environ["STORE_DIR"] = world.environ["KUBECONFIG"] + "/store"
