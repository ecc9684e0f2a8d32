"""What sources are, and what they make of objects, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from xpjob.collectors.sources.compile import Compiled, Refused
from xpjob.collectors.sources.offline import Evaluated
from xpjob.collectors.sources.options import Mode
from xpjob.collectors.sources.program import Target
from xpjob.collectors.sources.state_metrics.lines import lines
from xpjob.config.located import Problem
from xpjob.metrics.series import Labels

Json = dict[str, Any]


def described(compiled: Compiled) -> str:
    """Return the name of a source, what it counts, and its families."""
    source = compiled.source
    kinds = ", ".join(dict.fromkeys(map(target_text, source.targets)))
    text = [f"source {source.name}: counts {kinds}"]
    text += [f"  {family.type} {family.name}: {family.help}" for family in source.families]
    if source.table:
        text.append(f"  table {source.table.key}")
    return "\n".join(text)


def exposition(result: Evaluated, mode: Mode) -> str:
    """Return the families of a source with exactly the series that would come."""
    series = series_of(result, mode)
    text = []
    for family in result.source.source.families:
        if samples := series.get(family.name):
            text += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} gauge"]
            text += lines({family.name: samples})
    table = result.source.source.table
    if table:
        text.append(f"# {len(result.outcome.rows)} rows in table {table.key}")
    return "\n".join(text)


def series_of(result: Evaluated, mode: Mode) -> dict[str, Sequence[tuple[Labels, float]]]:
    """Return samples by family: those that a run pushes; in compat mode with duplicates."""
    if mode == "compat":
        return {
            name: samples
            for name, samples in result.outcome.series.items()
            if name not in result.series.left_out
        }
    return {name: list(rows.items()) for name, rows in result.series.families.items()}


def remarks(result: Evaluated, kinds: Sequence[str]) -> Iterator[str]:
    """Yield what did not become series, and why. ``kinds`` are those of the objects."""
    tally, series = result.outcome.tally, result.series
    for each in tally.examples:
        yield ": ".join(filter(None, (each.object, each.where, each.message)))
    counts = {
        "values are not there": tally.missing,
        "values cannot be converted": tally.invalid,
        "values cannot be computed or exposed": tally.errors,
        "labels are not as kube-state-metrics has them": tally.adjusted,
        "rows are left out because of maxResources": tally.dropped,
    }
    yield from (f"{n} {what}" for what, n in counts.items() if n)
    yield from series.refused
    for family, count in {**tally.over, **series.left_out}.items():
        yield f"{family} is left out: {count} series are more than the limit"
    if not tally.objects:
        counted = ", ".join(dict.fromkeys(map(target_text, result.source.source.targets)))
        yield f"counts no object: it counts {counted}, and given are {', '.join(kinds) or 'none'}"
    elif not result.outcome.series and not result.outcome.rows:
        yield f"nothing comes of {tally.objects} objects"


def document(
    refused: Sequence[Refused],
    compiled: Sequence[Compiled],
    results: Sequence[Evaluated],
    mode: Mode,
    kinds: Sequence[str],
) -> Json:
    """Return everything as JSON: problems and sources, and with ``results`` what comes of each."""
    problems = [
        *(_problem(each.name, one) for each in refused for one in each.problems),
        *(_problem(each.source.name, one) for each in compiled for one in each.problems),
    ]
    by_name = {each.source.source.name: each for each in results}
    sources = []
    for each in compiled:
        source = each.source
        found: Json = {
            "source": source.name,
            "origin": each.document.origin,
            "counts": [msgspec.to_builtins(target) for target in source.targets],
            "families": [msgspec.to_builtins(family) for family in source.families],
            "table": source.table.key if source.table else None,
        }
        if result := by_name.get(source.name):
            found |= _result(result, mode, kinds)
        sources.append(found)
    return {"problems": problems, "sources": sources}


def _result(result: Evaluated, mode: Mode, kinds: Sequence[str]) -> Json:
    tally = result.outcome.tally
    names = ("objects", "missing", "invalid", "errors", "adjusted", "dropped")
    return {
        "series": [
            {"name": name, "labels": dict(labels), "value": number}
            for name, samples in series_of(result, mode).items()
            for labels, number in samples
        ],
        "rows": msgspec.to_builtins(result.outcome.rows),
        "tally": {name: getattr(tally, name) for name in names},
        "leftOut": {**tally.over, **result.series.left_out},
        "warnings": list(remarks(result, kinds)),
    }


def _problem(source: str, problem: Problem) -> Json:
    found: Json = msgspec.to_builtins(problem)
    level = "warning" if found.pop("warning") else "error"
    return {"level": level, "source": source, **found}


def target_text(target: Target) -> str:
    """Return which kind of objects a target is."""
    if target.category:
        return f"category {target.category}"
    return "/".join(filter(None, (target.group, target.version, target.kind or target.resource)))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
