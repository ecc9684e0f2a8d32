"""Objects put straight into etcd, as the API server would store them."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterable
from itertools import islice
from typing import Any

_PUTS = 120  # etcd takes 128 in one transaction


class Etcd:
    """The etcd of a control plane, by its JSON gateway."""

    def __init__(self, url: str) -> None:
        """Use the etcd at this address."""
        self._url = url

    def get(self, key: str) -> bytes:
        """Return the value of a key, which must exist."""
        found = self._ask("range", {"key": _text(key.encode())})["kvs"][0]["value"]
        return base64.b64decode(found)

    def put(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Put keys with their values."""
        pairs = iter(pairs)
        while puts := [
            {"requestPut": {"key": _text(key.encode()), "value": _text(value)}}
            for key, value in islice(pairs, _PUTS)
        ]:
            self._ask("txn", {"success": puts})

    def _ask(self, what: str, body: Any) -> Any:
        url, data = f"{self._url}/v3/kv/{what}", json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
            return json.load(answer)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
