"""Options of the sources collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from xpjob.base.wildcards import Wildcard
from xpjob.config import parsers
from xpjob.config.option import Config, Group, Problem, option

FILES, CONFIGMAPS, OBJECTS = "files", "configmaps", "objects"
"""Where documents come from."""
Mode = Literal["default", "compat"]

_NAMESPACES = parsers.each(
    parsers.matching("namespace", r"[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?", "a name, * allowed")
)


class SourcesOptions(Group, frozen=True, kw_only=True):
    """Where the documents of sources are, and how much they may count."""

    title = "Sources"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    metric_sources: str = option("File or directory with sources: MetricSource, or the custom resource state configuration of kube-state-metrics.", "", str)
    sources_from: tuple[str, ...] = option("Where to look for sources: files (METRIC_SOURCES), configmaps (labelled ones), objects (of kind MetricSource); comma-separated.", "files,configmaps,objects", parsers.some_of(FILES, CONFIGMAPS, OBJECTS))
    source_admin_namespaces: tuple[str, ...] = option("Namespaces whose ConfigMaps and MetricSource objects may count objects of the whole cluster; * allowed, comma-separated. Those of other namespaces count their own.", "", _NAMESPACES)
    state_metrics_mode: str = option("How the custom resource state of kube-state-metrics is read: default (with improvements) or compat (the same series).", "default", parsers.one_of("default", "compat"))
    source_max_series: int = option("Series of all families of one source; above it, its largest families are left out.", "20000", parsers.whole(1, 1_000_000))
    sources_max_series: int = option("Series of all sources; above it, the largest families are left out.", "100000", parsers.whole(1, 1_000_000))
    # ruff: enable[E501]
    # fmt: on

    @property
    def mode(self) -> Mode:
        """Return how the configuration of kube-state-metrics is read."""
        return "compat" if self.state_metrics_mode == "compat" else "default"

    def sees_all(self, namespace: str) -> bool:
        """Return whether documents of a namespace may count objects of the whole cluster."""
        return any(Wildcard(text).matches(namespace) for text in self.source_admin_namespaces)

    def owner(self, namespace: str) -> str:
        """Return the namespace of documents that count only what is in it; empty for others."""
        return "" if not namespace or self.sees_all(namespace) else namespace

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield a path that does not exist: nothing would be counted, and nothing said."""
        yield from super().problems(config)
        if self.metric_sources and FILES in self.sources_from:
            path = Path(self.metric_sources)
            if not (path.is_file() or path.is_dir()):
                text = f"METRIC_SOURCES: {self.metric_sources!r} is neither a file nor a directory"
                yield "metric_sources", text
