"""The bytes and keys of usage files."""

from __future__ import annotations

import gzip
from datetime import date

import pytest

from support.usage_files import closed, objects, of_list, table
from xpjob.base.errors import BadAnswerError, DeadlineError
from xpjob.collect.meters import Metering
from xpjob.collectors import COLLECTORS
from xpjob.net.deadline import Deadline
from xpjob.usage import files, rows
from xpjob.usage.columns import COLUMNS, unit_of
from xpjob.usage.files import FileKey
from xpjob.usage.meters import orders
from xpjob.usage.state import Amount, Closed, Day, Key, Observed

HEADER = ",".join(COLUMNS)


def test_a_day_is_one_row_for_each_key() -> None:
    """With exact integers, the unit of the meter, and how long each list was counted."""
    made = closed(
        "2026-10-03",
        objects("web", 9_007_199_254_740_993, bridged=60),
        Amount(Key("cpu_requests", namespace="shop", team="web"), 50_000),
        Amount(Key("memory_requests", namespace="shop", team="web"), 42_949_672_960),
    )
    lines = gzip.decompress(files.encode(made, "prod")).decode().split("\n")
    day = "2026-10-03T00:00:00Z,2026-10-04T00:00:00Z,Usage,"
    assert lines == [
        HEADER,
        f"{day},50000,Millicore-Seconds,,cpu_requests,0,prod,web,shop,,,,,",
        f"{day},42949672960,B-Seconds,,memory_requests,0,prod,web,shop,,,,,",
        f"{day},9007199254740993,Unit-Seconds,,objects,60,prod,web,shop,"
        "claim,db.example.org,Database,,",
        f'{day},86400,Seconds,"{{""collector"":""crossplane"",""list"":""db.example.org/v1/'
        'databases""}",observed,0,prod,,,claim,db.example.org,Database,,',
        "",
    ]


def test_a_correction_has_the_day_that_it_is_for() -> None:
    """After the rows of the day itself (vector 13)."""
    late = Day("2026-10-03", (objects("web", 1200, 1200),), (of_list(seconds=300, bridged=300),))
    made = closed("2026-10-04", objects("web", 93_600, 93_600), corrections=(late,))
    found = [
        (row["ChargePeriodStart"][:10], row["ChargeClass"], row["x_Meter"], row["ConsumedQuantity"])
        for row in table(files.encode(made, ""))
    ]
    assert found == [
        ("2026-10-04", "", "objects", "93600"),
        ("2026-10-04", "", "observed", "86400"),
        ("2026-10-03", "Correction", "objects", "1200"),
        ("2026-10-03", "Correction", "observed", "300"),
    ]


def test_the_same_state_gives_the_same_bytes() -> None:
    """In whatever order its rows are, with no time, no name and no version in the header."""
    some = [objects(team, 60) for team in ("c", "a", "b")]
    one = files.encode(closed("2026-10-03", *some), "prod")
    assert files.encode(closed("2026-10-03", *reversed(some)), "prod") == one
    assert one[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\nb\r\nc", "a b  c"),
        ("\x00\x1b[31m", "  [31m"),
        ('say "hi", you', 'say "hi", you'),
        ("=cmd()", "=cmd()"),
        ("日本\u202e", "日本\u202e"),
        ("\u2028x\x85", " x "),
    ],
)
def test_what_tenants_write_stays_in_its_field(text: str, read: str) -> None:
    """Control characters and line breaks are spaces, everything else is as it is."""
    made = closed("2026-10-03", objects(text, 60, namespace=text))
    body = files.encode(made, "prod")
    first = table(body)[0]
    assert first["x_Meter"] == "objects"
    assert (first["x_TeamName"], first["x_NamespaceName"]) == (read, read)
    assert gzip.decompress(body).count(b"\n") == 3
    assert next(row[10] for part in rows.read(body, "") for row in part.rows) == read


def test_names_that_differ_in_control_characters_only_are_one_row() -> None:
    """Their sum is exact: nobody must have to deduplicate."""
    made = closed("2026-10-03", objects("a\tb", 60, 1), objects("a b", 40, 2))
    found = [row for row in table(files.encode(made, "")) if row["x_Meter"] == "objects"]
    assert [(row["ConsumedQuantity"], row["x_BridgedQuantity"]) for row in found] == [("100", "3")]


def test_tags_are_a_json_object() -> None:
    """Sorted by name."""
    key = Key("tickets", team="web", tags=(("zone", "b"), ("cost", 'x"y')))
    (row, *_) = table(files.encode(Closed("2026-10-03", (Amount(key, 1),)), ""))
    assert row["Tags"] == '{"cost":"x\\"y","zone":"b"}'


@pytest.mark.parametrize(
    ("cluster", "key"),
    [
        ("", "usage/year=2026/month=03/day=01/default.csv.gz"),
        ("prod.eu", "usage/year=2026/month=03/day=01/prod.eu.csv.gz"),
    ],
)
def test_a_key_is_padded_and_read_again(cluster: str, key: str) -> None:
    """So that partitions sort and project."""
    assert str(FileKey(date(2026, 3, 1), cluster)) == key
    assert FileKey.of(key) == FileKey(date(2026, 3, 1), cluster or "default")


@pytest.mark.parametrize(
    "key",
    [
        "usage/year=2026/month=3/day=1/a.csv.gz",
        "usage/year=2026/month=02/day=30/a.csv.gz",
        "usage/year=2026/month=02/day=01/b/a.csv.gz",
        "usage/year=2026/month=02/day=01/a.csv",
        "history/2026/02/01/a.json",
    ],
)
def test_other_keys_are_none(key: str) -> None:
    """Nor is a day that does not exist."""
    assert FileKey.of(key) is None


