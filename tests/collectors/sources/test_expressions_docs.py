"""The page about expressions: its tables come from the code and from the vectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import docs_pages
from support.paths import ROOT
from xpjob.collectors.sources.expressions import limits
from xpjob.collectors.sources.expressions.functions import FUNCTIONS
from xpjob.collectors.sources.expressions.loops import LOOPS
from xpjob.collectors.sources.expressions.parser import PRECEDENCE
from xpjob.collectors.sources.expressions.pattern_syntax import MAX_PATTERN

PAGE = ROOT / "xpjob/collectors/sources/EXPRESSIONS.md"
TABLE = yaml.safe_load((Path(__file__).parent / "vectors/expressions.yaml").read_text())
OPERATORS = {
    "?": "`test ? yes : no`; only the one that is chosen is computed.",
    "??": "The left, or the right if the left is null.",
    "||": "Whether either is true; the right is computed only if necessary.",
    "&&": "Whether both are true; the right is computed only if necessary.",
    "==": "Compared by the type of the left: `1 == '1'` as numbers, `'1' == 1` as texts,"
    " `true == x` as conditions. Lists and maps equal only their like.",
    "<": "Two texts are compared as texts, so times in RFC 3339 and UTC are in their order;"
    " everything else as numbers. `in`: whether a list has such an item, or a map such a key.",
    "+": "`+` joins if either side is a text, and adds otherwise.",
    "*": "`/` does not round. `%` has the sign of the left. Both give null for a division by 0.",
}


def _code(text: str) -> str:
    """Return code for a cell of a table."""
    return f"`{text}`".replace("|", "\\|") if text else "(empty)"


def _json(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _outcome(vector: Mapping[str, Any]) -> str:
    if "error" in vector:
        return f"mistake: {vector['error']}".replace("|", "\\|").replace("<", "&lt;")
    if "fails" in vector:
        return f"error of the object: {vector['fails']}"
    return _code(json.dumps(vector["value"], ensure_ascii=False))


def _rows(head: str, rows: list[str]) -> str:
    columns = head.count("|") - 1
    return f"\n{head}\n{'|---' * columns}|\n" + "".join(f"{row}\n" for row in rows) + "\n"


def _operators() -> str:
    rows = []
    for signs in PRECEDENCE:
        shown = ", ".join(_code("?:" if sign == "?" else sign) for sign in signs)
        rows.append(f"| {shown} | {OPERATORS[signs[0]]} |")
    rows.append("| `!`, `-` | Before a value: whether it is false; the number with other sign. |")
    return _rows("| operator | meaning |", rows)


def _loops() -> str:
    rows = [
        f"| {_code(f'list.{name}(x, …)')} | {returns} | {text} |"
        for name, (_, returns, text) in LOOPS.items()
    ]
    return _rows("| method | type | value |", rows)


def _functions() -> str:
    rows = [
        f"| {_code(f'{name}({function.parameters})')} | {function.returns} | {function.text} |"
        for name, function in FUNCTIONS.items()
    ]
    return _rows("| function | type | value |", rows)


def _limits() -> str:
    rows = [
        f"| length of an expression | {limits.MAX_SOURCE:,} bytes |",
        f"| length of a pattern | {MAX_PATTERN} characters |",
        f"| depth of an expression, or of a list that is compared | {limits.MAX_DEPTH} |",
        f"| texts that are made, searched or taken apart | {limits.MAX_TEXT:,} characters |",
        f"| integers | ±{limits.MAX_INTEGER} |",
        f"| steps for each object, of all expressions of the source | {limits.MAX_STEPS:,}: a round"
        " of a loop takes one, and one more for each 4 parts of its body; 16 characters of a text"
        " take one |",
    ]
    return _rows("| what | at most |", rows)


def _variables() -> str:
    rows = [
        f"| {_code(name)} | {_code(json.dumps(value, ensure_ascii=False))} |"
        for name, value in TABLE["variables"].items()
    ]
    return _rows("| name | value |", rows)


def _examples() -> str:
    parts = []
    for section in TABLE["sections"]:
        rows = []
        for vector in section["vectors"]:
            theirs = (
                _code(_json(vector["theirs"]).replace("\n", "\\n")) if "theirs" in vector else ""
            )
            rows.append(f"| {_code(str(vector['expr']))} | {_outcome(vector)} | {theirs} |")
        table = _rows("| expression | value | ClusterPulse |", rows)
        parts.append(f"\n### {section['title']} by example\n{table.rstrip()}\n")
    return "".join(parts) + "\n"


@pytest.mark.parametrize(
    ("what", "table"),
    [
        ("operators", _operators()),
        ("loops", _loops()),
        ("functions", _functions()),
        ("limits", _limits()),
        ("variables", _variables()),
        ("examples", _examples()),
    ],
)
def test_the_tables_are_those_of_the_code(
    what: str, table: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--update-golden`` writes them."""
    monkeypatch.setitem(docs_pages.PAGES, "expressions", PAGE)
    write = request.config.getoption("--update-golden")
    docs_pages.generated("expressions", what, table, write=write)


def test_every_function_is_in_an_example() -> None:
    """So that its meaning is a test."""
    sources = " ".join(str(v["expr"]) for section in TABLE["sections"] for v in section["vectors"])
    for name in [*FUNCTIONS, *LOOPS]:
        assert f"{name}(" in sources, name
