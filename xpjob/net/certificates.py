"""The certificates that servers show in the TLS handshake."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime, timezone

import urllib3
from urllib3.connection import HTTPSConnection


def watch(pool: urllib3.PoolManager, seen: Callable[[datetime], None]) -> None:
    """Report when the certificate of each new connection of a pool expires.

    A handshake that fails reports nothing: only a verified certificate is decoded.
    """

    class Watched(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            shown = getattr(self.sock, "getpeercert", lambda: None)()
            if isinstance(shown, dict) and isinstance(until := shown.get("notAfter"), str):
                seen(datetime.fromtimestamp(ssl.cert_time_to_seconds(until), timezone.utc))

    class Pool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Watched

    pool.pool_classes_by_scheme = {**pool.pool_classes_by_scheme, "https": Pool}
