"""Turn documents into sources: find their format, and refuse what is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from xpjob.collectors.sources.documents.manifests import manifests
from xpjob.collectors.sources.documents.metric_source import KIND as METRIC_SOURCE
from xpjob.collectors.sources.documents.metric_source import read_metric_source
from xpjob.collectors.sources.documents.places import MAX_DOCUMENTS, Document
from xpjob.collectors.sources.metric_source.source import PREFIX, compile_metric_source
from xpjob.collectors.sources.metric_source.spec import MetricSourceSpec
from xpjob.collectors.sources.options import Mode
from xpjob.collectors.sources.program import Source
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics.document import read_custom_resource_state
from xpjob.collectors.sources.state_metrics.source import compile_custom_resource_state
from xpjob.collectors.sources.state_metrics.where import find_custom_resource_state
from xpjob.config.located import Checker, Node, Problem
from xpjob.config.yaml_documents import from_json, read_yaml

MAX_SOURCES, MAX_OF_NAMESPACE = 2_000, MAX_DOCUMENTS
"""Sources of a run, and of one namespace: each costs time in every run."""
_NAME = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?")
RESERVED_PREFIXES = ("xpjob_", "xp_tracker_")
"""Families of xpjob itself."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A source, and its document. ``problems`` are warnings."""

    source: Source
    document: Document
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that is no source, or whose source has mistakes."""

    name: str
    document: Document
    problems: Sequence[Problem]


@dataclass(slots=True)
class Sources:
    """What documents became."""

    compiled: list[Compiled] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def compile_documents(documents: Iterable[Document], mode: Mode) -> Sources:
    """Compile all documents. A mistake costs only its document, and each has all of its mistakes.

    The first of two sources with one name, or of two that give one family different types, is kept.
    """
    made = Sources()
    known = _Known()
    counts: Counter[str] = Counter()
    for document in documents:
        if problems := _too_many(counts, document):
            made.refused.append(Refused(document.name, document, problems))
            continue
        for result in _each(document, mode):
            if isinstance(result, Refused):
                made.refused.append(result)
                continue
            if problems := _too_many(counts, document):
                made.refused.append(Refused(result.source.name, document, problems))
                break
            if problems := known.clash(result):
                made.refused.append(Refused(result.source.name, document, problems))
                continue
            counts[document.namespace] += 1
            known.add(result)
            made.compiled.append(result)
    return made


def _too_many(counts: Counter[str], document: Document) -> list[Problem]:
    """Return that a document is one too many; what is in it is not looked at then."""
    where, most = "", MAX_SOURCES
    if document.namespace and counts[document.namespace] >= MAX_OF_NAMESPACE:
        where, most = f" of namespace {document.namespace}", MAX_OF_NAMESPACE
    elif counts.total() < MAX_SOURCES:
        return []
    text = f"there are {most} sources{where} already, and no more are counted: remove some"
    return [Problem(document.origin, 0, 0, "", text)]


def read(document: Document) -> tuple[list[tuple[Node, Document]], list[Problem]]:
    """Return the documents in a document, and the mistakes that keep it from being read."""
    if document.error:
        return [], [Problem(document.origin, 0, 0, "", document.error)]
    checker = Checker(document.origin)
    if document.content is not None:
        try:
            roots = [from_json(document.content)]
        except RecursionError:
            return [], [Problem(document.origin, 0, 0, "", "is nested too deep")]
    else:
        roots = read_yaml(document.text, checker)
        if checker.failed:  # of what is no YAML, or has a key twice, nothing is to be trusted
            return [], checker.problems
    found = [part for root in roots for part in manifests(root, document, checker)]
    if not (found or checker.problems):
        return [], [Problem(document.origin, 0, 0, "", "is empty")]
    return found, checker.problems


def _each(document: Document, mode: Mode) -> list[Compiled | Refused]:
    """Return the sources of a document. Nothing in it affects other documents."""
    try:
        results = list(_compiled(document, mode))
        for result in results:
            if isinstance(result, Compiled):
                for number in range(len(result.source.targets)):
                    result.source.declare(number, shape := Shape())
                    shape.wire()
    except Exception as error:  # noqa: BLE001 - a bug, which must cost this document only
        text = f"internal error ({type(error).__name__}); report this bug"
        return [Refused(document.name, document, [Problem(document.origin, 0, 0, "", text)])]
    return results


def _compiled(document: Document, mode: Mode) -> Iterator[Compiled | Refused]:
    found, problems = read(document)
    if problems:
        yield Refused(document.name, document, problems)
    for root, part in found:
        yield from _of_root(root, part, mode)


def _of_root(root: Node, document: Document, mode: Mode) -> list[Compiled | Refused]:
    kind = root.get("kind")
    if kind is not None and kind.text == METRIC_SOURCE:
        checker = Checker(document.origin)
        spec = read_metric_source(root, checker)
        source: Source | None = None
        if spec and not _NAME.fullmatch(spec.name):
            checker.error(root, "metadata.name: expected lower-case letters, digits, - and .")
        elif spec:
            source = compile_metric_source(spec, _name(spec, document))
        return [_result(source, document, checker)]
    found = find_custom_resource_state(root)
    if not found:
        checker = Checker(document.origin)
        checker.error(
            root,
            "neither a MetricSource nor a custom resource state configuration (spec.resources)",
        )
        return [_result(None, document, checker)]
    results = []
    for number, node in enumerate(found, 1):
        checker = Checker(document.origin)
        config = read_custom_resource_state(node, checker, mode)
        name = document.name if number == 1 else f"{document.name}-{number}"
        made = compile_custom_resource_state(config, name, mode)
        results.append(_result(made, document, checker))
    return results


def _name(spec: MetricSourceSpec, document: Document) -> str:
    """Return the name of a MetricSource: nobody can take one of another namespace."""
    namespace = document.namespace or spec.namespace
    if not spec.name:
        return document.name
    return f"{namespace}/{spec.name}" if namespace else spec.name


def _result(source: Source | None, document: Document, checker: Checker) -> Compiled | Refused:
    if source is None or checker.failed:
        name = source.name if source else document.name
        return Refused(name, document, checker.problems)
    return Compiled(source, document, checker.problems)


class _Known:
    """What sources have taken: names, tables, and families with their types."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._tables: dict[str, str] = {}
        self._families: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, compiled: Compiled) -> None:
        """Note what a source has."""
        source, document = compiled.source, compiled.document
        self._names[source.name] = document.origin
        if source.table:
            self._tables[source.table.key] = source.name
        for family in source.families:
            key = (document.namespace, family.name)
            self._families.setdefault(key, (family.type, source.name))

    def clash(self, compiled: Compiled) -> list[Problem]:
        """Return why a source cannot be used beside those before it.

        Types are compared within a namespace, and with those of files: nobody can take a family
        of another namespace.
        """
        source, document = compiled.source, compiled.document
        texts = []
        if source.name in self._names:
            texts.append(f"source {source.name!r} is already defined in {self._names[source.name]}")
        elif source.table and source.table.key in self._tables:
            other = self._tables[source.table.key]
            texts.append(f"its table has the name of that of source {other!r}: rename one of them")
        for family in source.families:
            for namespace in dict.fromkeys(("", document.namespace)):
                known = self._families.get((namespace, family.name))
                if known and known[0] != family.type:
                    texts.append(
                        f"metric {family.name} is a {family.type} here, but a {known[0]} in source "
                        f"{known[1]!r}; a name can have only one type, so rename one of them"
                    )
            if family.name.startswith(RESERVED_PREFIXES):
                texts.append(f"metric {family.name}: this prefix is reserved for xpjob itself")
            if family.name.startswith(PREFIX) and source.table is None:
                texts.append(f"metric {family.name}: this prefix is that of MetricSources")
        return [Problem(document.origin, 0, 0, "", text) for text in texts]
