"""Reports: periods, dimensions, filters, classes, what is open, and the footer."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.usage_files import DAY, NODES, PODS, closed, days, objects, of_list
from support.usage_reports import Used
from xpjob.usage.errors import NoUsageError, QuestionError
from xpjob.usage.files import FileKey, encode
from xpjob.usage.state import Amount, Day, Key, Observed, Open

OCTOBER = days("2026-10-01", 31)


@pytest.fixture
def used(tmp_path: Path) -> Used:
    """An empty store."""
    return Used(tmp_path / "store")


def cpu(team: str, seconds: int, namespace: str = "shop") -> Amount:
    """Return millicore-seconds that a team requested."""
    return Amount(Key("cpu_requests", team=team, namespace=namespace), seconds)


def test_the_last_whole_month_by_team(used: Used) -> None:
    """Largest first, in hours, with an average and totals that add up."""
    used.file(*(closed(day, objects("web", DAY), objects("pay", 2 * DAY)) for day in OCTOBER))
    found = used.document()
    assert (found["from"], found["to"], found["by"]) == ("2026-10-01", "2026-11-01", ["team"])
    assert [(row["team"], str(row["quantity"]), str(row["average"])) for row in found["rows"]] == [
        ("pay", "1488.000", "2.000"),
        ("web", "744.000", "1.000"),
    ]
    (total,) = found["totals"]
    assert (str(total["quantity"]), total["unit"]) == ("2232.000", "Unit-Hours")
    assert (str(total["average"]), total["averageUnit"]) == ("3.000", "Units")


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ({}, "2026-10-01", "2026-11-01"),
        ({"month": "2025-12"}, "2025-12-01", "2026-01-01"),
        ({"from_": "2026-10-05", "to": "2026-10-06"}, "2026-10-05", "2026-10-06"),
        ({"from_": "2026-10-30"}, "2026-10-30", "2026-11-03"),
        ({"month": "2024-02"}, "2024-02-01", "2024-03-01"),
    ],
)
def test_periods(used: Used, asked: dict[str, str], first: str, end: str) -> None:
    """Whole UTC days, the end exclusive."""
    used.file(closed("2026-10-01"))
    found = used.document(**asked)
    assert (found["from"], found["to"]) == (first, end)


@pytest.mark.parametrize(
    "asked",
    [
        {"month": "2026-13"},
        {"month": "2026-1"},
        {"month": "october"},
        {"from_": "2026-02-30"},
        {"to": "2026-10-01"},
        {"from_": "2026-10-02", "to": "2026-10-02"},
        {"month": "2026-10", "from_": "2026-10-01"},
        {"month": "0000-01"},
        {"month": "9999-12"},
        {"by": "tam"},
        {"by": "a,b,c,d,e,f,g"},
        {"filter": "nothing"},
        {"filter": "tam=x"},
        {"share": "idle"},
        {"share": "idle=some"},
        {"share": "namespace=x"},
        {"share": "nothing=x:even"},
        {"share": ("idle=even", "idle=none")},
        {"map": "old=new"},
        {"map": "tam:old=new"},
        {"map": ("team:a=b", "team:a=c")},
        {"map": "cluster:a=b"},
        {"from_": "2000-01-01", "to": "9989-01-01"},
        {"cluster": "gone"},
    ],
)
def test_questions_that_make_no_sense(used: Used, asked: dict[str, str]) -> None:
    """Each is a mistake with exit code 2, and not an empty report."""
    used.file(closed("2026-10-01"))
    with pytest.raises(QuestionError) as raised:
        used.report(**asked)
    assert raised.value.exit_code == 2


def test_any_dimension(used: Used) -> None:
    """Also cluster, day, month and tags."""
    tagged = Amount(Key("tickets", team="web", tags=(("queue", "hot"),)), 3600)
    used.file(closed("2026-10-01", objects("web", 3600, kind="Bucket"), tagged), cluster="b")
    used.file(closed("2026-10-02", objects("web", 7200)), cluster="a")
    by = "cluster,day,month,kind,tags.queue"
    assert used.rows("cluster", "day", "month", "kind", "tags.queue", "quantity", by=by) == [
        ("a", "2026-10-02", "2026-10", "Database", "", "2.000"),
        ("b", "2026-10-01", "2026-10", "Bucket", "", "1.000"),
        ("b", "2026-10-01", "2026-10", "", "hot", "1.000"),
    ]


def test_classes_are_never_summed(used: Used) -> None:
    """By default orders; several that are asked for are apart."""
    used.file(
        closed(
            "2026-10-01",
            objects("web", 3600),
            objects("web", 3600, class_="composite-root"),
            objects("web", 36_000, class_="composite"),
            objects("web", 360_000, class_="managed"),
            cpu("web", 3_600_000),
        )
    )
    assert used.rows("quantity", meter="objects") == [("2.000",)]
    assert used.rows("quantity", meter="objects", class_="managed") == [("100.000",)]
    assert used.rows("class", "quantity", meter="objects", class_=("managed", "composite")) == [
        ("composite", "10.000"),
        ("managed", "100.000"),
    ]
    by_pattern = {"meter": "objects", "filter": "class=*d*"}
    assert used.rows("class", "quantity", **by_pattern) == [("managed", "100.000")]
    every = used.document(meter="objects", filter="class=*")["totals"]
    assert [each["class"] for each in every] == ["claim", "composite", "composite-root", "managed"]
    assert used.rows("quantity", class_="managed", meter="cpu_requests") == [("1.000",)]
    totals = used.document(meter="objects", class_=("managed", "composite"))["totals"]
    assert [(each["class"], str(each["quantity"])) for each in totals] == [
        ("composite", "10.000"),
        ("managed", "100.000"),
    ]
    assert ["class" in each for each in used.document(by="class")["totals"]] == [False, False]


def test_filters(used: Used) -> None:
    """By any dimension, with wildcards; an empty value is what has none."""
    used.file(
        closed(
            "2026-10-01",
            objects("web", 3600, namespace="shop-a"),
            objects("web", 7200, namespace="shop-b"),
            objects("", 10_800, namespace="lost"),
        )
    )
    assert used.rows("namespace", by="namespace", team="") == [("lost",)]
    assert used.rows("namespace", by="namespace", filter="namespace=shop-*") == [
        ("shop-b",),
        ("shop-a",),
    ]
    assert used.rows("team", "quantity", namespace=("shop-a", "lost")) == [
        ("", "3.000"),
        ("web", "1.000"),
    ]
    assert used.rows("team", team="nobody") == []


def test_renamed_values_are_one(used: Used) -> None:
    """In the report, never in the files; filters see the new name."""
    used.file(closed("2026-10-01", objects("old", 3600), objects("new", 3600)))
    assert used.rows("team", "quantity", map="team:old=new") == [("new", "2.000")]
    assert used.rows("team", "quantity", map="team:old=new", team="new") == [("new", "2.000")]


def test_the_average_is_over_the_observed_time(used: Used) -> None:
    """A gap does not lower it; the coverage says that there was one."""
    half = of_list(seconds=DAY // 2)
    used.file(closed("2026-10-01", objects("web", DAY // 2), observed=(half,)))
    found = used.document(from_="2026-10-01", to="2026-10-02")
    assert str(found["rows"][0]["average"]) == "1.000"
    assert found["footer"]["coverage"] == 0.5


@pytest.mark.parametrize("by", ["day", "month", "team,day", "team"])
def test_the_average_of_a_total_is_that_of_the_period(used: Used, by: str) -> None:
    """Not the sum of those of its days or months, of which each is over its own time."""
    for cluster in ("a", "b"):
        files = [closed(day, objects("web", DAY)) for day in ("2026-09-30", "2026-10-01")]
        # A gap of half a day, in which nothing was counted.
        half = closed("2026-10-02", objects("web", DAY), observed=(of_list(seconds=DAY // 2),))
        used.file(*files, half, cluster=cluster)
    found = used.document(from_="2026-09-30", to="2026-10-03", by=by)
    (total,) = found["totals"]
    assert (str(total["quantity"]), str(total["average"])) == ("144.000", "2.400")
    if by == "day":
        assert [str(row["average"]) for row in found["rows"]] == ["2.000", "2.000", "4.000"]


def test_averages_of_clusters_add_up(used: Used) -> None:
    """One object in each of two clusters is two, also if one was observed for half the time."""
    used.file(closed("2026-10-01", objects("web", DAY)), cluster="a")
    half = of_list(seconds=DAY // 2)
    used.file(closed("2026-10-01", objects("web", DAY // 2), observed=(half,)), cluster="b")
    assert used.rows("average", month="2026-10") == [("2.000",)]


def test_corrections_are_read_beyond_the_end(used: Used) -> None:
    """Up to eight days, and belong to the day that they are for (vector 13)."""
    late = Day("2026-10-31", (objects("web", 1200, 1200),), (of_list(seconds=300, bridged=300),))
    used.file(
        closed("2026-10-31", objects("web", 4 * 85_800), observed=(of_list(seconds=85_800),)),
        closed("2026-11-01", objects("web", 93_600, 93_600), corrections=(late,)),
    )
    found = used.document(exact="true", by="day", from_="2026-10-31", to="2026-11-01")
    assert [(r["day"], r["quantity"], r["bridgedQuantity"]) for r in found["rows"]] == [
        ("2026-10-31", "344400", "1200")
    ]
    (notes,) = found["footer"]["meters"]
    assert float(notes["corrected"]) == float(notes["bridged"]) == round(1200 / 344_400, 6)
    assert float(found["footer"]["coverage"]) == round(86_100 / DAY, 6)
    both = used.exact(by="day", from_="2026-10-31", to="2026-11-02")
    assert both == {("2026-10-31",): "344400", ("2026-11-01",): "93600"}


def test_open_days_come_from_the_snapshot(used: Used) -> None:
    """And pending ones, until they have a file; the footer lists them."""
    used.file(closed("2026-10-31", objects("web", 3600)))
    pending = closed("2026-11-01", objects("web", 7200))
    today = Open("2026-11-02", (objects("web", 10_800),), (of_list(seconds=DAY // 2),))
    used.snapshot(today, pending=[pending])
    found = used.document(from_="2026-10-31", by="day")
    assert [(row["day"], str(row["quantity"])) for row in found["rows"]] == [
        ("2026-10-31", "1.000"),
        ("2026-11-01", "2.000"),
        ("2026-11-02", "3.000"),
    ]
    footer = found["footer"]
    assert footer["clusters"][0]["open"] == ["2026-11-01", "2026-11-02"]
    assert (footer["days"], footer["present"], footer["open"], footer["missing"]) == (3, 1, 2, 0)
    assert footer["coverage"] == 1.0  # half of the day is over, and was observed


def test_a_day_that_was_closed_since_the_snapshot_counts_once(used: Used) -> None:
    """Its file has all of it, corrections included."""
    late = Day("2026-10-31", (objects("web", 60),))
    used.snapshot(
        Open("2026-11-01", (objects("web", 3000),), corrections=(late,)),
        pending=[closed("2026-10-31", objects("web", 1000))],
    )
    used.file(
        closed("2026-10-31", objects("web", 1000)),
        closed("2026-11-01", objects("web", 3600), corrections=(late,)),
    )
    found = used.exact(by="day", from_="2026-10-31", to="2026-11-02")
    assert found == {("2026-10-31",): "1060", ("2026-11-01",): "3600"}


def test_missing_days_are_listed(used: Used) -> None:
    """For each cluster; days that have not begun are not wanted."""
    used.file(closed("2026-11-01", objects("web", 3600)), cluster="a")
    used.file(closed("2026-11-02", objects("web", 3600)), cluster="b")
    footer = used.document(month="2026-11")["footer"]
    assert [(each["cluster"], each["missing"]) for each in footer["clusters"]] == [
        ("a", ["2026-11-02"]),
        ("b", ["2026-11-01"]),
    ]
    assert (footer["days"], footer["present"], footer["missing"]) == (4, 2, 2)


def test_a_file_that_cannot_be_read_is_a_missing_day(used: Used) -> None:
    """Nothing of it counts, and the footer names it."""
    body = encode(closed("2026-10-02", objects("web", 7200)), "")
    key = "usage/year=2026/month=10/day=02/default.csv.gz"
    used.file(closed("2026-10-01", objects("web", 3600)))
    used.store.put(key, body[:-5], replacing=None)
    found = used.document(from_="2026-10-01", to="2026-10-03")
    assert [str(row["quantity"]) for row in found["rows"]] == ["1.000"]
    assert found["footer"]["unreadable"] == [key]
    assert found["footer"]["clusters"][0]["missing"] == ["2026-10-02"]


def test_other_files_in_the_folders_do_no_harm(used: Used) -> None:
    """They are not read."""
    used.file(closed("2026-10-01", objects("web", 3600)))
    used.store.put("usage/year=2026/month=10/day=01/_SUCCESS", b"", replacing=None)
    used.store.put("usage/year=2026/month=10/notes.txt", b"x", replacing=None)
    found = used.document()
    assert len(found["rows"]) == 1
    assert found["footer"]["unreadable"] == []


def test_no_usage_at_all(used: Used) -> None:
    """That is not an empty report."""
    with pytest.raises(NoUsageError, match="no usage"):
        used.report()


def test_a_period_without_usage_is_all_missing(used: Used) -> None:
    """It is never zero in silence."""
    used.file(closed("2026-03-01", objects("web", 3600)))
    found = used.document()
    assert (found["rows"], found["footer"]["missing"]) == ([], 31)


def test_teams_with_the_names_of_reserved_rows(used: Used) -> None:
    """They are shown as text; only reserved rows have the flag."""
    used.file(
        closed(
            "2026-10-01",
            objects("__other__", 3600),
            objects("__idle__", 3600),
            objects("__other__", 7200, namespace="__other__", group="__other__", kind="__other__"),
        )
    )
    assert used.rows("team", "quantity", "reserved", meter="objects") == [
        ("__idle__", "1.000", ""),
        ("__other__", "1.000", ""),
        ("__other__", "2.000", "other"),
    ]


def test_what_nodes_have_to_give_is_shown_on_demand(used: Used) -> None:
    """By node group, or by its name."""
    gives = Amount(Key("cpu_allocatable", node_group="workers"), 3_600_000)
    used.file(closed("2026-10-01", gives, observed=(NODES,)))
    assert used.rows("meter") == []
    assert used.rows("meter", "nodeGroup", by="nodeGroup") == [("cpu_allocatable", "workers")]
    assert used.rows("meter", "quantity", meter="cpu_allocatable") == [("cpu_allocatable", "1.000")]


def test_lists_of_several_namespaces_have_one_coverage(used: Used) -> None:
    """Their mean: one that failed for half a day is seen."""
    lists = (
        Observed("capacity", "/v1/pods in a", DAY, kind="Pod", namespace="a"),
        Observed("capacity", "/v1/pods in b", DAY // 2, kind="Pod", namespace="b"),
    )
    used.file(closed("2026-10-01", cpu("web", 3_600_000), observed=(*lists, of_list())))
    footer = used.document(from_="2026-10-01", to="2026-10-02")["footer"]
    assert footer["coverage"] == 0.75


def test_too_many_rows_are_refused(used: Used, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they fill the memory."""
    monkeypatch.setattr("xpjob.usage.cells.MAX_CELLS", 10)
    used.file(closed("2026-10-01", *(objects(str(number), 60) for number in range(11))))
    with pytest.raises(QuestionError, match="more than 10 rows"):
        used.report()
    assert used.rows("quantity", by="kind") == [("0.183",)]


def test_pods_are_counted_over_the_time_of_their_list(used: Used) -> None:
    """Not of lists that have nothing to do with them."""
    half = Observed("capacity", "/v1/pods", DAY // 2, kind="Pod")
    used.file(closed("2026-10-01", Amount(Key("pods", team="a"), DAY), observed=(half, of_list())))
    assert used.rows("average") == [("2.000",)]
    assert PODS.kind == "Pod"


def test_the_key_of_a_file_names_its_cluster() -> None:
    """Whatever is written in it."""
    key = FileKey.of("usage/year=2026/month=10/day=01/prod.csv.gz")
    assert key is not None
    assert key.cluster == "prod"
