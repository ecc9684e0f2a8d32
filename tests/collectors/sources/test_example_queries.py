"""The queries of the examples, asked of a real Prometheus that scraped a real Pushgateway."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support import source_examples as examples
from support.asking import Asking
from support.processes import POOL, prometheus, pushgateway, scraping

_RECORDED = examples.RECORDED / "queries.txt"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """All examples over their objects, pushed and scraped."""
    path = tmp_path_factory.mktemp("queries")
    lines = [
        line
        for name in examples.NAMES
        for line in examples.series(examples.example(name), examples.objects(name))
    ]
    body = "\n".join(lines) + "\n"
    with pushgateway(path) as gateway:
        answer = POOL.request("PUT", f"{gateway}/metrics/job/xpjob", body=body)
        assert answer.status == 200, answer.data
        with prometheus(path, **scraping(gateway)) as url:
            asking = Asking(url)
            deadline = time.monotonic() + 30
            while not asking("push_time_seconds"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            yield asking


def test_each_query_of_an_example_has_the_recorded_answer(
    ask: Asking, request: pytest.FixtureRequest
) -> None:
    """Never an empty one; of what depends on the time of the query, only how many results."""
    lines: list[str] = []
    for name in examples.NAMES:
        for query in examples.queries(name):
            lines += [f"{name}: {query}", *_answers(ask, query)]
    found = "\n".join(lines) + "\n"
    if request.config.getoption("--update-golden"):
        _RECORDED.write_text(found)
    assert found == _RECORDED.read_text()


def _answers(ask: Asking, query: str) -> list[str]:
    found = ask(query)
    assert found, query
    if "time()" in query:
        return [f"  {len(found)} results"]
    return [f"  {', '.join(labels)}: {value:.6g}" for labels, value in sorted(found.items())]
