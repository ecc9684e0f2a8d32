"""When the certificate of a server expires, as its handshake shows."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
import urllib3

from xpjob.net import certificates

UNTIL = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=12)


class _Closing(BaseHTTPRequestHandler):
    """Answers, and closes the connection, so that its socket is gone with the answer."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(directory: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Serve with a certificate that expires; yield the URL and a context that trusts it."""
    ca = trustme.CA()
    issued = ca.issue_cert("127.0.0.1", not_after=UNTIL)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(server_side)
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    with HTTPServer(("127.0.0.1", 0), _Closing) as server:
        server.socket = server_side.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/", trusting
        server.shutdown()
        thread.join()


def test_the_end_of_a_certificate_is_seen(tmp_path: Path) -> None:
    """With each new connection, although the server closes it at once."""
    seen: list[datetime] = []
    with served(tmp_path) as (url, context), urllib3.PoolManager(ssl_context=context) as pool:
        certificates.watch(pool, seen.append)
        assert pool.request("GET", url).data == b"fine"
    assert seen == [UNTIL]


def test_a_certificate_that_is_not_trusted_tells_nothing(tmp_path: Path) -> None:
    """Anybody could have made it."""
    seen: list[datetime] = []
    with served(tmp_path) as (url, _), urllib3.PoolManager() as pool:
        certificates.watch(pool, seen.append)
        with pytest.raises(urllib3.exceptions.SSLError):
            pool.request("GET", url, retries=False)
    assert seen == []
