"""Two collectors, and a mistake in any step of one of them: the other one is unharmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import Struct

from support.pods import Pods
from support.toy import NodePods, PodsByNode
from support.toy_rows import PodList
from xpjob.collect.before import Before
from xpjob.collect.contract import Section
from xpjob.metrics.table import Column, Table

Break = Callable[..., Any]


def _raises(*_: object) -> Any:
    raise ZeroDivisionError


def _section(**parts: Any) -> Break:
    def finish(_: PodsByNode, *_args: object) -> Section:
        return Section(**{"tables": {"nodePods": []}, **parts})

    return finish


def _metrics(labels: tuple[str, ...], name: str, key: tuple[Any, ...], value: Any) -> Break:
    def metrics(_: PodsByNode, *_args: object) -> Iterator[Table]:
        table = Table(labels, (Column(name, "Help."),))
        table.add(key, value)
        yield table

    return metrics


class Strange(Struct):
    """A state that nobody has declared."""

    podList: int = 0  # noqa: N815 - the key of another's table


class Unencodable:
    """No JSON can hold it."""


BREAKS = {
    "plan raises": ("plan", _raises),
    "plan returns nothing": ("plan", lambda *_: None),
    "plan returns something else": ("plan", lambda *_: [1]),
    "no reader": ("reader", lambda *_: None),
    "reader raises": ("reader", _raises),
    "recall raises": ("recall", _raises),
    "finish raises": ("finish", _raises),
    "finish returns nothing": ("finish", lambda *_: None),
    "another's table": ("finish", _section(tables={"podList": []})),
    "a key of the snapshot": ("finish", _section(tables={"generatedAt": []})),
    "a state that is not declared": ("finish", _section(state=Strange())),
    "rows that cannot be encoded": ("finish", _section(tables={"nodePods": [Unencodable()]})),
    "a text that cannot be encoded": (
        "finish",
        _section(tables={"nodePods": [NodePods("\ud800", 1)]}),
    ),
    "rows that are none": ("finish", _section(tables={"nodePods": 5})),
    "metrics raise": ("metrics", _raises),
    "metrics are none": ("metrics", lambda *_: None),
    "a label too few": ("metrics", _metrics(("node", "zone"), "toy_pods", ("n",), 1)),
    "a label that is no text": ("metrics", _metrics(("node",), "toy_pods", (7,), 1)),
    "a value that is no number": ("metrics", _metrics(("node",), "toy_pods", ("n",), "many")),
}


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("method", "broken"), BREAKS.values(), ids=BREAKS)
def test_a_mistake_costs_only_the_collector_that_made_it(
    pods: Pods, method: str, broken: Break, first: bool
) -> None:
    """In the run before it was well: what it had then is kept, and says since when."""
    pods.run(PodsByNode(), PodList())
    before = pods.stored()
    wrong = type("Wrong", (PodsByNode,), {method: broken})()
    pair = (wrong, PodList()) if first else (PodList(), wrong)
    result = pods.run(*pair)
    after = pods.stored()
    assert (list(result.errors), result.report.partial) == ([], True)
    outcomes = {outcome["collector"]: outcome for outcome in after["collectors"]}
    assert outcomes["pods"]["success"]
    assert not outcomes["toy"]["success"]
    assert outcomes["toy"]["carriedSince"] == before["generatedAt"]
    assert after["nodePods"] == before["nodePods"]
    assert len(after["podList"]) == 11
    text = (pods.directory / "xpjob.prom").read_text()
    assert 'toy_pods{node="node-1"} 4.0' in text
    assert 'pod_list_pods{namespace="team-0"} 6.0' in text


def test_a_metric_family_belongs_to_the_first_that_has_it(pods: Pods) -> None:
    """Two descriptions of one family would make the whole exposition unreadable."""
    wrong = type("Wrong", (PodsByNode,), {"metrics": _metrics((), "pod_list_pods", (), 1)})()
    pods.run(PodList(), wrong)
    assert [outcome["success"] for outcome in pods.stored()["collectors"]] == [True, False]
    text = (pods.directory / "xpjob.prom").read_text()
    assert text.count("# TYPE pod_list_pods gauge") == 1


def test_a_number_that_is_infinite_is_unknown_everywhere_alike(pods: Pods) -> None:
    """JSON has neither; the push must not say what the snapshot cannot."""
    numbers = _metrics(("node",), "toy_pods", ("n",), float("inf"))
    odd = type("Odd", (PodsByNode,), {"metrics": numbers})()
    assert list(pods.run(odd).errors) == []
    assert 'toy_pods{node="n"} NaN' in (pods.directory / "xpjob.prom").read_text()


def test_the_first_run_of_all_may_have_one_that_fails(pods: Pods) -> None:
    """There is nothing to keep: its tables are empty, and it says that it failed."""
    wrong = type("Wrong", (PodsByNode,), {"finish": _raises})()
    result = pods.run(wrong, PodList())
    assert (list(result.errors), result.report.partial) == ([], True)
    stored = pods.stored()
    assert (stored["nodePods"], len(stored["podList"])) == ([], 11)
    assert [outcome["carriedSince"] for outcome in stored["collectors"]] == ["", ""]


def test_when_every_one_fails_the_report_says_of_each_how(pods: Pods) -> None:
    """Nothing is published, and the snapshot stays."""
    pods.run(PodsByNode(), PodList())
    before = pods.stored()
    first = type("First", (PodsByNode,), {"finish": _raises})()
    second = type("Second", (PodList,), {"finish": _raises})()
    result = pods.run(first, second)
    assert [error.exit_code for error in result.errors] == [1]
    assert [outcome.success for outcome in result.report.collectors] == [False, False]
    assert pods.stored() == before


def test_what_is_kept_is_let_go_when_it_recovers(pods: Pods) -> None:
    """It keeps the time of the run that made it over several failures."""
    pods.run(PodsByNode(), PodList())
    since = pods.stored()["generatedAt"]
    wrong = type("Wrong", (PodsByNode,), {"finish": _raises})()
    for _ in range(2):
        pods.run(wrong, PodList())
        assert pods.stored()["collectors"][0]["carriedSince"] == since
    seen: list[str] = []

    class Looking(PodsByNode):
        def recall(self, before: Before) -> None:
            seen.append(before.generated_at)

    pods.run(Looking(), PodList())
    assert seen == [since]
    outcome = pods.stored()["collectors"][0]
    assert (outcome["success"], outcome["carriedSince"]) == (True, "")
