"""Prices: the file and its mistakes, which price applies, and what it all costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.usage_files import DAY, closed, days, objects
from support.usage_reports import Used
from xpjob.base.errors import SettingsError
from xpjob.usage.money import Prices, read
from xpjob.usage.state import Amount, Key

HEADER = "meter,match,price,per,currency,from\n"
FIRST = {"from_": "2026-10-01", "to": "2026-10-02"}


@pytest.fixture
def used(tmp_path: Path) -> Used:
    """An empty store."""
    return Used(tmp_path / "store")


def prices(*lines: str) -> Prices:
    """Return prices of a file with these lines."""
    return read((HEADER + "\n".join(lines)).encode(), "prices.csv")


def costs(used: Used, priced: Prices, **values: str) -> list[tuple[str, str]]:
    """Return the first dimension and the cost of each row."""
    found = used.document(priced, **{**FIRST, **values})
    return [
        (row[found["by"][0]], "" if row["billedCost"] is None else str(row["billedCost"]))
        for row in found["rows"]
    ]


def test_what_it_costs(used: Used) -> None:
    """Quantity times price, with the pricing unit and the price, and a total."""
    used.file(closed("2026-10-01", objects("web", 2 * DAY), objects("pay", DAY)))
    found = used.document(prices("objects,,0.25,Unit-Hours,EUR,"), **FIRST)
    assert [(r["team"], *(str(r[name]) for name in PRICED)) for r in found["rows"]] == [
        ("web", "48.000", "Unit-Hours", "0.25", "12.00", "EUR"),
        ("pay", "24.000", "Unit-Hours", "0.25", "6.00", "EUR"),
    ]
    assert str(found["cost"]["billedCost"]) == "18.00"
    assert str(found["totals"][0]["billedCost"]) == "18.00"


PRICED = ("pricingQuantity", "pricingUnit", "listUnitPrice", "billedCost", "billingCurrency")


@pytest.mark.parametrize(
    ("amount", "price", "per", "cost"),
    [
        (Amount(Key("cpu_requests"), 1000 * 3600), "0.04", "Core-Hours", "0.04"),
        (Amount(Key("cpu_requests"), 500 * DAY), "2", "Core-Days", "1.00"),
        (Amount(Key("memory_requests"), 3600 << 30), "3", "GiB-Hours", "3.00"),
        (Amount(Key("memory_requests"), DAY << 29), "3", "GiB-Days", "1.50"),
        (Amount(Key("nvidia.com/gpu_requests"), 1800), "2", "Unit-Hours", "1.00"),
    ],
)
def test_prices_are_per_hour_or_day(
    used: Used, amount: Amount, price: str, per: str, cost: str
) -> None:
    """In the unit of the meter."""
    used.file(closed("2026-10-01", amount))
    priced = prices(f"{amount.key.meter},,{price},{per},EUR,")
    assert costs(used, priced) == [("", cost)]


def test_costs_add_up_to_the_cent(used: Used) -> None:
    """10.00 in three (vector 15)."""
    used.file(closed("2026-10-01", *(objects(team, 3600) for team in "abc")))
    priced = prices("objects,,3.333333333333,Unit-Hours,EUR,")
    assert costs(used, priced) == [("a", "3.34"), ("b", "3.33"), ("c", "3.33")]


def test_the_price_with_most_conditions_wins(used: Used) -> None:
    """Then the one that begins last, of those that have begun."""
    used.file(
        closed(
            "2026-10-01",
            objects("web", 3600),
            objects("web", 3600, kind="Bucket"),
            objects("pay", 3600),
        )
    )
    priced = prices(
        "objects,,1,Unit-Hours,EUR,",
        "objects,kind=Database,2,Unit-Hours,EUR,",
        "objects,kind=Database;team=pay,4,Unit-Hours,EUR,",
        "objects,,100,Unit-Hours,EUR,2026-10-02",
        "objects,,3,Unit-Hours,EUR,2026-09-01",
    )
    assert costs(used, priced) == [("web", "5.00"), ("pay", "4.00")]
    found = used.document(priced, **FIRST)
    assert [row["listUnitPrice"] for row in found["rows"]] == [None, 4]


def test_a_price_that_changes_within_the_period(used: Used) -> None:
    """Each day has the price that applies to it."""
    used.file(*(closed(day, objects("web", 3600)) for day in days("2026-10-01", 31)))
    priced = prices("objects,,1,Unit-Hours,EUR,", "objects,,2,Unit-Hours,EUR,2026-10-11")
    assert costs(used, priced, from_="2026-10-01", to="2026-11-01") == [("web", "52.00")]
    assert costs(used, priced, from_="2026-10-11", to="2026-11-01") == [("web", "42.00")]
    (total,) = used.document(priced)["totals"]
    assert (str(total["quantity"]), str(total["average"])) == ("31.000", "0.042")


def test_what_has_no_price_is_empty_and_counted(used: Used) -> None:
    """It is not free."""
    used.file(closed("2026-10-01", objects("web", 3600), objects("pay", 3600)))
    priced = prices("objects,team=web,1,Unit-Hours,EUR,")
    assert costs(used, priced) == [("pay", ""), ("web", "1.00")]
    assert used.document(priced, **FIRST)["footer"]["unpriced"] == 1
    partly = prices("objects,namespace=nowhere,1,Unit-Hours,EUR,")
    assert used.document(partly, **FIRST)["footer"]["unpriced"] == 2


def test_the_total_of_what_has_no_price_is_empty(used: Used) -> None:
    """So is that of all, if nothing has one: 0 would say that it is free."""
    used.file(closed("2026-10-01", objects("web", 3600)))
    found = used.document(prices("nodes,,1,Unit-Hours,EUR,"), **FIRST)
    assert [total["billedCost"] for total in found["totals"]] == [None]
    assert found["cost"] == {"billedCost": None, "billingCurrency": "EUR"}
    free = used.document(prices("objects,,0,Unit-Hours,EUR,"), **FIRST)
    assert [total["billedCost"] for total in free["totals"]] == [0]


def test_prices_of_clusters(used: Used) -> None:
    """By the name of the cluster."""
    used.file(closed("2026-10-01", objects("web", 3600)), cluster="a")
    used.file(closed("2026-10-01", objects("web", 3600)), cluster="b")
    priced = prices("objects,,1,Unit-Hours,EUR,", "objects,cluster=b,5,Unit-Hours,EUR,")
    assert costs(used, priced, by="cluster") == [("a", "1.00"), ("b", "5.00")]
    assert costs(used, priced) == [("web", "6.00")]


@pytest.mark.parametrize(("currency", "cost"), [("JPY", "3"), ("EUR", "3.33"), ("KWD", "3.333")])
def test_decimals_are_those_of_the_currency(used: Used, currency: str, cost: str) -> None:
    """As ISO 4217 has them."""
    used.file(closed("2026-10-01", objects("web", 1200)))
    assert costs(used, prices(f"objects,,10,Unit-Hours,{currency},")) == [("web", cost)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("objects,,x,Unit-Hours,EUR,", "invalid price"),
        ("objects,,-1,Unit-Hours,EUR,", "invalid price"),
        ("objects,,1e3,Unit-Hours,EUR,", "invalid price"),
        ("objects,,1,Core-Hours,EUR,", "expected Unit-Hours or Unit-Days"),
        ("cpu_requests,,1,Unit-Hours,EUR,", "expected Core-Hours or Core-Days"),
        ("objects,,1,Unit-Hours,euro,", "invalid currency"),
        ("objects,,1,Unit-Hours,EUR,yesterday", "invalid from"),
        ("objects,kind,1,Unit-Hours,EUR,", "invalid match"),
        ("objects,tam=x,1,Unit-Hours,EUR,", "unknown dimension"),
        ("objects,kind=a;kind=b,1,Unit-Hours,EUR,", "twice"),
        (",,1,Unit-Hours,EUR,", "meter is empty"),
        ("objects,,1,Unit-Hours", "expected 6 fields"),
        ("objects,,1,Unit-Hours,EUR,,", "expected 6 fields"),
    ],
)
def test_a_mistake_has_its_line(line: str, said: str) -> None:
    """And exit code 2."""
    with pytest.raises(SettingsError, match=said) as raised:
        prices("objects,,1,Unit-Hours,EUR,", line)
    assert "prices.csv, line 3" in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "invalid header"),
        (b"a,b\n", "invalid header"),
        (HEADER.encode(), "no prices"),
        (b"\xff", "decode"),
        (b"x" * (2 << 20), "more than 1 MiB"),
        (HEADER.encode() + b'"', "unexpected end"),
    ],
)
def test_what_is_no_file_of_prices(body: bytes, said: str) -> None:
    """It is explained."""
    with pytest.raises(SettingsError, match=said):
        read(body, "prices.csv")


def test_all_mistakes_are_reported_at_once() -> None:
    """With several currencies among them."""
    with pytest.raises(SettingsError) as raised:
        prices("objects,,x,Unit-Hours,EUR,", "pods,,1,Unit-Hours,EUR,", "pods,a,1,Unit-Hours,EUR,",
               "objects,,1,Unit-Hours,USD,")  # fmt: skip
    assert len(raised.value.problems) == 3
    assert "EUR in line 3, USD in line 5" in str(raised.value)


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [
        ("kind=a", "kind=a", True),
        ("kind=a", "team=b", True),
        ("", "", True),
        ("kind=a", "kind=b", False),
        ("kind=a;team=b", "kind=a", False),
        ("kind=a;team=b", "kind=a;cluster=c", True),
    ],
)
def test_two_prices_of_the_same_are_a_mistake(one: str, two: str, equal: bool) -> None:
    """Where it is not known which one wins."""
    lines = [f"objects,{each},1,Unit-Hours,EUR," for each in (one, two)]
    if not equal:
        prices(*lines)
        return
    with pytest.raises(SettingsError, match="lines 2 and 3"):
        prices(*lines)
    prices(lines[0], f"objects,{two},1,Unit-Hours,EUR,2026-10-01")


def test_a_file_of_a_spreadsheet_is_read() -> None:
    """With a byte order mark and its line ends."""
    found = read(
        b"\xef\xbb\xbf" + HEADER.strip().encode() + b"\r\nobjects,,1.50,Unit-Days,EUR,\r\n", "p"
    )
    assert (str(found.prices[0].price), found.currency) == ("1.50", "EUR")
