"""What documents of sources make of objects, as one text that can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from support.paths import GOLDEN, ROOT
from xpjob.collectors.sources.compile import Sources, compile_documents
from xpjob.collectors.sources.documents.places import Document, from_files
from xpjob.collectors.sources.offline import evaluate
from xpjob.collectors.sources.options import Mode
from xpjob.collectors.sources.program import Limits, Outcome
from xpjob.collectors.sources.series import pushable
from xpjob.collectors.sources.state_metrics.lines import lines

EXAMPLES = ROOT / "xpjob/collectors/sources/examples"
OBJECTS = ROOT / "tests/collectors/sources/examples"
RECORDED = GOLDEN / "sources"
LIMITS = Limits(now=1705314645.0)  # 2024-01-15T10:30:45Z
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def compiled(text: str, mode: Mode = "default") -> Sources:
    """Return what a text with documents is compiled to."""
    return compile_documents([Document("text", "text", "file", text=text)], mode)


def example(name: str, mode: Mode = "default") -> Sources:
    """Return what the documents of an example are compiled to."""
    return compile_documents(from_files(EXAMPLES / f"{name}.yaml"), mode)


def objects(name: str) -> list[dict[str, Any]]:
    """Return the objects of an example."""
    return parsed((OBJECTS / f"{name}.yaml").read_text())


def parsed(text: str) -> list[dict[str, Any]]:
    """Return the objects of a text; times must be in quotes."""
    return list(yaml.safe_load_all(text))


def problems(made: Sources) -> list[str]:
    """Return every mistake and warning."""
    found = [*(each.problems for each in made.refused), *(each.problems for each in made.compiled)]
    return [str(each) for some in found for each in some]


def outcomes(made: Sources, given: list[dict[str, Any]]) -> Iterator[tuple[Any, Outcome]]:
    """Yield each source with what it makes of objects."""
    for each in made.compiled:
        yield each, evaluate(each, given, LIMITS)


def series(made: Sources, given: list[dict[str, Any]]) -> list[str]:
    """Return the series of all sources."""
    return [line for _, outcome in outcomes(made, given) for line in lines(outcome.series)]


def rows(outcome: Outcome) -> list[str]:
    """Return rows as JSON."""
    return [json.dumps(msgspec.to_builtins(row), ensure_ascii=False) for row in outcome.rows]


def described(made: Sources, given: list[dict[str, Any]]) -> str:
    """Return series, rows, counts and where something is wrong, as text."""
    return "\n".join(line for pair in outcomes(made, given) for line in _lines(*pair)) + "\n"


def _lines(each: Any, outcome: Outcome) -> Iterator[str]:
    tally = outcome.tally
    yield (
        f"source {each.source.name}: objects {tally.objects}, missing {tally.missing},"
        f" invalid {tally.invalid}, errors {tally.errors}, adjusted {tally.adjusted}"
    )
    yield from (f"  {one.object}: {one.where}" for one in tally.examples)
    yield from (f"  refused: {text}" for text in pushable(outcome.series).refused)
    yield from (*lines(outcome.series), *rows(outcome))


def queries(name: str) -> list[str]:
    """Return the PromQL in the comment at the head of an example."""
    head = re.split(r"^[^#]", (EXAMPLES / f"{name}.yaml").read_text(), flags=re.MULTILINE)[0]
    return [line[4:] for line in head.splitlines() if line.startswith("#   ")]
