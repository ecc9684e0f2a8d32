"""Clients that hold connections, drip, do not read, and ask for as much work as they can."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

Client = Callable[["Hostile", socket.socket, random.Random], Awaitable[None]]


@contextmanager
def attacking(url: str, count: int, kinds: Sequence[str] = ()) -> Iterator[None]:
    """Attack within a block, which begins when all have connected once.

    A process of its own does it, so that it does not slow down who measures.
    """
    command = [sys.executable, __file__, url, str(count), *kinds]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"attacking\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(30)


class Hostile:
    """Keeps ``count`` such connections open, of all kinds in turn."""

    def __init__(self, url: str, count: int, kinds: Sequence[str] = ()) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._left = self._count = count
        self._kinds = tuple(kinds) or tuple(KINDS)

    def attack(self) -> None:
        """Attack until standard input ends."""
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._loop.add_reader(sys.stdin, self._over.set)
        self._loop.run_until_complete(self._attack())

    async def _attack(self) -> None:
        tasks = [
            asyncio.create_task(self._one(self._kinds[number % len(self._kinds)], number))
            for number in range(self._count)
        ]
        await self._over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, kind: str, number: int) -> None:
        rand = random.Random(number)
        while True:
            connection = socket.socket()
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                await self._loop.sock_connect(connection, (self._host, self._port))
                self._left -= 1
                if not self._left:
                    sys.stdout.write("attacking\n")
                    sys.stdout.flush()
                await KINDS[kind](self, connection, rand)
            except OSError:
                pass
            finally:
                connection.close()
            await asyncio.sleep(0.05)

    async def send(self, connection: socket.socket, data: bytes) -> None:
        """Send."""
        await self._loop.sock_sendall(connection, data)

    async def until_ended(self, connection: socket.socket) -> None:
        """Wait until the server ends the connection; read nothing before."""
        while True:
            await asyncio.sleep(0.5)
            try:
                if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    return
                # A byte too many is refused where the server has gone.
                connection.send(b"")
                if _reset(connection):
                    return
            except BlockingIOError:
                continue

    async def read(self, connection: socket.socket, size: int) -> bytes:
        """Read what is there, at most so much; empty when the server has ended it."""
        return await self._loop.sock_recv(connection, size)


def _reset(connection: socket.socket) -> bool:
    """Tell whether the server has closed or reset a connection, without reading from it."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] != 1  # TCP_ESTABLISHED


HEAD = b"Host: localhost\r\nAccept-Encoding: identity\r\n"
PACKED = b"Host: localhost\r\nAccept-Encoding: gzip\r\n"


async def _idle(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
    await hostile.until_ended(connection)


async def _half(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
    await hostile.send(connection, b"GET / HTTP/1.1\r\nHost: loc")
    await hostile.until_ended(connection)


async def _dripping(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
    for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 10_000:
        await hostile.send(connection, bytes([byte]))
        await asyncio.sleep(0.5)


async def _body(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
    await hostile.send(connection, b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 9999\r\n\r\n")
    for _ in range(9999):
        await hostile.send(connection, b"x")
        await asyncio.sleep(0.5)


async def _kept(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
    await hostile.send(connection, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n")
    await hostile.until_ended(connection)


def _unread(path: bytes, head: bytes = HEAD) -> Client:
    async def ask(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
        await hostile.send(connection, b"GET " + path + b" HTTP/1.1\r\n" + head + b"\r\n")
        await hostile.until_ended(connection)

    return ask


def _slow(path: bytes) -> Client:
    async def ask(hostile: Hostile, connection: socket.socket, _rand: random.Random) -> None:
        await hostile.send(connection, b"GET " + path + b" HTTP/1.1\r\n" + HEAD + b"\r\n")
        more = True
        while more:
            more = bool(await hostile.read(connection, 512))
            await asyncio.sleep(0.5)

    return ask


def _greedy(*paths: str) -> Client:
    """Ask again and again, each time for something else, and read all answers."""

    async def ask(hostile: Hostile, connection: socket.socket, rand: random.Random) -> None:
        path = rand.choice(paths).replace("RANDOM", str(rand.randrange(10**9)))
        head = f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"
        await hostile.send(connection, head.encode())
        while await hostile.read(connection, 65536):
            pass

    return ask


async def _garbage(hostile: Hostile, connection: socket.socket, rand: random.Random) -> None:
    await hostile.send(connection, b"\x16\x03\x01" + rand.randbytes(200) + b"\r\n\r\n")
    while await hostile.read(connection, 4096):
        pass


BOMB = "*a" * 10 + "*b"
KINDS: dict[str, Client] = {
    "idle": _idle,
    "half-sent": _half,
    "dripping": _dripping,
    "dripping body": _body,
    "kept": _kept,
    "unread JSON": _unread(b"/bookkeeping"),
    "unread CSV": _unread(b"/bookkeeping?format=csv"),
    "unread gzip": _unread(b"/bookkeeping?format=ndjson", PACKED),
    "unread pages": _unread(b"/bookkeeping?limit=100"),
    "slow JSON": _slow(b"/bookkeeping?sort=name"),
    "wildcards": _greedy(
        f"/bookkeeping?name={BOMB}RANDOM&name={BOMB}x&limit=1",
        "/bookkeeping?q=a+b+c+d+RANDOM&limit=1",
        "/tables/mrs?name=" + "*a" * 30 + "RANDOM&limit=1",
        "/bookkeeping/summary?by=kind,namespace,team,creator,reason,composition&name=*RANDOM*",
    ),
    "garbage": _garbage,
}
"""What each kind of client does with a connection."""

if __name__ == "__main__":
    Hostile(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).attack()
