"""Idle, and sharing of it (vector 15), against fractions."""

from __future__ import annotations

import tempfile
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.usage_files import DAY, closed, of_list
from support.usage_reports import Used
from xpjob.usage.cells import IDLE, Cell
from xpjob.usage.period import Period
from xpjob.usage.question import Question, Share, shares
from xpjob.usage.sharing import share
from xpjob.usage.state import Amount, Key, Observed

HOUR = 3600
BOTH = tuple(Observed("capacity", f"/v1/{kind}s", HOUR, kind=kind) for kind in ("Pod", "Node"))
OCTOBER = {"from_": "2026-10-01", "to": "2026-10-02", "meter": "cpu_requests"}


@pytest.fixture
def used(tmp_path: Path) -> Used:
    """An empty store."""
    return Used(tmp_path / "store")


def cores(team: str, seconds: int, namespace: str = "", group: str = "") -> Amount:
    """Return core-seconds that a team requested."""
    key = Key("cpu_requests", team=team, namespace=namespace or team, node_group=group)
    return Amount(key, seconds * 1000)


def gives(seconds: int, group: str = "workers") -> Amount:
    """Return core-seconds that nodes had to give."""
    return Amount(Key("cpu_allocatable", node_group=group), seconds * 1000)


def seconds(used: Used, **values: str) -> dict[str, Fraction]:
    """Return core-seconds by the first dimension."""
    found = used.exact(**{**OCTOBER, **values})
    return {key[0]: Fraction(text) / 1000 for key, text in found.items()}


def test_idle_is_a_row_of_its_own(used: Used) -> None:
    """Allocatable 8 cores for an hour, payments 7200 and web 3600 core-seconds."""
    rows = gives(8 * HOUR), cores("payments", 7200), cores("web", 3600)
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    assert seconds(used) == {"payments": 7200, "web": 3600, "__idle__": 18_000}
    assert seconds(used, share="idle=none") == seconds(used)
    assert used.rows("team", "reserved", **OCTOBER)[-1] == ("__idle__", "idle")


def test_idle_is_shared_in_proportion(used: Used) -> None:
    """12000 and 6000 of it: 19200 + 9600 = 28800."""
    rows = gives(8 * HOUR), cores("payments", 7200), cores("web", 3600)
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    found = seconds(used, share="idle=proportional")
    assert found == {"payments": 19_200, "web": 9600}
    assert seconds(used, share="idle=even") == {"payments": 16_200, "web": 12_600}


def test_a_negative_idle_is_neither_hidden_nor_shared(used: Used) -> None:
    """Allocatable 2 cores, requested 2.1."""
    used.file(closed("2026-10-01", gives(2 * HOUR), cores("web", 7560), observed=BOTH))
    wanted = {"web": 7560, "__idle__": -360}
    assert seconds(used) == wanted
    assert seconds(used, share="idle=proportional") == wanted
    assert seconds(used, share="idle=even") == wanted


def test_idle_that_nobody_can_take_stays(used: Used) -> None:
    """Weights that are all zero lose nothing."""
    used.file(closed("2026-10-01", gives(HOUR), cores("web", 0), observed=BOTH))
    assert seconds(used, share="idle=proportional") == {"web": 0, "__idle__": HOUR}
    assert seconds(used, share="idle=even") == {"web": 0, "__idle__": HOUR}


@pytest.mark.parametrize(("nodes", "there"), [(HOUR, True), (3570, True), (3000, False)])
def test_idle_needs_both_lists_for_the_same_time(used: Used, nodes: int, there: bool) -> None:
    """Within one per cent of the day; else it would be wrong, and there is none."""
    scale = DAY // HOUR
    observed = (
        Observed("capacity", "/v1/pods", DAY, kind="Pod"),
        Observed("capacity", "/v1/nodes", nodes * scale, kind="Node"),
    )
    used.file(closed("2026-10-01", gives(HOUR), cores("web", 60), observed=observed))
    assert ("__idle__" in seconds(used)) == there


def test_idle_is_of_each_cluster(used: Used) -> None:
    """What is idle in one is not shared by the other's teams."""
    used.file(closed("2026-10-01", gives(100), cores("a", 10), observed=BOTH), cluster="one")
    used.file(closed("2026-10-01", gives(50), cores("b", 40), observed=BOTH), cluster="two")
    assert seconds(used, share="idle=proportional") == {"a": 100, "b": 50}
    assert used.exact(**OCTOBER, by="cluster,team") == {
        ("one", "a"): "10000",
        ("one", "__idle__"): "90000",
        ("two", "b"): "40000",
        ("two", "__idle__"): "10000",
    }


