"""Connections whose clients are waited for, on a real server."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from support.certificates import Certificates, issue
from xpjob.net import connections
from xpjob.net.connections import FULL, PROBES
from xpjob.net.serving import Background, configuration, listen

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BUSY = threading.Semaphore(0)
"""Released by each request that is not answered."""
SECONDS, KEEP_ALIVE = 0.3, 3
"""Each time-out, and that after an answer, where a connection has to end."""
PLENTY = 30
"""Each time-out where clients do as they should: no busy machine is so slow."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once; below /large more than any buffer takes, below /never not at all."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/never":
        BUSY.release()
        await asyncio.sleep(60)
    status = 503 if scope[FULL] and scope["path"] not in PROBES else 200
    body = b"x" * (8 << 20 if scope["path"] == "/large" else 2)
    length = str(len(body)).encode()
    headers = [(b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(
    monkeypatch: pytest.MonkeyPatch, seconds: float, keep_alive: int
) -> Iterator[tuple[str, int]]:
    """Serve with such time-outs and few places."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", seconds)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", seconds)
    monkeypatch.setattr(connections, "PLACES", 4)
    monkeypatch.setattr(connections, "SPARE", 2)
    listening = listen("127.0.0.1", 0)
    settings = configuration(app)  # type: ignore[arg-type]
    settings.timeout_keep_alive = keep_alive
    with Background(app, listening, settings):  # type: ignore[arg-type]
        yield listening.getsockname()


@contextmanager
def secured(files: Certificates) -> Iterator[tuple[str, int]]:
    """Serve over TLS."""
    listening = listen("127.0.0.1", 0)
    settings = configuration(app, files.certificate, files.key)  # type: ignore[arg-type]
    with Background(app, listening, settings):  # type: ignore[arg-type]
        yield listening.getsockname()


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Serve with short time-outs."""
    with served(monkeypatch, SECONDS, KEEP_ALIVE) as address:
        yield address


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Serve with time-outs that nobody meets."""
    while BUSY.acquire(blocking=False):
        pass  # of requests of other tests
    with served(monkeypatch, PLENTY, PLENTY) as address:
        yield address


def connected(address: tuple[str, int], data: bytes = b"", **options: Any) -> socket.socket:
    """Connect and send."""
    made = socket.create_connection(address, timeout=10, **options)
    if data:
        made.sendall(data)
    return made


def status(connection: socket.socket) -> int:
    """Return the status of the next answer, and read it whole; 0 if the connection has ended."""
    received = b""
    try:
        while not received.endswith(b"\r\n\r\nxx"):
            if not (part := connection.recv(65536)):
                return 0
            received += part
    except ConnectionError:
        return 0
    return int(received.split()[1])


def dropped(connection: socket.socket) -> bool:
    """Tell whether the server has ended a connection, without reading from it."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] != 1  # TCP_ESTABLISHED


def ends(connection: socket.socket) -> float:
    """Return how long it takes until the server ends a connection."""
    started, received = time.monotonic(), 0
    try:
        while part := connection.recv(65536):
            received += len(part)
    except ConnectionError:
        pass
    assert received < 8 << 20, "all of it was sent"
    return time.monotonic() - started


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        GET[:-2],
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
        GET,
        GET + GET[:-2],
        GET + b"POST /never HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1",
    ],
)
def test_a_request_that_does_not_come_is_not_waited_for(
    address: tuple[str, int], sent: bytes
) -> None:
    """Nothing, part of the headers, part of the body, or nothing after an answer."""
    with connected(address, sent) as connection:
        assert ends(connection) < 10


def test_dripping_does_not_help(address: tuple[str, int]) -> None:
    """The time is that for the whole request, whatever arrives meanwhile."""
    with connected(address) as connection:
        connection.settimeout(0.05)
        ended = time.monotonic() + 9
        answered = b""
        while time.monotonic() < ended:
            try:
                connection.sendall(b"a")
                answered += connection.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not answered:
                break
        assert time.monotonic() < ended
        assert answered == b"" or b" 408 " in answered


def test_an_answer_that_is_not_read_is_dropped(address: tuple[str, int]) -> None:
    """Also where the connection was to be closed after it."""
    request = GET.replace(b"/ ", b"/large ").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connected(address, request) as connection:
        given_up = time.monotonic() + 9
        while not dropped(connection):  # nothing is read meanwhile: that would help
            assert time.monotonic() < given_up
            time.sleep(0.01)
        ends(connection)  # before all of it was sent


def test_a_new_connection_takes_the_place_of_one_that_waits(patient: tuple[str, int]) -> None:
    """The one that has waited for longest goes."""
    waiting = []
    for _ in range(4):
        waiting.append(connected(patient, GET))
        assert status(waiting[-1]) == 200
    with connected(patient, GET) as newest:
        assert status(newest) == 200
        waiting[3].sendall(GET)
        assert status(waiting[3]) == 200
        assert status(waiting[0]) == 0
    for connection in waiting:
        connection.close()


def test_probes_have_places_of_their_own(patient: tuple[str, int]) -> None:
    """While all others are being answered, probes are, and other requests get a 503."""
    busy = [connected(patient, GET.replace(b"/ ", b"/never ")) for _ in range(4)]
    assert all(BUSY.acquire(timeout=10) for _ in busy)
    with connected(patient, GET) as one:
        assert status(one) == 503
        with connected(patient, GET.replace(b"/ ", b"/healthz ")) as probe:
            assert status(probe) == 200
    for connection in busy:
        connection.close()


def test_a_tls_handshake_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a socket like any other connection; one that comes is answered."""
    files = issue(tmp_path)
    monkeypatch.setattr(connections, "REQUEST_SECONDS", SECONDS)
    with secured(files) as address, connected(address) as silent:
        assert ends(silent) < 9
    monkeypatch.setattr(connections, "REQUEST_SECONDS", PLENTY)
    context = ssl.create_default_context(cafile=files.authority)
    with (
        secured(files) as address,
        connected(address) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as trusted,
    ):
        trusted.sendall(GET)
        assert status(trusted) == 200
