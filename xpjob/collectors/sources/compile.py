"""Turn documents into sources: find their format, and refuse what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from xpjob.collectors.sources.documents.manifests import manifests
from xpjob.collectors.sources.documents.metric_source import KIND as METRIC_SOURCE
from xpjob.collectors.sources.documents.metric_source import read_metric_source
from xpjob.collectors.sources.documents.places import MAX_DOCUMENTS, Document
from xpjob.collectors.sources.metric_source.source import compile_metric_source
from xpjob.collectors.sources.metric_source.spec import MetricSourceSpec
from xpjob.collectors.sources.options import Mode
from xpjob.collectors.sources.program import Source
from xpjob.collectors.sources.state_metrics.document import read_custom_resource_state
from xpjob.collectors.sources.state_metrics.source import compile_custom_resource_state
from xpjob.collectors.sources.state_metrics.where import find_custom_resource_state
from xpjob.config.located import Checker, Node, Problem, from_json, read_yaml

MAX_SOURCES, MAX_OF_NAMESPACE = 2_000, MAX_DOCUMENTS
"""Sources of a run, and of one namespace: each costs time in every run."""
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
    names: dict[str, str] = {}
    families: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for document in documents:
        if problems := _too_many(counts, document):
            made.refused.append(Refused(document.name, document, problems))
            continue
        for result in _compiled(document, mode):
            if isinstance(result, Refused):
                made.refused.append(result)
                continue
            if problems := _too_many(counts, document):
                made.refused.append(Refused(result.source.name, document, problems))
                break
            if problems := _clash(result, names, families):
                made.refused.append(Refused(result.source.name, document, problems))
                continue
            counts[document.namespace] += 1
            names[result.source.name] = document.origin
            for family in result.source.families:
                families.setdefault(family.name, (family.type, result.source.name))
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
        if spec:
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


def _clash(
    compiled: Compiled, names: dict[str, str], families: dict[str, tuple[str, str]]
) -> list[Problem]:
    """Return why a source cannot be used beside those before it."""
    source, origin = compiled.source, compiled.document.origin
    texts = []
    if source.name in names:
        texts.append(f"source {source.name!r} is already defined in {names[source.name]}")
    for family in source.families:
        type_, owner = families.get(family.name, (family.type, ""))
        if type_ != family.type:
            texts.append(
                f"metric {family.name} is a {family.type} here, but a {type_} in source {owner!r}; "
                "a name can have only one type, so rename one of them"
            )
        if family.name.startswith(RESERVED_PREFIXES):
            texts.append(f"metric {family.name}: this prefix is reserved for xpjob itself")
    return [Problem(origin, 0, 0, "", text) for text in texts]
