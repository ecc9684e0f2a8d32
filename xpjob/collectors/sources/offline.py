"""Run sources over objects from files, without a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from xpjob.collectors.sources.compile import Compiled
from xpjob.collectors.sources.planning import accepts_object
from xpjob.collectors.sources.program import Limits, Outcome, Tally, Target
from xpjob.collectors.sources.shape import Shape
from xpjob.kube.discovery import Kind

_SUFFIXES = (".yaml", ".yml", ".json")


class ObjectsError(ValueError):
    """Objects cannot be read; the message says which, and why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as an API server does: times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}


def read_objects(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file, or of the YAML and JSON files of a directory.

    The items of a List are objects too. Raises ``ObjectsError``.
    """
    paths = [path]
    if path.is_dir():
        paths = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
    return [item for each in paths for item in _objects(each)]


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(path.read_text(), _Loader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ObjectsError(f"{path}: cannot be read: {error}") from error
    for document in documents:
        if document is not None:
            yield from _flattened(document, path)


def _flattened(document: Any, path: Path) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ObjectsError(f"{path}: expected Kubernetes objects, each with apiVersion and kind")
    items = document.get("items")
    if document["kind"].endswith("List") and isinstance(items, list):
        # Items of a typed list have no kind of their own.
        kind = document["kind"].removesuffix("List")
        own = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
        for item in items:
            yield from _flattened({**own, **item} if isinstance(item, dict) else item, path)
    else:
        yield document


def kind_of(item: Mapping[str, Any]) -> Kind:
    """Return the kind of an object. Its plural is not known."""
    group, _, version = str(item.get("apiVersion") or "").rpartition("/")
    metadata = item.get("metadata")
    namespaced = isinstance(metadata, dict) and bool(metadata.get("namespace"))
    return Kind(group, version, "", str(item.get("kind") or ""), namespaced)


def selected(target: Target, kind: Kind) -> bool:
    """Return whether a target has objects of a kind, as far as that shows in an object."""
    return bool(target.category) or (
        target.group in ("*", kind.group)
        and target.version in ("*", "", kind.version)
        and target.kind in ("*", "", kind.kind)
    )


def evaluate(compiled: Compiled, objects: Iterable[Mapping[str, Any]], limits: Limits) -> Outcome:
    """Return what a source makes of objects, as a run would."""
    source = compiled.source
    by_kind: dict[Kind, list[Mapping[str, Any]]] = defaultdict(list)
    for item in objects:
        by_kind[kind_of(item)].append(item)
    tallies: list[Tally] = []
    for number, target in enumerate(source.targets):
        accepts = accepts_object(target)
        shape = Shape()
        metadata = shape.key("metadata")
        for name in ("name", "namespace", "labels"):
            metadata.key(name).take()
        source.declare(number, shape)
        decoder = msgspec.json.Decoder(shape.wire())
        for kind, some in by_kind.items():
            if not selected(target, kind):
                continue
            folder = source.folder(number, kind, limits)
            for item in decoded(decoder, some):
                if accepts is None or accepts(item):
                    folder.add(item)
            tallies.append(folder.result())
    return source.finish(tallies, limits)


def decoded(
    decoder: msgspec.json.Decoder[Any], objects: Sequence[Mapping[str, Any]]
) -> Iterator[Any]:
    """Yield objects as they are decoded from the answer of an API server."""
    for item in objects:
        yield decoder.decode(msgspec.json.encode(item))
