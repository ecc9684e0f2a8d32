"""A server whose answers do not come, or do not end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SILENT, DRIPPING, ENDLESS, ENDLESS_ERROR = "silent", "dripping", "endless", "endless error"


@contextmanager
def never_ending(kind: str) -> Iterator[str]:
    """Serve every connection like that on a free loopback port; yield the URL."""
    over = threading.Event()
    status = "403 Forbidden" if kind == ENDLESS_ERROR else "200 OK"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nETag: x\r\n\r\n".encode()

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            if kind == SILENT:
                over.wait(60)
                return
            connection.sendall(head)
            while not over.is_set():
                connection.sendall(b" " if kind == DRIPPING else b" " * 65536)
                if kind == DRIPPING:
                    time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
