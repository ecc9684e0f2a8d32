"""What a source makes of one object: what is read, converted and exposed, or why it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from xpjob.base.truncate import cut
from xpjob.collectors.sources.compile import Compiled
from xpjob.collectors.sources.objects import Item, place_of
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.collectors.sources.program import Explained, Limits
from xpjob.collectors.sources.report import target_text
from xpjob.collectors.sources.state_metrics.lines import lines
from xpjob.collectors.sources.uses import use_of
from xpjob.kube.discovery import Kind

Json = dict[str, Any]
_LONGEST = 300
"""Characters of a value that is shown."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object as ``KIND/[NAMESPACE/]NAME`` names it; the kind may be a plural, with a group."""

    kind: str
    group: str
    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """Read it. Raises ``ValueError``."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"invalid object {text!r}: expected KIND/NAMESPACE/NAME or KIND/NAME")
        kind, _, group = parts[0].partition(".")
        return cls(kind.lower(), group, parts[1] if len(parts) == 3 else "", parts[-1])

    def is_kind(self, kind: Kind) -> bool:
        """Return whether a kind is meant. Where the plural is not known, usual ones are."""
        one = kind.kind.lower()
        plurals = (kind.resource,) if kind.resource else _plurals(one)
        return self.kind in (one, *plurals) and self.group in ("", kind.group)

    def is_object(self, item: Item) -> bool:
        """Return whether an object of the kind is meant."""
        namespace, name = place_of(item)
        return name == self.name and self.namespace in ("", namespace)


def _plurals(kind: str) -> Sequence[str]:
    if kind.endswith("y"):
        return (f"{kind[:-1]}ies", f"{kind}s")
    return (f"{kind}es", kind) if kind.endswith("s") else (f"{kind}s", f"{kind}es")


@dataclass(frozen=True, slots=True)
class Part:
    """What one target of a source makes of the object. ``why`` says why it is not counted."""

    target: str
    values: Sequence[Explained] = ()
    why: str = ""


def explain(
    compiled: Compiled,
    targets: Sequence[int],
    kind: Kind,
    item: Item,
    options: SourcesOptions,
    limits: Limits,
) -> list[Part]:
    """Return what those targets of a source, by position, make of an object of their kind."""
    found = []
    for number in targets:
        target = compiled.source.targets[number]
        text = target_text(target)
        use = use_of(compiled, number, kind, options)
        if use is None:
            own = compiled.document.namespace
            why = (
                f"not counted: documents in namespace {own} count only objects of that namespace;"
                " an administrator can list it in SOURCE_ADMIN_NAMESPACES"
            )
            found.append(Part(text, why=why))
        elif use.accepts is not None and not use.accepts(item):
            found.append(Part(text, why=_why_filtered(compiled, number, options)))
        else:
            values = compiled.source.explain(number, kind, item, limits)
            found.append(Part(text, values))
    return found


def _why_filtered(compiled: Compiled, number: int, options: SourcesOptions) -> str:
    target, own = compiled.source.targets[number], compiled.document.namespace
    rules = []
    if own and not options.sees_all(own):
        rules.append(f"the document counts only what is in its namespace, {own}")
    if target.include:
        rules.append(f"namespaces.include is {', '.join(target.include)}")
    if target.exclude:
        rules.append(f"namespaces.exclude is {', '.join(target.exclude)}")
    if target.label_selector:
        rules.append(f"labelSelector is {target.label_selector}")
    return f"not counted: the object is filtered out; {'; '.join(rules)}"


def as_text(parts: Sequence[Part]) -> str:
    """Return what targets make of an object as lines."""
    return "\n".join(line for part in parts for line in _text_of(part, several=len(parts) > 1))


def _text_of(part: Part, *, several: bool) -> Iterator[str]:
    if several:
        yield f"resource {part.target}"
    if part.why:
        yield part.why
    for each in part.values:
        yield f"{each.what} {each.name}: {each.of}"
        if each.raw is not UNSET:
            yield f"    raw     {_shown(each.raw)}"
        if each.value is not UNSET:
            yield f"    value   {_shown(each.value)}"
        for line in lines({each.family: each.samples}):
            alone = "    (of this object alone)" if each.what == "aggregation" else ""
            yield f"    sample  {line}{alone}"
        for why in each.why:
            yield f"    note    {why}"


def as_json(parts: Sequence[Part]) -> list[Json]:
    """Return what targets make of an object as JSON."""
    return [
        {"counts": part.target, "why": part.why, "values": [_json(each) for each in part.values]}
        for part in parts
    ]


def _json(each: Explained) -> Json:
    found: Json = {"what": each.what, "name": each.name, "of": each.of}
    if each.raw is not UNSET:
        found["raw"] = msgspec.to_builtins(each.raw)
    if each.value is not UNSET:
        found["value"] = msgspec.to_builtins(each.value)
    found["samples"] = [
        {"name": each.family, "labels": dict(labels), "value": number}
        for labels, number in each.samples
    ]
    return {**found, "why": list(each.why)}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return cut(msgspec.json.encode(value).decode(), _LONGEST)


def named(sources: Mapping[str, Any], name: str) -> str:
    """Return what to say if there is no source of a name."""
    import difflib

    close = difflib.get_close_matches(name, sources, n=1)
    if close:
        return f"no source {name!r}: did you mean {close[0]!r}?"
    return f"no source {name!r}: there are {', '.join(sources) or 'none'}"
