"""The README names everything that a user can set, call or query."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from samples import report, snapshot

from xpjob.cli import cli
from xpjob.config.settings import OPTIONS, Option
from xpjob.publish import exposition

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_documented(option: Option) -> None:
    """Variable, flag and default in one row of the table."""
    rows = [line for line in README.splitlines() if line.startswith(f"| `{option.variable}` |")]
    assert len(rows) == 1, option.variable
    assert f"| `{option.flag}` |" in rows[0] or (option.secret and "(variable only)" in rows[0])
    assert not option.default or f"`{option.default}`" in rows[0]


def test_no_option_is_documented_that_does_not_exist() -> None:
    """The table has no more rows than there are options."""
    documented = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", README, re.MULTILINE))
    assert documented == {option.variable for option in OPTIONS}


def test_every_metric_is_documented() -> None:
    """With its type."""
    families = [*exposition.inventory(snapshot()), *exposition.outcome(report())]
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        (row,) = [line for line in README.splitlines() if line.startswith(f"| `{name}`")]
        assert f"| {family.type} |" in row, name
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        for label in labels:
            assert f"`{label}`" in row, (name, label)


def test_ten_guarantees_are_each_backed_by_a_test() -> None:
    """Which exists."""
    section = README.partition("### Ten guarantees\n")[2].partition("\n#")[0]
    guarantees = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\Z)", section, re.MULTILINE | re.DOTALL)
    assert len(guarantees) == 10
    for guarantee in guarantees:
        named = re.findall(r"`(tests/\w[\w/]*\.py)::(test_\w+)`", guarantee)
        assert named, guarantee
        for path, test in named:
            assert f"\ndef {test}(" in (ROOT / path).read_text(), test


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_documented(name: str) -> None:
    """In the way that it is typed."""
    assert f"`xpjob {name}" in README or f"xpjob {name}" in README


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130, 143])
def test_every_exit_code_is_documented(code: int) -> None:
    """In a table."""
    assert re.search(rf"^\| {code} \|", README, re.MULTILINE)
