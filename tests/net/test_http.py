"""One HTTP request, against servers that misbehave."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import socket
import threading
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest
import urllib3

from xpjob.base.errors import TransientError
from xpjob.config.secrets import Secret
from xpjob.net import http, response
from xpjob.net.bodies import DOCUMENT, AnswerTooLargeError, Whole, whole
from xpjob.net.http import Timeouts

Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk) -> Iterator[str]:
    """Serve one connection with ``talk``, which gets the socket after the request was read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=10)


def get(url: str, total: float = 5.0, most: int = DOCUMENT) -> response.Response:
    """GET with the given deadline, and a bound of the body."""
    timeouts = Timeouts(2.0, total)
    with urllib3.PoolManager() as pool:
        return http.request(pool, "GET", url, headers={}, timeouts=timeouts, into=whole(most))


def test_a_gzipped_answer_is_undone() -> None:
    """The caller sees the document."""
    body = gzip.compress(b"x" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with server(lambda s: s.sendall(head.encode() + body)) as url:
        assert get(url).body == b"x" * 1_000_000


def test_a_server_that_says_nothing_is_given_up() -> None:
    """With the time that was waited."""
    done = threading.Event()
    with server(lambda _: (done.wait(5), None)[1]) as url:
        with pytest.raises(TransientError, match=r"no (complete )?answer within 0\.2 s"):
            get(url, total=0.2)
        done.set()


def test_a_cut_off_body_is_no_answer() -> None:
    """Half a document must never be taken for a whole one."""
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"
    with server(lambda s: s.sendall(half)) as url, pytest.raises(TransientError):
        get(url)


def test_a_cut_off_gzip_body_is_no_answer() -> None:
    """Also where its length was not announced."""
    body = gzip.compress(b"some document " * 10_000)[:-20]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    with (
        server(lambda s: s.sendall(head + body)) as url,
        pytest.raises(TransientError, match="truncated"),
    ):
        get(url)


def answering(status: int, encoding: str, *parts: bytes) -> Talk:
    """Answer with a body in parts, each of which is a chunk of HTTP."""
    head = f"HTTP/1.1 {status} X\r\nContent-Encoding: {encoding}\r\n"
    if not parts and status == 204:
        return lambda s: s.sendall(head.encode() + b"\r\n")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    return lambda s: s.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "X-GZip", " gzip "])
def test_gzip_has_two_names_in_any_case(encoding: str) -> None:
    """As of RFC 9110."""
    with server(answering(200, encoding, gzip.compress(b"{}"))) as url:
        assert get(url).body == b"{}"


@pytest.mark.parametrize("status", [200, 202, 204, 302, 401, 403, 404, 410, 503])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_no_body_is_not_gzip_that_was_cut_off(status: int, encoding: str) -> None:
    """Servers and proxies label answers without a body, too."""
    with server(answering(status, encoding)) as url:
        answer = get(url)
    assert (answer.status, answer.body) == (status, b"")


MEMBERS = (b'{"items":[', b"1, 2", b"", b"]}")


