"""MetricSource documents, and what they make of objects."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from xpjob.collectors.sources.documents.metric_source import API_VERSION, KIND, read_metric_source
from xpjob.collectors.sources.metric_source.source import MetricSource, compile_metric_source
from xpjob.collectors.sources.metric_source.spec import MetricSourceSpec
from xpjob.collectors.sources.program import Limits, Outcome, Tally
from xpjob.collectors.sources.shape import Shape
from xpjob.config.located import Checker
from xpjob.config.yaml_documents import from_json, read_yaml
from xpjob.kube.discovery import Kind

FOO = Kind("ex.io", "v1", "foos", "Foo", namespaced=True)
LIMITS = Limits(now=1705314645.0)  # 2024-01-15T10:30:45Z
HEAD = f"""\
apiVersion: {API_VERSION}
kind: {KIND}
metadata: {{name: foos, namespace: team}}
spec:
"""
SOURCE = "  source: {apiVersion: ex.io/v1, kind: Foo}\n"


def read(text: str) -> tuple[MetricSourceSpec | None, list[str]]:
    """Return the source of a document in YAML, and its problems as ``line:column path: text``."""
    checker = Checker("f")
    nodes = read_yaml(text, checker)
    found = read_metric_source(nodes[0], checker) if nodes else None
    return found, [f"{p.line}:{p.column} {p.path}: {p.message}" for p in checker.problems]


def problems(spec: str) -> list[str]:
    """Return what is wrong with a ``spec`` that begins at line 5, or line 6 without a source."""
    body = textwrap.indent(textwrap.dedent(spec), "  ")
    return read(HEAD + ("" if "source:" in spec else SOURCE) + body)[1]


def compiled(name: str = "team/foos", **spec: Any) -> MetricSource:
    """Return the source with a ``spec``."""
    checker = Checker("f")
    source = {"apiVersion": "ex.io/v1", "kind": "Foo"}
    value = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "spec": {"source": source, "fields": [{"name": "uid", "path": ".metadata.uid"}], **spec},
    }
    found = read_metric_source(from_json(value), checker)
    assert found is not None, checker.problems
    return compile_metric_source(found, name)


def wire(source: MetricSource) -> type[Any]:
    """Return the type that decodes no more than what a source reads."""
    shape = Shape()
    source.declare(0, shape)
    return shape.wire()


def fold(
    source: MetricSource,
    objects: Iterable[Mapping[str, Any]],
    *,
    kind: Kind = FOO,
    limits: Limits = LIMITS,
) -> Tally:
    """Return what a source makes of a list, as it comes back from another process."""
    folder = source.folder(0, kind, limits)
    decode = msgspec.json.Decoder(wire(source)).decode
    for each in objects:
        folder.add(decode(msgspec.json.encode(each)))
    return msgspec.json.decode(msgspec.json.encode(folder.result()), type=Tally)


def outcome(
    source: MetricSource,
    *lists: Sequence[Mapping[str, Any]],
    limits: Limits = LIMITS,
) -> Outcome:
    """Return what a source is of the objects of lists."""
    return source.finish([fold(source, each, limits=limits) for each in lists], limits)


def foo(name: str = "a", namespace: str = "n", **parts: Any) -> dict[str, Any]:
    """Return an object."""
    return {"metadata": {"name": name, "namespace": namespace}, **parts}


def row(source: MetricSource, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an object, by column."""
    (found,) = outcome(source, [item]).rows
    made = msgspec.to_builtins(found)
    assert isinstance(made, dict)
    return made


def samples(source: MetricSource, *lists: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return samples as ``name{label=value} number``, without the prefix and the source."""
    found = outcome(source, *lists).series
    return [
        f"{name.removeprefix('clusterpulse_custom_resource_')}"
        f"{{{','.join(f'{k}={v}' for k, v in labels if k != 'source')}}} {value:g}"
        for name, series in found.items()
        for labels, value in series
    ]
