"""Objects from files, in every shape in which kubectl prints them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from xpjob.config.yaml_documents import check_depth
from xpjob.kube.discovery import Kind

Item = Mapping[str, Any]
STDIN = Path("-")
_SUFFIXES = (".yaml", ".yml", ".json")
_MOST_DEPTH, _MOST_VALUES = 1_000, 20_000_000
"""Levels of one document, and values with those that YAML aliases repeat."""


class ObjectsError(ValueError):
    """Objects cannot be read; the message says which, and why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as an API server does: times and numbers to the base of 60 stay text."""


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in pairs
        if tag not in ("tag:yaml.org,2002:timestamp", _INT, _FLOAT)
    ]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"[-+]?([0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?"
               r"|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+.0123456789"),
)  # fmt: skip


def read_objects(path: Path) -> list[Item]:
    """Return the objects of a file, of the YAML and JSON files of a directory, or of stdin (-).

    The items of a List are objects too. Raises ``ObjectsError``.
    """
    paths = [path]
    if path != STDIN and path.is_dir():
        paths = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
        if not paths:
            raise ObjectsError(f"{path}: has no file that ends in {', '.join(_SUFFIXES)}")
    return [item for each in paths for item in _objects(each)]


def _objects(path: Path) -> Iterator[Item]:
    name = "stdin" if path == STDIN else str(path)
    try:
        body = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        for document in _documents(body):
            if document is not None:
                yield from _flattened(document, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ObjectsError(f"{name}{at}: invalid YAML: {error.problem}") from error
    except OSError as error:
        raise ObjectsError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ObjectsError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, RecursionError) as error:
        raise ObjectsError(f"{name}: cannot be read: {error}") from error


def _documents(body: bytes) -> Iterator[Any]:
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            yield msgspec.json.decode(body)
        except msgspec.DecodeError:
            pass  # several documents, or YAML that begins like JSON
        else:
            return
    check_depth(body, _Loader, _MOST_DEPTH, _MOST_VALUES)
    for document in yaml.load_all(body.decode(), _Loader):
        if _values(document) > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES} values in a document, with its aliases")
        yield document


def _values(root: Any) -> int:
    """Return how many values a document has, with those that aliases repeat.

    Raises ``RecursionError`` if one contains itself.
    """
    known: dict[int, int] = {}

    def count(value: Any) -> int:
        if not isinstance(value, (dict, list)):
            return 1
        found = known.get(id(value))
        if found is None:
            parts: Iterable[Any] = value.values() if isinstance(value, dict) else value
            found = known[id(value)] = 1 + sum(map(count, parts))
        return found

    return count(root)


def _flattened(document: Any, name: str) -> Iterator[Item]:
    if isinstance(document, list):
        for item in document:
            yield from _flattened(item, name)
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ObjectsError(f"{name}: expected Kubernetes objects, each with apiVersion and kind")
    kind = document["kind"]
    if not (kind.endswith("List") and "items" in document):
        # As an API server answers: with the keys and numbers that JSON has.
        yield msgspec.json.decode(msgspec.json.encode(document))
        return
    # The items of a typed list have no kind of their own.
    own = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
    for item in document["items"] or ():
        typed = isinstance(item, dict) and kind != "List"
        yield from _flattened({**own, **item} if typed else item, name)


def kind_of(item: Item) -> Kind:
    """Return the kind of an object, as far as that shows in it: its plural does not."""
    group, _, version = str(item.get("apiVersion") or "").rpartition("/")
    return Kind(group, version, "", str(item.get("kind") or ""), bool(place_of(item)[0]))


def kinds_of(items: Iterable[Item]) -> list[str]:
    """Return the kinds of objects, as messages name them."""
    kinds = {"/".join(filter(None, (k.group, k.version, k.kind))) for k in map(kind_of, items)}
    return sorted(kinds)


def place_of(item: Item) -> tuple[str, str]:
    """Return the namespace and the name of an object, empty where it has none."""
    metadata = item.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    return str(found.get("namespace") or ""), str(found.get("name") or "")
