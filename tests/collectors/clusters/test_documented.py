"""The README's table of metrics says what the metrics are."""

from __future__ import annotations

import re
from pathlib import Path

from xpjob.collectors import clusters
from xpjob.collectors.clusters import metrics

_ROW = re.compile(r"^\| `(\w+)` \| gauge \| (.*?) ?\| (.+) \|$", re.MULTILINE)


def meaning(text: str) -> str:
    """Return a help text as the table has it."""
    if text.startswith("Number of "):
        return text.removeprefix("Number of ").removesuffix(".")
    return text[:1].lower() + text[1:].removesuffix(".")


def test_labels_and_meanings_are_those_of_the_series() -> None:
    """Every family has its row, with all of its labels and the whole of its help text."""
    tables = [
        *metrics.cluster([]),
        *metrics.nodes([]),
        *metrics.operators([]),
        *metrics.registries([]),
        metrics.findings([]),
    ]
    expected = {
        column.name: (list(table.labels), meaning(column.help))
        for table in tables
        for column in table.columns
    }
    text = (Path(clusters.__path__[0]) / "README.md").read_text()
    documented = {
        name: (re.findall(r"`(\w+)`", labels), said) for name, labels, said in _ROW.findall(text)
    }
    assert documented == expected