def test_idle_is_of_each_node_group_where_requests_tell_theirs(used: Used) -> None:
    """Else it is of the whole cluster."""
    rows = (
        *(gives(100, "x"), gives(100, "y")),
        *(cores("a", 60, group="x"), cores("b", 10, group="y"), cores("a", 10, group="y")),
        cores("c", 99, group="<virtual>"),
    )
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    assert seconds(used, share="idle=proportional") == {"a": 150, "b": 50, "c": 99}
    assert used.exact(**OCTOBER, by="nodeGroup,team") == {
        ("<virtual>", "c"): "99000",
        ("x", "a"): "60000",
        ("x", "__idle__"): "40000",
        ("y", "a"): "10000",
        ("y", "b"): "10000",
        ("y", "__idle__"): "80000",
    }


def test_groups_of_nodes_that_are_renamed_keep_their_idle(used: Used) -> None:
    """Idle of a group is shared among, and shown as, what the group is called in the report."""
    rows = gives(2 * HOUR, "old"), cores("a", HOUR, group="old")
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    renamed = {**OCTOBER, "map": "nodeGroup:old=new", "by": "team,nodeGroup"}
    assert used.exact(**renamed) == {
        ("a", "new"): str(HOUR * 1000),
        ("__idle__", "new"): str(HOUR * 1000),
    }
    shared = used.exact(**renamed, share="idle=proportional")
    assert shared == {("a", "new"): str(2 * HOUR * 1000)}


def test_no_class_takes_what_another_one_shares(used: Used) -> None:
    """A claim and its MRs are one order: the share of a claim is not one of an MR."""
    classes = ("claim", "managed")
    used.file(
        closed(
            "2026-10-01",
            *(
                Amount(Key("objects", class_=class_, team=team, namespace=team), amount)
                for class_, team, amount in (
                    ("claim", "system", 60), ("claim", "web", 60), ("managed", "web", 600),
                )
            ),
        )
    )  # fmt: skip
    asked = {**OCTOBER, "meter": "objects", "class_": classes, "by": "class,team"}
    shared = used.exact(**asked, share="namespace=system:proportional")
    assert shared == {("claim", "web"): "120", ("managed", "web"): "600"}


def test_a_namespace_is_shared(used: Used) -> None:
    """By what the others have had; several shares do not depend on their order."""
    rows = (
        *(gives(1000), cores("a", 300), cores("b", 100)),
        cores("platform", 200, namespace="kube-system"),
    )
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    system = "namespace=kube-system:proportional"
    assert seconds(used, share=system) == {"a": 450, "b": 150, "__idle__": 400}
    both = {"a": 750, "b": 250}
    for order in ((system, "idle=proportional"), ("idle=proportional", system)):
        found = used.exact(**OCTOBER, share=order)
        assert {key[0]: Fraction(text) / 1000 for key, text in found.items()} == both


def test_sharing_comes_first_and_filters_last(used: Used) -> None:
    """A filter changes no share (kubecost#140), and hides what is reserved."""
    rows = gives(1000), cores("a", 300), cores("b", 100)
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    assert seconds(used, share="idle=proportional", team="a") == {"a": 750}
    assert seconds(used, team="a") == {"a": 300}
    assert seconds(used, share="idle=even", team="a") == {"a": 600}


def test_even_shares_are_of_rows_that_are_shown(used: Used) -> None:
    """However many namespaces a team has."""
    rows = (
        *(gives(1000), cores("a", 100, "x"), cores("a", 100, "y")),
        *(cores("b", 200, "z"), cores("c", 0)),
    )
    used.file(closed("2026-10-01", *rows, observed=BOTH))
    assert seconds(used, share="idle=even") == {"a": 500, "b": 500, "c": 0}
    assert seconds(used, share="idle=even", namespace="x") == {"a": 250}


def test_shares_are_of_each_day_if_the_report_tells_days_apart(used: Used) -> None:
    """Each day shares what was idle in it."""
    used.file(
        closed("2026-10-01", gives(100), cores("a", 50), cores("b", 50), observed=BOTH),
        closed("2026-10-02", gives(100), cores("a", 50), observed=BOTH),
    )
    found = used.exact(
        from_="2026-10-01", to="2026-10-03", by="day,team", share="idle=even", meter="cpu_requests"
    )
    assert found == {
        ("2026-10-01", "a"): "50000",
        ("2026-10-01", "b"): "50000",
        ("2026-10-02", "a"): "100000",
    }


