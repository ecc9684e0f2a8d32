"""Convert the custom resource state of files to MetricSources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from xpjob.collectors.sources.compile import read
from xpjob.collectors.sources.documents.metric_source import KIND
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.state_metrics.convert import convert
from xpjob.collectors.sources.state_metrics.document import read_custom_resource_state
from xpjob.collectors.sources.state_metrics.where import find_custom_resource_state
from xpjob.config.located import Checker, Problem


@dataclass(slots=True)
class Converted:
    """MetricSources in YAML, what they cannot say, and mistakes; warnings are no mistakes."""

    texts: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Return whether a document could not be converted."""
        return any(not problem.warning for problem in self.problems)


def convert_all(documents: Iterable[Document]) -> Converted:
    """Convert documents; one with mistakes costs only itself."""
    made = Converted()
    for document in documents:
        found, problems = read(document)
        made.problems += problems
        for root, part in found:
            checker = Checker(part.origin)
            nodes = find_custom_resource_state(root)
            kind = root.get("kind")
            if not nodes and kind is not None and kind.text == KIND:
                checker.error(root, "is a MetricSource already")
            elif not nodes:
                checker.error(root, "no custom resource state configuration (spec.resources)")
            for number, node in enumerate(nodes, 1):
                own = Checker(part.origin)
                config = read_custom_resource_state(node, own, "default")
                checker.problems += own.problems
                if not own.failed:
                    name = f"{part.name}-{number}" if len(nodes) > 1 else part.name
                    text, unsaid = convert(config, name)
                    made.texts.append(text)
                    made.unsaid += [f"{part.origin}: {line}" for line in unsaid]
            made.problems += checker.problems
    return made
