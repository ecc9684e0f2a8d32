"""Read the computed fields of a MetricSource."""

from __future__ import annotations

from collections.abc import Collection

from xpjob.collectors.sources.documents.names import Names
from xpjob.collectors.sources.expressions.language import ExpressionError
from xpjob.collectors.sources.metric_source.computed import (
    RESULTS,
    compile_computed,
    cycle,
    result_type,
)
from xpjob.collectors.sources.metric_source.spec import Computed
from xpjob.config.located import Checker, Node


def read_computed(node: Node | None, checker: Checker, names: Names) -> tuple[Computed, ...]:
    """Return the computed fields that could be read, and add their names.

    Each may use fields, and computed fields before it.
    """
    nodes = [
        checker.map(each, ("name", "expression", "type"), ("name", "expression"))
        for each in names.limited(node)
    ]
    own = [names.name(entries.get("name")) for entries in nodes]
    allowed = {*names.types, *own} - {""}
    known = {name: of.name for name, of in names.types.items() if of}
    found: list[Computed] = []
    references: dict[str, Collection[str]] = {}
    late: list[tuple[str, Node, list[str]]] = []
    for name, entries in zip(own, nodes, strict=True):
        chosen = checker.choice(entries.get("type"), RESULTS, "")
        at, of = entries.get("expression"), None
        if at is not None and at.is_scalar:
            try:
                compiled = compile_computed(at.text, allowed, known)
            except ExpressionError as error:
                checker.error(at, f"invalid expression: {error}")
            else:
                references.setdefault(name, compiled.names)
                late.append((name, at, sorted(compiled.names - names.types.keys())))
                of = result_type(chosen, compiled)
                found.append(Computed(name, compiled, of))
        elif at is not None:
            checker.text(at)
        names.declare(name, entries.get("name"), of)
    for name, at, others in late:
        if way := cycle(name, references):
            checker.error(at, f"the expressions refer to each other: {' -> '.join(way)}")
        elif others:
            checker.error(at, f"{', '.join(others)} must come before {name} in the list")
    return tuple(found)