def test_other_meters_are_not_touched(used: Used) -> None:
    """What is idle of cores is shared as cores."""
    rows = gives(100), cores("a", 50), Amount(Key("memory_requests", team="b"), 70)
    used.file(closed("2026-10-01", *rows, observed=(*BOTH, of_list())))
    found = used.exact(from_="2026-10-01", to="2026-10-02", share="idle=proportional")
    assert found == {("a",): "100000", ("b",): "70"}


TEAMS = st.sampled_from("abcd")
CELLS = st.dictionaries(
    st.builds(
        lambda meter, cluster, team, namespace: Cell(meter, "", 0, cluster, (team, namespace, "")),
        st.sampled_from(("cpu_requests", "memory_requests")),
        st.sampled_from(("one", "two")),
        TEAMS,
        st.sampled_from(("x", "y", "system")),
    ),
    st.integers(0, 2**70),
    max_size=30,
)
IDLES = st.dictionaries(
    st.builds(
        lambda cluster: Cell("cpu_requests", "", 0, cluster, ("", "", ""), IDLE),
        st.sampled_from(("one", "two")),
    ),
    st.integers(-(2**60), 2**70),
)
RULES = st.lists(
    st.sampled_from(
        (
            *("idle=none", "idle=even", "idle=proportional"),
            *("namespace=system:even", "namespace=system:proportional", "team=d:proportional"),
        )
    ),
    max_size=3,
    unique_by=lambda text: text.partition(":")[0].partition("=")[0],
)


def question(rules: list[str]) -> Question:
    """Return a question by team, with a filter by namespace that all pass."""
    return Question(
        Period(date(2026, 10, 1), date(2026, 10, 2)),
        by=("team",),
        filters={"namespace": ["*"]},
        shares=shares(rules),
    )


@given(CELLS, IDLES, RULES)
def test_sharing_loses_and_adds_nothing(
    cells: dict[Cell, int], idle: dict[Cell, int], rules: list[str]
) -> None:
    """Sums are exact for each meter and cluster, and nobody has less than before."""
    direct = {**cells, **idle}
    made = share(question(rules), direct)

    def total(
        amounts: dict[Cell, Fraction] | dict[Cell, int], meter: str, cluster: str
    ) -> Fraction:
        own = (a for c, a in amounts.items() if (c.meter, c.cluster) == (meter, cluster))
        return sum(map(Fraction, own), Fraction(0))

    for meter in ("cpu_requests", "memory_requests"):
        for cluster in ("one", "two"):
            assert total(made, meter, cluster) == total(direct, meter, cluster)
    assert all(amount >= direct[cell] for cell, amount in made.items())
    assert made.keys() <= direct.keys()


@given(CELLS, IDLES)
def test_in_proportion_means_in_proportion(cells: dict[Cell, int], idle: dict[Cell, int]) -> None:
    """Each cell of a cluster grows by the same factor."""
    direct = {**cells, **idle}
    made = share(question(["idle=proportional"]), direct)
    for giver, amount in idle.items():
        takers = {
            cell: quantity
            for cell, quantity in cells.items()
            if (cell.meter, cell.cluster) == (giver.meter, giver.cluster) and quantity
        }
        whole = sum(takers.values())
        if amount <= 0 or not whole:
            assert made.get(giver, 0) == amount
            continue
        factor = 1 + Fraction(amount, whole)
        assert all(made[cell] == quantity * factor for cell, quantity in takers.items())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEAMS, st.integers(0, 10**12)), max_size=12), st.integers(0, 10**13))
def test_another_grouping_has_the_same_total(rows: list[tuple[str, int]], given_: int) -> None:
    """To the last digit, however it is shared."""
    with tempfile.TemporaryDirectory() as directory:
        used = Used(Path(directory))
        amounts = [cores(team, number, f"ns{at}") for at, (team, number) in enumerate(rows)]
        used.file(closed("2026-10-01", gives(given_), *amounts, observed=BOTH))
        totals = {
            str(used.document(**OCTOBER, by=by, share="idle=proportional")["totals"])
            for by in ("team", "namespace", "team,namespace", "day", "cluster")
        }
    assert len(totals) == 1


def test_a_share_says_what_and_how() -> None:
    """A value may have a colon in it."""
    assert shares(["idle=even", "namespace=a:b:proportional"]) == (
        Share("idle", "", "even"),
        Share("namespace", "a:b", "proportional"),
    )
