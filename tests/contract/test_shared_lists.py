"""Two collectors of one list: it is made once, and neither notices the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from support.capacity import POD
from support.pods import Pods
from support.toy import PodsByNode, ToyOptions
from support.toy_rows import Named, Pod, PodList
from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Plan, Section, Subscription, World
from xpjob.collect.fetch import fetch
from xpjob.collect.shared import Wish
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import Catalogue
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.metrics.table import Table
from xpjob.run.plan import PlanningWorld, connected
from xpjob.terminal.progress import Silent


class Unlabelled(Struct):
    """An object whose metadata is no map."""

    metadata: int = 0


def test_a_list_that_two_want_is_made_once(pods: Pods) -> None:
    """Both tables are in the snapshot, and both families are exposed."""
    result = pods.run(PodsByNode(), PodList())
    assert (list(result.errors), result.report.partial) == ([], False)
    assert pods.asked() == ["/api/v1/pods"] * 3
    stored = pods.stored()
    assert sum(row["pods"] for row in stored["nodePods"]) == len(stored["podList"]) == 11
    assert [table["key"] for table in stored["tables"]] == ["nodePods", "podList"]
    text = (pods.directory / "xpjob.prom").read_text()
    assert 'toy_pods{node="node-1"} 4.0' in text
    assert 'pod_list_pods{namespace="team-0"} 6.0' in text


def test_a_token_that_expires_begins_it_anew_for_both(pods: Pods) -> None:
    """What came before the 410 counts for neither."""
    expired: list[str] = []

    def expire(path: str, query: dict[str, str]) -> None:
        if "continue" in query and not expired:
            expired.append(path)
            pods.cluster.compact()

    pods.cluster.fault = expire
    pods.run(PodsByNode(), PodList())
    assert pods.asked() == ["/api/v1/pods"] * 5
    stored = pods.stored()
    assert sum(row["pods"] for row in stored["nodePods"]) == len(stored["podList"]) == 11
    assert [target["restarts"] for target in stored["targets"]] == [1, 1]


def test_one_that_fails_costs_only_itself(pods: Pods) -> None:
    """Even if it is for a programming error; it keeps what it had, and says since when."""
    pods.run(PodsByNode(), PodList())
    before = pods.stored()

    class Broken(PodsByNode):
        def finish(self, *_: object) -> Section:
            raise ZeroDivisionError

    pods.cluster.delete(POD, "team-1", "web-1")
    result = pods.run(Broken(), PodList())
    stored = pods.stored()
    assert (list(result.errors), result.report.partial) == ([], True)
    assert stored["nodePods"] == before["nodePods"]
    assert len(stored["podList"]) == 10
    toy, other = stored["collectors"]
    assert (toy["success"], toy["carriedSince"]) == (False, before["generatedAt"])
    assert (other["success"], other["carriedSince"]) == (True, "")
    outcome = (pods.directory / "xpjob-run.prom").read_text()
    assert 'xpjob_collector_success{collector="toy"} 0.0' in outcome
    assert 'xpjob_collector_success{collector="pods"} 1.0' in outcome
    assert 'toy_pods{node="node-1"} 4.0' in (pods.directory / "xpjob.prom").read_text()


def test_a_reader_that_fails_on_a_page_costs_only_itself(pods: Pods) -> None:
    """The other one gets every page."""

    class Counter:
        def page(self, objects: object) -> None:
            raise ZeroDivisionError

        def result(self) -> None:
            """Never come here."""

    class Broken(PodsByNode):
        def reader(self, subscription: object) -> Any:
            return Counter()

    result = pods.run(Broken(), PodList())
    assert [outcome.success for outcome in result.report.collectors] == [False, True]
    assert len(pods.stored()["podList"]) == 11


def test_one_that_wants_a_part_is_served_by_the_list_of_all(pods: Pods) -> None:
    """A namespace or labels are chosen from it; a field selector has a list of its own."""
    for number in (1, 3):
        item = pods.cluster.objects(POD)[number]
        item["metadata"]["labels"] = {"app": "web"}
    pods.run(PodsByNode(), PodList(["team-1"]))
    assert pods.asked() == ["/api/v1/pods"] * 3
    assert {row["namespace"] for row in pods.stored()["podList"]} == {"team-1"}
    pods.run(PodsByNode(), PodList([""], "app=web"))
    assert pods.asked() == ["/api/v1/pods"] * 3
    assert len(pods.stored()["podList"]) == 2
    pods.run(PodList([""], "app=web"))
    assert pods.asked() == ["/api/v1/pods app=web"]


def test_a_list_that_fails_is_kept_by_each_in_its_own_way(pods: Pods) -> None:
    """One keeps its section, the other the rows of that list."""
    pods.run(PodsByNode(), PodList(["team-0", "team-1"]))
    before = pods.stored()
    pods.cluster.fault = lambda path, _: Fault(403) if "/pods" in path else None
    result = pods.run(PodsByNode(), PodList(["team-0", "team-1"]))
    assert [error.exit_code for error in result.errors] == [4]
    assert pods.stored() == before
    pods.cluster.fault = lambda path, _: Fault(403) if "team-0" in path else None
    result = pods.run(PodList(["team-0", "team-1"]))
    assert (list(result.errors), result.report.partial) == ([], True)
    rows = pods.stored()["podList"]
    kept = {row["name"] for row in rows if row["carriedSince"] == before["generatedAt"]}
    assert (len(rows), len(kept)) == (11, 6)


def test_a_list_of_all_that_is_refused_does_not_cost_those_who_want_a_part(pods: Pods) -> None:
    """Rights in some namespaces are enough for whoever asks for those."""
    pods.run(PodsByNode(), PodList(["team-0", "team-1"]))
    before = pods.stored()
    pods.cluster.fault = lambda path, _: Fault(403) if path == "/api/v1/pods" else None
    result = pods.run(PodsByNode(), PodList(["team-0", "team-1"]))
    assert [outcome.success for outcome in result.report.collectors] == [False, True]
    assert (list(result.errors), result.report.partial) == ([], True)
    after = pods.stored()
    assert after["nodePods"] == before["nodePods"]
    assert not any(row.get("carriedSince") for row in after["podList"])
    assert len(after["podList"]) == 11


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"selector": "app in ((web)"}, id="a selector that cannot be read"),
        pytest.param({"wire": Unlabelled}, id="a type that has no metadata to select by"),
        pytest.param({"wire": dict[str, object]}, id="no struct"),
        pytest.param({"made": None}, id="no reader"),
        pytest.param({"made": Counter()}, id="a reader that cannot read"),
    ],
)
def test_a_subscription_that_is_wrong_costs_only_its_collector(
    pods: Pods, odd: dict[str, Any]
) -> None:
    """The list is shared with one that is right."""

    class Odd(PodList):
        name, tables = "odd", ()

        def plan(self, world: World) -> Plan:
            key = ListKey(Gvr("", "v1", "pods"), "team-0", odd.get("selector", ""))
            return Plan([Subscription(key, odd.get("wire", Pod), kind="Pod", role="listed")])

        def reader(self, subscription: Subscription) -> Any:
            return odd["made"] if "made" in odd else super().reader(subscription)

        def finish(self, *_: Any) -> Section:
            return Section({})

        def metrics(self, section: Section, at: str) -> Iterator[Table]:
            yield from ()

    result = pods.run(Odd(), PodsByNode())
    assert result.report.collectors[1].success
    assert sum(row["pods"] for row in pods.stored()["nodePods"]) == 11


@pytest.mark.parametrize(
    "wire", [msgspec.defstruct("Loose", [("metadata", Named), ("spec", Any, None)]), dict[str, Any]]
)
def test_one_that_reads_a_field_as_another_type_has_the_same_pages(pods: Pods, wire: Any) -> None:
    """They are decoded once more, not requested once more."""
    nodes: Counter[str] = Counter()

    class Loose:
        def page(self, objects: Sequence[Any]) -> None:
            for item in objects:
                spec = item["spec"] if isinstance(item, dict) else item.spec
                nodes[spec["nodeName"]] += 1

        def result(self) -> None:
            """Return nothing."""

    class Other(PodsByNode):
        name, tables = "other", ()

        def plan(self, world: World) -> Plan:
            return Plan([Subscription(ListKey(Gvr("", "v1", "pods")), wire, kind="Pod")])

        def reader(self, subscription: Subscription) -> Any:
            return Loose()

        def finish(self, *_: Any) -> Section:
            return Section({})

        def metrics(self, section: Section, at: str) -> Iterator[Table]:
            yield from ()

    result = pods.run(PodsByNode(), Other())
    assert (list(result.errors), result.report.partial) == ([], False)
    assert pods.asked() == ["/api/v1/pods"] * 3
    assert {row["node"]: row["pods"] for row in pods.stored()["nodePods"]} == nodes
    assert sum(nodes.values()) == 11


def test_the_longest_list_starts_first(pods: Pods) -> None:
    """As long as they were in the run before; results keep the order of the plan."""
    several, attempt = PodList(["team-0", "team-1", "team-9"]), Attempt("pods")
    api = connected(pods.config())
    world = PlanningWorld(api, Catalogue(()), ToyOptions(), 4, 1)
    wishes = [Wish(several, attempt, each) for each in several.plan(world).subscriptions]
    sizes = {("", "pods", "team-0"): 6, ("", "pods", "team-9"): 20}
    listed = fetch(wishes, api, Silent(), page_size=500, concurrency=1, sizes=sizes)
    order = [path.split("/")[4] for path, _ in pods.cluster.requests]
    assert order == ["team-9", "team-0", "team-1"]
    assert [item.outcome.records for item in listed] == [6, 5, 0]


def test_lengths_that_become_known_late_count_for_the_lists_that_are_left(pods: Pods) -> None:
    """The store of the run before may be read after the first lists have started."""
    sizes: dict[tuple[str, str, str], int] = {}

    class Late(Silent):
        def done(self, key: ListKey) -> None:
            sizes.update({("", "pods", "team-1"): 1, ("", "pods", "team-9"): 20})

    several, attempt = PodList(["team-0", "team-1", "team-9"]), Attempt("pods")
    api = connected(pods.config())
    world = PlanningWorld(api, Catalogue(()), ToyOptions(), 4, 1)
    wishes = [Wish(several, attempt, each) for each in several.plan(world).subscriptions]
    listed = fetch(wishes, api, Late(), page_size=500, concurrency=1, sizes=sizes)
    order = [path.split("/")[4] for path, _ in pods.cluster.requests]
    assert order == ["team-0", "team-9", "team-1"]
    assert [item.outcome.records for item in listed] == [6, 5, 0]


def test_two_collectors_may_not_claim_one_key(pods: Pods) -> None:
    """That is a mistake in the program, found before any work."""

    class Twin(PodList):
        name = "twin"

    with pytest.raises(ValueError, match="podList"):
        pods.run(PodList(), Twin())


def test_a_list_of_metadata_is_served_by_that_of_whole_objects(pods: Pods) -> None:
    """Where another collector wants these; alone it asks for metadata only."""

    class Names(PodList):
        name = "names"
        tables = (replace(PodList.tables[0], key="nameList"),)

        def plan(self, world: World) -> Plan:
            key = ListKey(Gvr("", "v1", "pods"), "team-1", metadata_only=True)
            return Plan([Subscription(key, Pod, kind="Pod", role="listed")])

        def finish(self, *given: Any) -> Section:
            section = super().finish(*given)
            return Section({"nameList": section.tables["podList"]})

        def metrics(self, section: Section, at: str) -> Iterator[Table]:
            yield from ()

    for collectors in ((Names(), PodsByNode()), (PodsByNode(), Names())):
        pods.run(*collectors)
        assert pods.asked() == ["/api/v1/pods"] * 3
        assert {row["node"] for row in pods.stored()["nameList"]} != {""}
    pods.run(Names())
    assert set(pods.asked()) == {"/api/v1/namespaces/team-1/pods"}
    rows = pods.stored()["nameList"]
    assert (len(rows), {row["node"] for row in rows}) == (5, {""})
