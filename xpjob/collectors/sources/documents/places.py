"""Where documents lie: files, ConfigMaps with a label, and MetricSource objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from xpjob.base import patience
from xpjob.collect.contract import World
from xpjob.config.yaml_documents import MAX_BYTES
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey

CONFIGMAPS = Gvr("", "v1", "configmaps")
SELECTOR = "xp-tracker.kanzi.io/config=sources"
METRIC_SOURCE_GROUP, METRIC_SOURCES = "clusterpulse.io", "metricsources"
MAX_DOCUMENTS = 100
"""Documents of one namespace: each costs time in every run."""
MAX_TEXT, MAX_ALL_TEXT = MAX_BYTES, 32 << 20
"""Bytes of the documents of one namespace, and of all namespaces."""
_SUFFIXES = (".yaml", ".yml", ".json")
_SECONDS = 10.0
"""Seconds for reading all files: a network file system may hang."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text, or one object, that may describe sources.

    ``name`` is what its sources are called if they have no name of their own, ``origin`` where it
    is for messages. ``namespace`` is that of the ConfigMap or object, empty for files. ``error``
    says why it cannot be used; ``unread``: because it could not be read, and may be as it was.
    """

    name: str
    origin: str
    place: str
    namespace: str = ""
    text: str = ""
    content: Mapping[str, Any] | None = None
    error: str = ""
    unread: bool = False


STDIN = Document("stdin", "stdin", "file")


def from_files(path: Path) -> list[Document]:
    """Return the documents of a file, or of the YAML and JSON files of a directory, by name.

    What cannot be read is a document with an error; a directory that cannot be is one, too.
    """
    try:
        return patience.within(_SECONDS, lambda: list(_files(path)))
    except TimeoutError:
        error = f"reading it took longer than {_SECONDS:.0f} s"
    except OSError as problem:
        error = problem.strerror or str(problem)
    unread = f"cannot be read: {error}"
    return [Document(path.name, str(path), "file", error=unread, unread=True)]


def _files(path: Path) -> Iterator[Document]:
    paths = [path]
    if path.is_dir():
        paths = sorted(
            each
            for each in path.iterdir()
            if each.suffix in _SUFFIXES and not each.name.startswith(".") and each.is_file()
        )
        if not paths:
            text = f"has no file that ends in {', '.join(_SUFFIXES)}"
            yield Document(path.name, str(path), "file", error=text)
    for each in paths:
        document = Document(each.stem, str(each), "file")
        try:
            with each.open("rb") as stream:
                yield from_stream(stream, document)
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
            yield replace(document, error=why, unread=True)


def from_stream(stream: BinaryIO, document: Document = STDIN) -> Document:
    """Return a document with the text of a stream, at most a little more than it may have."""
    try:
        return replace(document, text=stream.read(MAX_BYTES + 1).decode())
    except UnicodeDecodeError as error:
        return replace(document, error=f"cannot be read: {error}", unread=True)


class _Named(Struct):
    name: str
    namespace: str = ""


class _ConfigMap(Struct):
    metadata: _Named
    data: dict[str, str] | None = None


class _Object(Struct):
    metadata: _Named
    spec: Any = None


def config_list() -> ListKey:
    """Return the list of the ConfigMaps with sources."""
    return ListKey(CONFIGMAPS, "", SELECTOR)


def from_configmaps(world: World) -> list[Document]:
    """Return the documents of ConfigMaps: one for each key. Raises the errors of ``World.fold``."""
    return list(world.fold(config_list(), _ConfigMap, _ConfigMaps)[0])


def from_objects(world: World, kind: Kind) -> list[Document]:
    """Return MetricSource objects. Raises the errors of ``World.fold``."""
    return list(world.fold(ListKey(kind.gvr), _Object, lambda: _Objects(kind))[0])


class _Bounded:
    """Keeps documents up to the limits of each namespace, and of all; further ones have an error.

    A document that is too large leaves its room to those after it.
    """

    def __init__(self) -> None:
        self._documents: list[Document] = []
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def _add(self, document: Document) -> None:
        size = len(document.text) or len(msgspec.json.encode(document.content))
        if error := self._too_much(document.namespace, size):
            document = replace(document, text="", content=None, error=error)
        else:
            self._bytes[document.namespace] += size
        self._counts[document.namespace] += 1
        self._documents.append(document)

    def _too_much(self, namespace: str, size: int) -> str:
        if self._counts[namespace] >= MAX_DOCUMENTS:
            return f"more than {MAX_DOCUMENTS} documents in namespace {namespace}"
        if self._bytes[namespace] + size > MAX_TEXT:
            return f"the documents of namespace {namespace} are larger than {MAX_TEXT >> 20} MiB"
        if self._bytes.total() + size > MAX_ALL_TEXT:
            return f"the documents of all namespaces are larger than {MAX_ALL_TEXT >> 20} MiB"
        return ""

    def result(self) -> Sequence[Document]:
        """Return the documents in the order of their names."""
        return sorted(self._documents, key=lambda document: document.name)


class _ConfigMaps(_Bounded):
    def page(self, objects: Sequence[_ConfigMap]) -> None:
        """Take the ConfigMaps of a page."""
        for item in objects:
            name = f"{item.metadata.namespace}/{item.metadata.name}"
            data = item.data or {}
            for key, text in sorted(data.items()):
                self._add(
                    Document(
                        name if len(data) == 1 else f"{name}/{key}",
                        f"ConfigMap {name}, key {key}",
                        "configmap",
                        item.metadata.namespace,
                        text,
                    )
                )


class _Objects(_Bounded):
    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind = kind

    def page(self, objects: Sequence[_Object]) -> None:
        """Take the objects of a page."""
        for item in objects:
            namespace, name = item.metadata.namespace, item.metadata.name
            content = {
                "apiVersion": f"{self._kind.group}/{self._kind.version}",
                "kind": self._kind.kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": item.spec,
            }
            origin = f"{self._kind.kind} {namespace}/{name}"
            self._add(Document(f"{namespace}/{name}", origin, "object", namespace, content=content))