@pytest.mark.parametrize("size", [1, 2, 7, 31, 10_000])
@pytest.mark.parametrize(
    "end", [b"", bytes(512), b"\n", b"\0\x1f\x8b\x08", bytes(31) + b"\x1f\x8b\x08"]
)
def test_gzip_of_several_members_is_one_body(
    size: int, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the pieces end that are read; what follows the last member is ignored."""
    monkeypatch.setattr(http, "_CHUNK", size)
    packed = b"".join(map(gzip.compress, MEMBERS)) + end
    with server(answering(200, "gzip", packed)) as url:
        assert get(url).body == b"".join(MEMBERS)


def test_a_member_that_starts_with_a_piece_is_read() -> None:
    """Also where the piece before it ended with the last byte of a member."""
    pieces = [random.Random(n).randbytes(1 << 19) for n in range(4)]
    packed = [b"".join(gzip_of(piece, http._CHUNK)) for piece in pieces]
    assert {len(each) for each in packed} == {http._CHUNK}
    with server(answering(200, "gzip", *packed)) as url:
        assert get(url).body == b"".join(pieces)


def gzip_of(content: bytes, size: int) -> Iterator[bytes]:
    """Yield a member of gzip of exactly this size: what it lacks is a comment in its header."""
    plain = gzip.compress(content, mtime=0)
    yield plain[:3] + b"\x10" + plain[4:10]
    yield b"x" * (size - len(plain) - 1) + b"\0"
    yield plain[10:]


@pytest.mark.parametrize("cut", [1, 5, 9, 12, 21])
def test_a_member_that_is_cut_off_is_no_answer(cut: int) -> None:
    """Half a document must never be taken for a whole one, where its first half is a member."""
    packed = gzip.compress(MEMBERS[0]) + gzip.compress(MEMBERS[3])[:-cut]
    with (
        server(answering(200, "gzip", packed)) as url,
        pytest.raises(TransientError, match="truncated"),
    ):
        get(url)


DOCUMENT_OF_AN_ERROR = b'{"message":"no rights to list ' + b"pods " * 50 + b'"}'


@pytest.mark.parametrize("status", [302, 401, 403, 404, 410, 500])
@pytest.mark.parametrize(
    ("body", "start"),
    [
        (DOCUMENT_OF_AN_ERROR, DOCUMENT_OF_AN_ERROR),
        (gzip.compress(DOCUMENT_OF_AN_ERROR), DOCUMENT_OF_AN_ERROR),
        (gzip.compress(DOCUMENT_OF_AN_ERROR)[:-8], DOCUMENT_OF_AN_ERROR),
        (gzip.compress(DOCUMENT_OF_AN_ERROR)[:-8] + bytes(8), b""),
        (gzip.compress(b"no rights") + b"\x1f not a gzip member", b"no rights"),
        (b"\x1f\x8b", b""),
        (b"\x1f not gzip", b""),
    ],
    ids=["not gzip", "gzip", "cut off", "damaged", "damaged later", "a start", "not even a start"],
)
def test_the_status_of_an_error_does_not_depend_on_its_body(
    status: int, body: bytes, start: bytes
) -> None:
    """What can be read of it is kept, for the message."""
    with server(answering(status, "gzip", body)) as url:
        answer = get(url)
    assert (answer.status, answer.body) == (status, start)


@pytest.mark.parametrize(
    "body", [b"{}", gzip.compress(b"{}")[:-8] + bytes(8)], ids=["not gzip", "damaged"]
)
def test_a_success_that_cannot_be_unpacked_is_no_answer(body: bytes) -> None:
    """Another attempt may give a whole one."""
    with server(answering(200, "gzip", body)) as url, pytest.raises(TransientError):
        get(url)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    ],
)
def test_whatever_trickles_is_cut_at_the_deadline(start: bytes) -> None:
    """Per-read time-outs alone would wait for ever: in headers, chunks, gzip or the body."""
    done = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            while not done.wait(0.05):
                connection.sendall(b"x")

    with server(trickle) as url:
        with pytest.raises(TransientError, match=r"no complete answer within 0\.3 s"):
            get(url, total=0.3)
        done.set()


def test_a_bomb_is_not_unpacked() -> None:
    """A small answer that would fill the memory is unpacked up to its bound, in pieces."""
    bomb = gzip.compress(gzip.compress(bytes(1 << 30))[:1000] + bytes(1 << 28))
    for body in (bomb, gzip.compress(b"another member") + bomb):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = head.encode() + body
        with server(lambda s, answer=answer: s.sendall(answer)) as url:  # type: ignore[misc]
            tracemalloc.start()
            with pytest.raises(AnswerTooLargeError, match="larger than 4 MiB"):
                get(url, most=4 << 20)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 12 << 20


def test_many_members_are_given_up_in_time() -> None:
    """Members without content reach no bound, and thousands of them are in one piece."""
    given_up = threading.Event()
    first, members = gzip.compress(b"x"), gzip.compress(b"") * 1000
    written: list[bytes] = []

    class GivenUp(Whole):
        def write(self, piece: bytes) -> bool:
            written.append(piece)
            given_up.set()
            return super().write(piece)

    raw = urllib3.HTTPResponse(
        io.BytesIO(first + members), {"Content-Encoding": "gzip"}, 200, preload_content=False
    )
    with pytest.raises(OSError, match="given up"):
        http._read(raw, GivenUp(), given_up)
    assert written == [b"x"]


def endless(status: int, *headers: str) -> Talk:
    """Answer with this status, and never stop."""
    head = "\r\n".join((f"HTTP/1.1 {status} X", *headers, "", ""))

    def talk(connection: socket.socket) -> None:
        connection.sendall(head.encode())
        piece = b"10000\r\n" + bytes(65536) + b"\r\n" if headers else bytes(65536)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(piece)

    return talk


@pytest.mark.parametrize("headers", [(), ("Transfer-Encoding: chunked",)])
def test_an_endless_answer_ends_at_its_bound(headers: tuple[str, ...]) -> None:
    """With or without a length of its pieces; the connection is closed."""
    with (
        server(endless(200, *headers)) as url,
        pytest.raises(AnswerTooLargeError, match="larger than 1 MiB"),
    ):
        get(url, most=1 << 20)


@pytest.mark.parametrize("status", [302, 401, 403, 500])
def test_of_an_error_only_the_start_is_read(status: int) -> None:
    """Enough to quote it, however long it is."""
    with server(endless(status)) as url:
        answer = get(url)
    assert (answer.status, len(answer.body)) == (status, 256 << 10)


def test_an_answer_that_was_given_up_is_not_read_on() -> None:
    """The thread that reads it ends: nothing fills the memory after a timeout."""
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(1 << 20))
                time.sleep(0.02)
        ended.set()

    with server(talk) as url:
        with pytest.raises(TransientError, match="no complete answer"):
            get(url, total=0.3, most=1 << 40)
        assert ended.wait(10)


def test_nobody_listening_is_told_in_plain_words() -> None:
    """The operating system's own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransientError, match="refused"):
        get(f"http://127.0.0.1:{port}/")


def test_a_name_that_does_not_exist_is_told() -> None:
    """The .invalid domain never resolves."""
    with pytest.raises(TransientError, match="cannot be resolved"):
        get("http://no-such-host.invalid/")


def test_a_redirect_is_not_followed() -> None:
    """Credentials must not travel to where a server points."""
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(lambda s: s.sendall(head)) as url:
        assert get(url).status == 302


def test_an_excerpt_is_one_printable_line() -> None:
    """Whatever the peer sends, a log stays a log."""
    answer = response.Response(500, {}, b"<html>\n\x1b[31mno\xff</html>" + b"x" * 5000)
    assert answer.excerpt().startswith("<html> [31mno")
    assert len(answer.excerpt()) <= 500
    assert response.Response(500, {}, b"").excerpt() == "(empty answer)"
    # What follows a semicolon would be taken for advice.
    assert response.Response(500, {}, b"boom;\n call root").excerpt() == "boom, call root"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("", 0), ("Wed, 21 Oct", 0), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_in_seconds(header: str, seconds: float) -> None:
    """What is no number and no date, or past, says nothing."""
    assert response.Response(429, {"Retry-After": header}, b"").retry_after() == seconds


def test_retry_after_may_be_a_date() -> None:
    """Seconds from now, whatever the day."""
    header = formatdate(time.time() + 3600, usegmt=True)
    assert 3500 < response.Response(429, {"Retry-After": header}, b"").retry_after() <= 3600


def test_retry_after_may_be_absurd() -> None:
    """Nobody waits longer than the policy says, so it only must not fail."""
    assert response.Response(429, {"Retry-After": "9" * 400}, b"").retry_after() > 0
    assert response.Response(429, {"Retry-After": "9" * 5000}, b"").retry_after() == 0


@pytest.mark.parametrize(
    ("status", "headers", "by_proxy"),
    [
        (407, {}, True),
        (403, {"X-Squid-Error": "ERR_ACCESS_DENIED 0"}, True),
        (502, {"proxy-status": "egress; error=dns_error; rcode=NXDOMAIN"}, True),
        (401, {"Proxy-Status": "egress; next-hop=registry.example.org"}, False),
        (403, {"Via": "1.1 squid"}, False),
    ],
)
def test_the_answer_of_a_proxy_itself(status: int, headers: dict[str, str], by_proxy: bool) -> None:
    """As opposed to one that it passes on, with headers of its own."""
    assert response.Response(status, headers, b"").by_proxy() == by_proxy


@pytest.mark.parametrize(
    "credential", ["Bearer tok en", "Basic " + b64encode(b"u:tok en").decode()]
)
def test_an_answer_is_as_it_was_sent_and_quoted_without_the_credential(credential: str) -> None:
    """Also where the excerpt would cut it, or change its white space."""
    body = b'{"code":401,"text":"' + b"x" * 470 + b' tok en"}'
    secret = Secret(credential)
    answer = response.Response(200, {}, body, secret)
    assert answer.body == body
    assert "tok en" not in answer.excerpt()
    assert "(not sh" in answer.excerpt()
    assert credential.split(maxsplit=1)[1] not in repr(response.Response(200, {}, b"", secret))
