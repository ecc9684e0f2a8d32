"""Rows of operators: of OLM's two versions, and of OpenShift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.clusters import (
    Json,
    cluster_operator,
    cluster_version,
    condition,
    csv,
    extension,
    subscription,
)
from xpjob.collectors.clusters import facts, metrics, olm
from xpjob.collectors.clusters.extensions import extension_row
from xpjob.collectors.clusters.openshift import highest, operator_row, version_facts
from xpjob.collectors.clusters.records import NodeRow, OperatorRow
from xpjob.collectors.clusters.wire import (
    ClusterExtension,
    ClusterOperator,
    ClusterVersion,
    Csv,
    OlmSubscription,
)


def joined(subscriptions: Sequence[Json], csvs: Sequence[Json] | None) -> list[OperatorRow]:
    """Return the rows of these objects."""
    return olm.join(
        [olm.subscription_row(msgspec.convert(each, OlmSubscription)) for each in subscriptions],
        None if csvs is None else [olm.csv_row(msgspec.convert(each, Csv)) for each in csvs],
        {},
    )


def pending(reason: str) -> Json:
    """Return the condition of a Subscription whose InstallPlan is not done."""
    return condition("InstallPlanPending", "True", reason)


def sub(installed: str = "a.v1", current: str = "", **more: Any) -> Json:
    """Return a Subscription of the package a."""
    return subscription("a", "ns", installed, current, **more)


BAD_SOURCE = condition("CatalogSourcesUnhealthy", "True", "UnhealthyCatalogSource", "all sources")
_DONE = condition("Installed")
_MANUAL = {"approval": "Manual", "state": "UpgradePending"}

SUBSCRIBED: dict[str, tuple[Json, list[Json] | None, dict[str, Any]]] = {
    "up to date": (
        sub(),
        [csv("a.v1", "ns")],
        {"state": "Succeeded", "healthy": True, "succeeded": True, "upgrade_pending": False},
    ),
    "the CSV of another namespace is another": (
        sub(),
        [csv("a.v1", "other")],
        {"state": "", "healthy": False, "succeeded": False, "message": "there is no CSV a.v1"},
    ),
    "being installed": (
        sub(),
        [csv("a.v1", "ns", "Installing")],
        {"state": "Installing", "healthy": None, "succeeded": False},
    ),
    "failed": (
        sub(),
        [csv("a.v1", "ns", "Failed")],
        {"healthy": False, "succeeded": False, "message": "InstallCheck: phase Failed"},
    ),
    "not installed yet": (
        sub("", "a.v1"),
        [],
        {"installed": False, "succeeded": False, "healthy": None, "upgrade_pending": False},
    ),
    "an unhealthy source, and a version that works": (
        sub(conditions=[BAD_SOURCE]),
        [csv("a.v1", "ns")],
        {
            "healthy": False,
            "succeeded": True,
            "message": "CatalogSourcesUnhealthy: UnhealthyCatalogSource: all sources",
        },
    ),
    "waits by its condition": (
        sub("a.v1", "a.v2", conditions=[pending("RequiresApproval")]),
        [csv("a.v1", "ns")],
        {"approval_required": True, "upgrade_pending": True, "next_version": "a.v2"},
    ),
    "waits by its state": (
        sub("a.v1", "a.v2", **_MANUAL),
        [csv("a.v1", "ns")],
        {"approval_required": True},
    ),
    "approved, and being installed": (
        sub("a.v1", "a.v2", conditions=[pending("Installing")], **_MANUAL),
        [csv("a.v1", "ns")],
        {"approval_required": False, "upgrade_pending": True},
    ),
    "upgrades by itself": (
        sub("a.v1", "a.v2", state="UpgradePending"),
        [csv("a.v1", "ns")],
        {"approval_required": False},
    ),
    "no CSVs could be listed": (
        sub(),
        None,
        {"state": "", "healthy": None, "succeeded": None, "installed": True},
    ),
}


@pytest.mark.parametrize("name", SUBSCRIBED)
def test_a_subscription_and_its_csv_are_one_operator(name: str) -> None:
    """Objects, and what the row says."""
    item, csvs, expected = SUBSCRIBED[name]
    rows = [row for row in joined([item], csvs) if row.name]
    (row,) = rows
    assert {key: getattr(row, key) for key in expected} == expected


def test_joining_twice_is_joining_once() -> None:
    """The core may finish a section again with the same results."""
    subscriptions = [olm.subscription_row(msgspec.convert(sub(), OlmSubscription))]
    csvs = [olm.csv_row(msgspec.convert(csv("a.v1", "ns", "Failed"), Csv))]
    first = msgspec.json.encode(olm.join(subscriptions, csvs, {"ns": ["*"]}))
    assert msgspec.json.encode(olm.join(subscriptions, csvs, {"ns": ["*"]})) == first


@pytest.mark.parametrize(
    ("item", "package"),
    [
        (csv("packageserver", "olm"), "packageserver"),
        (csv("foo.bar.v1.2.3", "ns"), "foo.bar"),
        (csv("foo.1.2.3", "ns"), "foo"),
        (csv("x.v1", "ns", labels={"operators.coreos.com/my-foo.ns": ""}), "my-foo"),
    ],
)
def test_a_csv_without_a_subscription_is_an_operator(item: Json, package: str) -> None:
    """It is named after its package, so that an upgrade keeps the series."""
    (row,) = joined([], [item])
    assert (row.operator, row.name, row.installed, row.healthy) == (package, "", True, True)


def test_versions_that_come_or_go_are_no_operators() -> None:
    """While one replaces the other."""
    leaving, coming = csv("a.v1", "ns", "Replacing"), csv("a.v2", "ns", "Installing")
    rows = joined([sub("a.v1", "a.v2")], [leaving, coming, csv("b.v1", "ns", "Deleting")])
    assert [(row.operator, row.state) for row in rows] == [("a", "Replacing")]


@pytest.mark.parametrize(
    ("conditions", "state", "healthy", "succeeded"),
    [
        ([_DONE, condition("Progressing", "True", "Succeeded")], "Installed", True, True),
        ([_DONE, condition("Progressing", "True", "Retrying")], "Retrying", False, False),
        ([_DONE, condition("Progressing", "False", "Blocked")], "Blocked", False, False),
        ([condition("Installed", "False", "Failed", "no")], "NotInstalled", False, False),
        ([condition("Installed", "Unknown")], "Unknown", None, False),
        ([], "Unknown", None, None),
    ],
)
def test_a_cluster_extension_is_an_operator(
    conditions: list[Json], state: str, healthy: bool | None, succeeded: bool | None
) -> None:
    """It is named after its package; pending upgrades are not known."""
    row = extension_row(msgspec.convert(extension("foo", "1.0.0", *conditions), ClusterExtension))
    assert (row.state, row.healthy, row.succeeded) == (state, healthy, succeeded)
    assert (row.operator, row.name, row.version) == ("foo", "my-foo", "1.0.0")
    assert (row.upgrade_pending, row.approval_required) == (None, None)


@pytest.mark.parametrize(
    ("conditions", "state", "healthy"),
    [
        ({"Available": "True", "Degraded": "False"}, "Available", True),
        ({"Available": "True", "Degraded": "True"}, "Degraded", False),
        ({"Available": "False"}, "Unavailable", False),
        ({"Available": "Unknown"}, "Unknown", None),
        ({"Available": "maybe"}, "Unknown", None),
        ({}, "Unknown", None),
    ],
)
def test_a_cluster_operator_has_a_state(
    conditions: Mapping[str, str], state: str, healthy: bool | None
) -> None:
    """What is not known is neither good nor bad; conditions stay apart."""
    row = operator_row(msgspec.convert(cluster_operator("dns", **conditions), ClusterOperator))
    assert (row.state, row.healthy, row.version) == (state, healthy, "4.18.1")
    assert (row.progressing, row.upgradeable) == ("", "")
    assert bool(row.message) == (healthy is False)


def test_the_facts_of_a_cluster_version() -> None:
    """Of updates the highest, which is not the first."""
    made = cluster_version(
        "4.18.2",
        [("Completed", "4.18.2")],
        conditions=[condition("Progressing", "True")],
        updates=("4.18.9", "4.18.10", "4.19.0-rc.1"),
    )
    rows = {row.fact: row for row in version_facts(msgspec.convert(made, ClusterVersion))}
    assert rows["openshiftUpgrading"].value == 1  # the same version, and something is rolled out
    updates = rows["openshiftAvailableUpdates"]
    assert (updates.value, updates.text) == (3, "4.19.0-rc.1")


def version_values(**status: Any) -> dict[str, float | None]:
    """Return the numbers of a ClusterVersion with this status."""
    made = {"metadata": {"name": "version"}, "status": status}
    rows = version_facts(msgspec.convert(made, ClusterVersion))
    return {row.fact: row.value for row in rows}


def test_updates_that_were_not_retrieved_are_not_0() -> None:
    """Lists that are null mean none only if they could be retrieved."""
    updates = ("openshiftAvailableUpdates", "openshiftConditionalUpdates")
    for conditions in ([], [condition("RetrievedUpdates", "False", "NoChannel")]):
        found = version_values(availableUpdates=None, conditions=conditions)
        assert not found.keys() & {*updates}
    retrieved = [condition("RetrievedUpdates", "True")]
    found = version_values(availableUpdates=None, conditions=retrieved)
    assert [found[name] for name in updates] == [0, 0]
    found = version_values(availableUpdates=[], conditions=[])
    assert found["openshiftAvailableUpdates"] == 0


def test_a_cluster_version_without_a_status_is_not_said_to_be_upgraded_or_not() -> None:
    """Neither the condition nor a desired version says so."""
    name = "openshiftUpgrading"
    assert name not in version_values()
    assert version_values(conditions=[condition("Progressing", "False")])[name] == 0
    assert version_values(desired={"version": "4.18.2"})[name] == 1


def test_two_subscriptions_of_a_package_are_one_operator() -> None:
    """Series are 1 or 0, and the worse of the two; sums count the operator once."""
    rows = joined([sub("a.v1"), sub("a.v2")], [csv("a.v1", "ns"), csv("a.v2", "ns", "Failed")])
    rows += joined([sub("a.v1")], [csv("a.v1", "ns")])
    for row in rows:
        row.upgrade_pending = row.approval_required = True
    values = {
        table.columns[0].name: [value for (value,) in table.rows.values()]
        for table in metrics.operators(rows)
    }
    assert values["clusterpulse_operator_installed"] == [1]
    assert values["clusterpulse_operator_succeeded"] == [0]
    assert values["clusterpulse_operator_upgrade_pending"] == [1]
    assert values["clusterpulse_operator_approval_required"] == [1]
    assert {row.fact: row.value for row in facts.of_operators(rows)} == {
        "operators": 1,
        "operatorsFailed": 1,
        "operatorsUpgradePending": 1,
        "operatorsApprovalRequired": 1,
    }


def test_an_amount_that_no_node_has_is_not_0() -> None:
    """One that some have is their sum; without nodes there is nothing."""

    def sums(*nodes: NodeRow) -> dict[str, float | None]:
        return {row.fact: row.value for row in facts.of_nodes(nodes)}

    amounts = {"cpuCapacity", "cpuAllocatable", "memoryCapacity", "memoryAllocatable"}
    assert not sums(NodeRow(node="a"), NodeRow(node="b")).keys() & amounts
    found = sums(NodeRow(node="a", cpu_capacity=4.0), NodeRow(node="b"))
    assert found.keys() & amounts == {"cpuCapacity"}
    assert found["cpuCapacity"] == 4
    assert sums()["cpuCapacity"] == 0


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], ""),
        (["4.18.9", "4.18.10"], "4.18.10"),
        (["4.19.0-rc.2", "4.19.0"], "4.19.0"),
        (["4.19.0-rc.10", "4.19.0-rc.2"], "4.19.0-rc.10"),
        (["4.19.0-alpha", "4.19.0-1"], "4.19.0-alpha"),
        (["1.0.0+build", "0.9"], "1.0.0+build"),
    ],
)
def test_the_highest_version_is_that_of_semver(versions: list[str], expected: str) -> None:
    """Numbers as numbers; pre-releases come before."""
    assert highest(versions) == expected


@given(st.lists(st.text(max_size=20)))
def test_any_version_can_be_ordered(versions: list[str]) -> None:
    """Whatever a server writes."""
    assert highest(versions) in [*versions, ""]