def test_no_column_is_called_as_a_partition() -> None:
    """And none twice; own ones follow FOCUS's rule for their names."""
    assert len(set(COLUMNS)) == len(COLUMNS)
    assert not {"year", "month", "day"} & {name.lower() for name in COLUMNS}
    assert all(len(name) <= 50 for name in COLUMNS)


def test_columns_that_are_added_later_are_read_over() -> None:
    """Those at the end."""
    body = gzip.compress(f"{HEADER},x_New\n{'a,' * len(COLUMNS)}b\n".encode())
    assert [row[-1] for part in rows.read(body, "") for row in part.rows] == ["b"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"no gzip", "incorrect header"),
        (gzip.compress(b""), "no lines"),
        (gzip.compress(b"a,b\n1,2\n"), "columns"),
        (gzip.compress(f"{HEADER}\n1,2\n".encode()), "fields"),
        (gzip.compress(f"{HEADER}\nx".encode()), "not complete"),
        (gzip.compress(f"{HEADER}\n".encode())[:-9], "not complete"),
        (gzip.compress(f"{HEADER}\n\xff".encode("latin-1") + b"\n"), "decode"),
        (gzip.compress(b"x" * 1_000_000), "64 KiB"),
    ],
    ids=range(9),
)
def test_what_is_no_usage_file_is_refused(body: bytes, said: str) -> None:
    """However much it has unpacked."""
    with pytest.raises(BadAnswerError, match=said):
        list(rows.read(body, "s3://b/x"))


def _pairs(rest: str) -> str:
    return "".join(f"{number}{',' * (len(COLUMNS) - 1)}{rest}\n" for number in range(40_000))


@pytest.mark.parametrize("size", [1, 7, 1000, 65_280, 10_000_000])
def test_all_members_of_gzip_are_read(size: int) -> None:
    """As a file has that was joined of several, or was packed by bgzip, wherever they begin."""
    text = (HEADER + "\n" + _pairs("x")[: 4_000 if size < 1000 else None]).encode()
    text = text[: text.rindex(b"\n") + 1]
    body = b"".join(
        gzip.compress(text[at : at + size], 1) for at in range(0, len(text), size)
    ) + gzip.compress(b"")
    parts = list(rows.read(body, ""))
    assert "\n".join(part.text for part in parts).encode() + b"\n" == text
    assert sum(len(part.rows) for part in parts) == text.count(b"\n") - 1


@pytest.mark.parametrize("padding", [b"", b"\0", b"\0" * 100_000, b"no gzip"])
def test_what_follows_gzip_is_no_content(padding: bytes) -> None:
    """Trailing zeros, and other bytes that do not begin a gzip member, are ignored."""
    row = "," * (len(COLUMNS) - 1) + "\n"
    body = gzip.compress(f"{HEADER}\n{row}".encode()) + gzip.compress(row.encode()) + padding
    assert sum(len(part.rows) for part in rows.read(body, "")) == 2


def test_a_file_that_is_cut_off_is_never_read_in_part() -> None:
    """Wherever it is cut, except between two members, where nothing shows it."""
    row = "," * (len(COLUMNS) - 1) + "\n"
    first = gzip.compress(f"{HEADER}\n{row}".encode())
    body = first + gzip.compress(row.encode())
    for end in range(1, len(body)):
        if end == len(first):
            continue
        with pytest.raises(BadAnswerError, match="not complete"):
            list(rows.read(body[:end], ""))


def test_members_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a line can be larger for having several."""
    row = ("," * (len(COLUMNS) - 1) + "\n").encode()
    header = gzip.compress(f"{HEADER}\n".encode())
    with pytest.raises(BadAnswerError, match="a line of more than 64 KiB"):
        list(rows.read(header + gzip.compress(b"x" * 40_000) * 2, ""))
    monkeypatch.setattr(rows, "_MAX_BYTES", 1 << 20)
    with pytest.raises(BadAnswerError, match="larger than 1 MiB"):
        list(rows.read(header + gzip.compress(row * 1000) * 100, ""))


def test_the_time_for_a_file_of_many_members_is_bounded() -> None:
    """Also if they have no content."""
    body = gzip.compress(f"{HEADER}\n".encode()) + gzip.compress(b"") * 1000
    with pytest.raises(DeadlineError), Deadline(0).running():
        list(rows.read(body, ""))


def test_observed_rows_identify_their_list() -> None:
    """Two lists of one kind, of two namespaces, are two rows."""
    lists = tuple(Observed("c", f"/v1/pods in {ns}", 60, kind="Pod", namespace=ns) for ns in "ab")
    found = table(files.encode(Closed("2026-10-03", (), lists), ""))
    assert [(row["x_NamespaceName"], row["x_Kind"]) for row in found] == [
        ("a", "Pod"),
        ("b", "Pod"),
    ]


def test_units_are_those_that_collectors_declare() -> None:
    """Files are made of names alone, so that a name must determine the unit."""
    meters = [m for each in COLLECTORS if isinstance(each, Metering) for m in each.meters]
    assert len(meters) >= 7
    for meter in meters:
        assert unit_of(meter.name.replace("<resource>", "nvidia.com/gpu")) == meter.unit
    assert unit_of("ephemeral-storage_requests") == unit_of("hugepages-2Mi_requests") == "B"
    assert orders(COLLECTORS) == {"claim", "composite-root"}
