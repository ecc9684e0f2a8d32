"""Bounds of hosts, of computing, and of the memory of answers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, snapshot
from xpjob.base.errors import DeadlineError, TransientError
from xpjob.config.option import Config
from xpjob.net import deadline
from xpjob.reader import flights, loader, patience, workshop
from xpjob.reader.flights import Flight, Flights, UnavailableError
from xpjob.reader.hosts import Hosts, parse_host
from xpjob.reader.options import ReaderOptions
from xpjob.reader.patience import LateStore, PatientStore
from xpjob.reader.workshop import Workshop
from xpjob.store.base import MemoryStore, Stored


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Return the service with some thousand records, one of them with an emoji."""
    monkeypatch.setattr(loader, "SMALL", 1 << 30)  # loaded by this process
    store = FakeStore()
    whole = snapshot(many=3000)
    whole.claims[7].message = "🚀"
    store.save(whole)
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost", "LOCALHOST.:80", "localhost:", "[::1]:8080")),
        *((host, 200) for host in ("127.0.0.1", "10.2.3.4:8080", "[fe80::1%25eth0]", "[::1]")),
        *((host, 200) for host in ("xpjob.example.org", "reader.ops.svc:8080", "a.b.svc")),
        *(
            (host, 421)
            for host in ("evil.example", "evil.example:8080", "svc", "reader.ops.svc.evil")
        ),
        *((host, 421) for host in ("xpjob.example.org.evil.example", "localhost.evil.example", "")),
        *(
            (host, 421)
            for host in ("evilxpjob.example.org", "127.0.0.1.evil.example", "[::1", "[a]")
        ),
        *(
            (host, 421)
            for host in ("localhost:x", "localhost@evil.example", "localhost evil", "0x7f.1")
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/tables", "/healthz", "/nowhere"])
def test_only_known_hosts_are_answered_for(host: str, status: int, path: str) -> None:
    """Addresses, loopback names, and those that are configured; the rest may be rebound names."""
    names = ("xpjob.example.org", "*.svc")
    reader = make_reader(FakeStore(), Config.of(ReaderOptions(reader_hosts=names)))
    answer = reader.client.get(path, headers={"Host": host})
    if status == 421:
        assert answer.status_code == 421
        assert answer.json()["type"] == "urn:xpjob:problem:unknown-host"
        assert "READER_HOSTS" in answer.json()["detail"]
    else:
        assert answer.status_code != 421


@pytest.mark.parametrize("text", ["http://a", "a:80", "*", "a.*", "a b", "*.", "a..b", "a" * 300])
def test_what_is_no_host_is_a_mistake(text: str) -> None:
    """It would never match."""
    with pytest.raises(ValueError, match="invalid host"):
        parse_host(text)
    assert not Hosts(()).answers_for(text)


def test_wildcards_and_dimensions_are_few(large: Reader) -> None:
    """More than any sensible question has are refused."""
    large.refused("/bookkeeping?" + "&".join(["name=a*b*c"] * 17), 400, "too-many-wildcards")
    by = "class,group,version,kind,namespace,team,creator"
    large.refused(f"/bookkeeping/summary?by={by}", 400, "bad-value")
    assert large.json("/bookkeeping?name=" + "*a" * 16 + "*&limit=1")["total"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/bookkeeping?name=*x*&limit=1",
        "/bookkeeping?q=word",
        "/bookkeeping?since=1s&limit=2",
        "/bookkeeping?team=payments&ready=false",
        "/bookkeeping?sort=-name",
        "/bookkeeping/summary?by=team",
        "/bookkeeping/findings?team=payments",
        "/bookkeeping?format=csv",
        "/tables/claims?kind=*x*",
        "/tables/claims/summary?by=kind",
        "/search?q=extra",
        "/teams/payments",
    ],
)
def test_what_takes_too_long_is_given_up(
    large: Reader, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a 503 that says so, and when to come again; the next question is answered."""
    large.json("/search?q=prepares+all+tables")  # which is another matter

    class Over(deadline.Deadline):
        def __init__(self, _seconds: float) -> None:
            super().__init__(0)

    with monkeypatch.context() as patch:
        patch.setattr(workshop, "Deadline", Over)
        if path.endswith("csv"):
            assert large.get(path).status_code == 200, "a piece takes no time"
            return
        problem = large.refused(path, 503, "too-long")
        assert "narrow" in problem["detail"]
        assert large.get(path).headers["retry-after"] == "5"
    assert large.get(path).status_code == 200


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("query", ["", "&sort=-name", "&ready=false", "&fields=name,message"])
def test_pieces_are_the_whole(large: Reader, form: str, query: str) -> None:
    """A long answer, in pieces and gzipped, has every row, in order."""
    pages: list[str] = []
    token = ""
    while True:
        page = large.json(f"/tables/claims?limit=1000{query}&continue={token}")
        pages += [row["name"] for row in page["rows"]]
        if not (token := page["continue"]):
            break
    path = f"/tables/claims?format={form}{query}"
    plain, packed = large.get(path), large.get(path, Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    if form == "json":
        names = [row["name"] for row in plain.json()["rows"]]
    elif form == "csv":
        names = [row["name"] for row in csv.DictReader(io.StringIO(plain.text))]
        pages = [f"'{name}" if name == "=cmd()" else name for name in pages]
    else:
        names = [json.loads(line)["name"] for line in plain.text.splitlines()]
    assert names == pages
    if not query or "fields" in query:
        assert "🚀" in plain.text


def test_an_answer_can_be_cut_off_more_than_once() -> None:
    """Several that wait for its memory may do so, also while it ends."""

    async def attack() -> bool:
        async with asyncio.timeout(60) as limit:
            flight = Flight(1, True, frozenset({"tag"}), limit)
            flight.cut()
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                flight.cut()
                raise
        return False

    with pytest.raises(TimeoutError):
        asyncio.run(attack())


async def _hold(held: Flights, size: int, until: asyncio.Event, *, long: bool = True) -> str:
    try:
        async with held.flight(size, ["tag"], long=long) as flight:
            flight.piece_since = asyncio.get_running_loop().time()
            await until.wait()
    except UnavailableError as error:
        return error.code
    except TimeoutError:
        return "cut off"
    return "sent"


def test_answers_in_flight_share_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit waits; what is not read is cut off for it; long ones leave a part."""
    monkeypatch.setattr(flights, "_STALLED_SECONDS", 0.2)

    async def attack() -> list[str]:
        held, never, soon = Flights(8 << 20), asyncio.Event(), asyncio.Event()
        stalled = [asyncio.create_task(_hold(held, 3 << 20, never)) for _ in range(2)]
        await asyncio.sleep(0)
        short = asyncio.create_task(_hold(held, 1 << 20, soon, long=False))
        await asyncio.sleep(0)
        assert held.used == 7 << 20
        waiting = asyncio.create_task(_hold(held, 3 << 20, soon))
        cut = [await task for task in stalled]
        soon.set()
        return [*cut, await short, await waiting]

    result = asyncio.run(attack())
    assert result[:2] == ["cut off", "cut off"]
    assert result[3] == "sent"


def test_who_waits_for_memory_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a 503 after a while, and at once where many wait already."""
    monkeypatch.setattr(flights, "_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(flights, "_WAITING", 2)
    monkeypatch.setattr(flights, "_STALLED_SECONDS", 60.0)

    async def attack() -> list[str]:
        held, never = Flights(8 << 20), asyncio.Event()
        tasks = [asyncio.create_task(_hold(held, 6 << 20, never)) for _ in range(5)]
        refused = [await task for task in tasks[1:]]
        held.keep_only({"other"})
        return [await tasks[0], *refused]

    assert asyncio.run(attack()) == ["cut off", "busy", "busy", "busy", "busy"]


def test_few_bytes_wait_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short answers are whole while they wait; one may wait whatever its size."""
    monkeypatch.setattr(flights, "_WAIT_SECONDS", 30.0)
    monkeypatch.setattr(flights, "_STALLED_SECONDS", 60.0)

    async def attack() -> list[str]:
        held, soon = Flights(8 << 20), asyncio.Event()
        first = asyncio.create_task(_hold(held, 8 << 20, soon, long=False))
        await asyncio.sleep(0)
        tasks = [asyncio.create_task(_hold(held, 4 << 20, soon, long=False)) for _ in range(4)]
        refused = [await task for task in tasks[1:]]
        assert not tasks[0].done()
        soon.set()
        return [await first, await tasks[0], *refused]

    assert asyncio.run(attack()) == ["sent", "sent", "busy", "busy", "busy"]


def test_long_work_holds_up_only_its_like() -> None:
    """Each kind of work has a turn of its own, and stopping ends all."""

    def long() -> None:
        while True:
            deadline.check()
            time.sleep(0.001)

    async def ask() -> list[str]:
        shop = Workshop(Flights(8 << 20))
        searches = [asyncio.create_task(shop.work(long, "long", 60, 60)) for _ in range(3)]
        assert await asyncio.wait_for(shop.work(lambda: "at once", "short"), 20) == "at once"
        shop.stop()
        started = time.monotonic()
        ended = await asyncio.gather(*searches, return_exceptions=True)
        assert time.monotonic() - started < 20  # of 60 s
        return [getattr(error, "code", "") for error in ended]

    assert asyncio.run(ask()) == ["too-long"] * 3


class Hanging(MemoryStore):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Wait, and return a document."""
        self.asked += 1
        self.go.wait(30)
        return Stored(b"{}", "etag")


def _until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_store_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few requests are left behind, and it is asked again when they have ended."""
    monkeypatch.setattr(patience, "_OVERDUE_SECONDS", 0.05)
    store = Hanging()
    patient = PatientStore(LateStore(lambda: store), 0.1)
    for _ in range(12):
        with pytest.raises(TransientError, match=r"reading snapshot\.json"):
            patient.get("snapshot.json")
    _until(lambda: store.asked >= patience._LEFT_BEHIND)  # the threads have begun
    assert store.asked == patience._LEFT_BEHIND
    assert patient.overdue()
    patient._seconds = 10
    store.go.set()
    _until(lambda: not patient.overdue())
    stored = patient.get("snapshot.json")
    assert stored
    assert stored.etag == "etag"


def test_what_could_not_be_begun_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because no time was left, or because there may be no more threads."""
    store = Hanging()
    store.go.set()
    patient = PatientStore(LateStore(lambda: store), 10)
    over = deadline.Deadline(0)
    for _ in range(2 * patience._LEFT_BEHIND):
        with over.running(), pytest.raises(DeadlineError):
            patient.get("snapshot.json")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        for _ in range(2 * patience._LEFT_BEHIND):
            with pytest.raises(RuntimeError):
                patient.get("snapshot.json")
    assert not patient.overdue()
    assert patient.get("snapshot.json") == Stored(b"{}", "etag")


def no_thread(_: threading.Thread) -> None:
    """Fail as where the limit of processes is reached."""
    raise RuntimeError("can't start new thread")
