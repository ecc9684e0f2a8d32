"""Questions to a Prometheus."""

from __future__ import annotations

import json

from support.processes import POOL

Answer = dict[tuple[str, ...], float]


class Asking:
    """A Prometheus that has scraped some runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, query: str) -> Answer:
        """Return the answer: label values, sorted by label name, to value."""
        answer = POOL.request("GET", f"{self._url}/api/v1/query", fields={"query": query})
        document = json.loads(answer.data)
        assert document["status"] == "success", document
        return {
            tuple(value for _, value in sorted(item["metric"].items())): float(item["value"][1])
            for item in document["data"]["result"]
        }
