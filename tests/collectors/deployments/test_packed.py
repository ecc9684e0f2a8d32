"""Rows in columns, as the next run reads them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.inventories import Inventory
from support.workloads import A, deployment, pod, reported
from xpjob.collectors.deployments.packed import Packed, Rows, State, pack
from xpjob.collectors.deployments.rows import Deployment, with_others
from xpjob.collectors.deployments.since import Memory

AT, LATER = "2026-08-21T09:00:00Z", "2026-08-21T10:00:00Z"
FEW = st.sampled_from(["", "a", "b", "ä"])
ROWS = st.lists(
    st.builds(
        Deployment,
        namespace=FEW,
        workload=FEW,
        container=FEW,
        container_kind=st.sampled_from(["container", "init", "imageVolume"]),
        image=FEW,
        digest=FEW,
        pods=st.integers(0, 2),
        since=st.sampled_from(["", AT]),
        until=st.sampled_from(["", AT]),
        absent_runs=st.integers(0, 3),
        tags=st.dictionaries(FEW, FEW, max_size=2),
        risks=st.lists(FEW, max_size=2).map(tuple),
        config_ids=st.lists(FEW, max_size=2).map(tuple),
        controllers=st.lists(FEW, max_size=2).map(tuple),
        owner_known=st.booleans(),
        attestation=st.sampled_from(["", "found"]),
    ),
    unique_by=lambda row: row.order,
    max_size=12,
).map(lambda rows: sorted(rows, key=lambda row: row.order))


def stored(rows: list[Deployment]) -> Packed:
    """Return rows in columns, written and read again."""
    packed = msgspec.json.decode(msgspec.json.encode(State(pack(rows))), type=State)
    assert packed.deployment_memory is not None
    return packed.deployment_memory


@given(ROWS)
def test_rows_come_back_as_they_were(rows: list[Deployment]) -> None:
    """All fields of all of them, in order; places without making rows."""
    found = Rows(stored(rows))
    assert list(found) == rows
    assert [*found[:2]] == rows[:2]
    assert list(found.places()) == [row.identity for row in rows]


@pytest.mark.parametrize("workloads", [256, 257, 65_537])
def test_positions_have_as_many_bytes_as_it_takes(workloads: int) -> None:
    """Among any number of different values."""
    rows = [Deployment(namespace="n", workload=f"w{number}") for number in range(workloads)]
    found = Rows(stored(rows))
    assert (found[0], found[-1 % workloads]) == (rows[0], rows[-1])


@pytest.mark.parametrize(
    "broken",
    [
        lambda packed: msgspec.structs.replace(packed, positions=packed.positions[:1]),
        lambda packed: msgspec.structs.replace(packed, positions=(b"\x07", *packed.positions[1:])),
        lambda packed: msgspec.structs.replace(packed, positions=(b"", *packed.positions[1:])),
    ],
    ids=["a column is missing", "beyond the values", "too short"],
)
def test_columns_that_do_not_fit_are_refused(broken: Any) -> None:
    """Nothing is remembered by halves."""
    with pytest.raises(ValueError, match="column"):
        Rows(broken(pack([Deployment(namespace="n")])))


@given(ROWS, ROWS)
def test_rows_of_two_runs_are_compared_by_identity(
    before: list[Deployment], rows: list[Deployment]
) -> None:
    """What goes on is since the earliest that was there; what nothing continues is returned."""
    known = {uid for row in rows if row.owner_known for uid in row.controllers}
    own = {row.identity for row in rows}
    expected = [
        row
        for row in before
        if row.identity not in own and (row.owner_known or not known.intersection(row.controllers))
    ]
    times = {
        row.order: [
            each.since
            for each in before
            if each.identity == row.identity and (each.live or each.absent_runs < 2)
        ]
        for row in rows
    }
    assert Memory().of(before).complete(rows, LATER) == expected
    for row in rows:
        if row.owner_known is False or times[row.order]:
            assert row.since == min(filter(None, times[row.order]), default=LATER)


@given(ROWS, ROWS)
def test_others_are_put_in_their_places(rows: list[Deployment], others: list[Deployment]) -> None:
    """As sorting all would, with those that are there first."""
    expected = sorted([*rows, *others], key=lambda row: row.order)
    assert with_others(rows, reversed(others)) == expected


def test_a_snapshot_without_columns_is_read_whole(site: Inventory) -> None:
    """Of an earlier version, or one whose columns do not fit: times go on."""
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner, "ghcr.io/shop/web:v1", reported("ghcr.io/shop/web:v1", A)))
    site.collect()
    document = site.stored()
    (row,) = document["deployments"]
    for memory in ({}, {"deploymentMemory": {**document["deploymentMemory"], "positions": []}}):
        rest = {key: each for key, each in document.items() if key != "deploymentMemory"}
        (site.directory / "store" / "snapshot.json").write_text(json.dumps(rest | memory))
        (again,) = site.collect()
        assert again["since"] == row["since"]
