"""Cells of CSV: no spreadsheet takes one for a formula, and the original text can be restored."""

from __future__ import annotations

import csv
import io
import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.sampling import looking
from xpjob.base import visible as characters
from xpjob.reader import render
from xpjob.reader.cells import harmless, restored

SIGNS = ("=", "+", "-", "@")
BLANK = {"Cc", "Cf", "Zs", "Zl", "Zp"}
IGNORED = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180d\u3164\ufe00\ufe0f\uffa0\U000e0100"
PIECES = [
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\ufe661",
        "=cmd|' /C calc'!A0",
    ),
    *(";", ",", "\t", "|", "\n", "\r\n", "\r", "\v", "\x85", "\u2028", '"', '""', "'", "''"),
    *(" ", "\u3000", "\x00", "\x1b", "\ufeff", "\u200b", "\u202e", "\u2066", "\u00ad", "\u3164"),
    *("a", "x-y", "team", "é", "🦄"),
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
rows = st.lists(st.lists(texts, min_size=1, max_size=4), min_size=1, max_size=4)


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet that skips whatever it does not show sees a formula."""
    for char in cell:
        if char in IGNORED or char == '"' or unicodedata.category(char) in BLANK:
            continue
        return unicodedata.normalize("NFKC", char)[:1] in SIGNS
    return False


def written(table: list[list[str]]) -> str:
    """Return a table as the reader answers with it, without its header."""
    names = [str(number) for number in range(max(map(len, table)))]
    whole = render.sheet(names, (dict(zip(names, row, strict=False)) for row in table))
    return whole.decode().partition("\r\n")[2]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE], ids=["quotes", "none"])
@pytest.mark.parametrize("lines", [io.StringIO, str.splitlines], ids=["quoted", "every"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@looking(500)
@given(table=rows)
@example(table=[["a;=1"], ["a\t\uff1d1", 'x;"=1"'], ["\ufeff =1", "\x00-1"], ["a\n=1", "\r=1"]])
def test_no_cell_is_a_formula(
    delimiter: str, lines: type[io.StringIO], quoting: Literal[0, 3], table: list[list[str]]
) -> None:
    """With each separator, with and without heed to quotes and to line breaks between them."""
    if quoting == csv.QUOTE_NONE and delimiter == ",":
        return  # that is no spreadsheet: it could not read any CSV
    text = written(table)
    source = io.StringIO(text, newline="") if lines is io.StringIO else text.splitlines()
    for row in csv.reader(source, delimiter=delimiter, quoting=quoting):
        assert not [cell for cell in row if is_formula(cell)]


@looking(500)
@given(table=rows)
def test_the_original_text_can_be_restored(table: list[list[str]]) -> None:
    """Of each cell, by the rule that the README has."""
    read = list(csv.reader(io.StringIO(written(table), newline="")))
    width = max(map(len, table))
    assert [[restored(cell) for cell in row] for row in read] == [
        [*row, *[""] * (width - len(row))] for row in table
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("orders-1", "orders-1"),
        ("a; b", "a; b"),
        ("create failed: x-y", "create failed: x-y"),
        ("", ""),
        ("=1", "'=1"),
        ("'=1", "''=1"),
        ("a; =1", "a;' =1"),
        ("\t=1", "\t'=1"),
        ("\ufeff\u200b\uff1d1", "'\ufeff\u200b\uff1d1"),
    ],
)
def test_only_what_looks_like_a_formula_changes(text: str, cell: str) -> None:
    """By one quotation mark for each."""
    assert harmless(text) == cell
    assert restored(cell) == text


def test_every_invisible_character_is_known() -> None:
    """Of Unicode as Python has it: each is skipped before a sign, and shown as an escape."""
    unknown, shown = [], []
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        if unicodedata.category(char) in BLANK or char in IGNORED:
            if harmless(f"{char}=1") == f"{char}=1":
                unknown.append(f"{number:x}")
            if unicodedata.category(char) != "Zs" and characters.visible(char) == char:
                shown.append(f"{number:x}")
    assert (unknown, shown) == ([], [])


def test_every_form_of_a_sign_is_known() -> None:
    """What compatibility normalization makes begin with one."""
    signs = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.normalize("NFKC", char)[:1] in SIGNS
    ]
    assert len(signs) > 10
    assert [char for char in signs if harmless(char) != f"'{char}"] == []


def test_a_long_text_takes_no_time() -> None:
    """It is linear, however many separators and blanks there are."""
    for hostile in (" " * 200_000, ";" * 200_000, "; " * 100_000, "'" * 200_000 + "a"):
        assert harmless(hostile) == hostile
