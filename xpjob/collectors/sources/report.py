"""What a source is, and what it makes of objects, as text."""

from __future__ import annotations

from collections.abc import Iterator

from xpjob.collectors.sources.compile import Compiled
from xpjob.collectors.sources.program import Outcome, Target
from xpjob.collectors.sources.state_metrics.lines import lines


def described(compiled: Compiled) -> str:
    """Return the name of a source, what it counts, and its families."""
    source = compiled.source
    kinds = ", ".join(dict.fromkeys(map(_target, source.targets)))
    text = [f"source {source.name}: counts {kinds}"]
    text += [f"  {family.type} {family.name}: {family.help}" for family in source.families]
    if source.table:
        text.append(f"  table {source.table.key}")
    return "\n".join(text)


def series_of(compiled: Compiled, outcome: Outcome) -> str:
    """Return the exposition of its families, with exactly the series that would come."""
    text = []
    for family in compiled.source.families:
        if samples := outcome.series.get(family.name):
            text += [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} gauge"]
            text += lines({family.name: samples})
    return "\n".join(text)


def findings_of(compiled: Compiled, outcome: Outcome) -> Iterator[str]:
    """Yield what did not become series, and why."""
    name, tally = compiled.source.name, outcome.tally
    yield from (
        f"warning: source {name}: {each.object}: {each.where}: {each.message}"
        for each in tally.examples
    )
    counts = {
        "values are not there": tally.missing,
        "values cannot be converted": tally.invalid,
        "values cannot be computed": tally.errors,
        "rows are left out because of maxResources": tally.dropped,
    }
    yield from (f"warning: source {name}: {n} {what}" for what, n in counts.items() if n)
    for family, count in tally.over.items():
        yield f"warning: source {name}: {family} is left out: {count} series pass the limit"
    if not tally.objects:
        yield f"warning: source {name}: none of the objects is of a kind that it counts"
    elif not outcome.series and not outcome.rows:
        yield f"warning: source {name}: nothing comes of {tally.objects} objects"


def _target(target: Target) -> str:
    if target.category:
        return f"category {target.category}"
    return "/".join(filter(None, (target.group, target.version, target.kind or target.resource)))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
