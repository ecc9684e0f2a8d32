"""Options of the inventory: which namespaces, for how long, and which series."""

from __future__ import annotations

from collections.abc import Iterator

from xpjob.collect.scope import NamespacedOptions, namespaces
from xpjob.config import parsers
from xpjob.config.option import Config, Problem, option


class InventoryOptions(NamespacedOptions, frozen=True, kw_only=True):
    """What is listed, what is kept of it, and which series it gives. Times are in seconds."""

    title = "Deployments"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    exclude_namespaces: tuple[str, ...] = option("Namespaces whose pods are ignored, comma-separated.", "", namespaces)
    gone_keep_seconds: float = option("Time for which containers that no longer run stay in the table.", "604800", parsers.seconds(31_536_000, zero=True))
    digest_metrics: bool = option("Add series for each container and digest.", "false", parsers.boolean, switch=True)
    github_repository_annotation: str = option("Annotation of pods or workloads with the name of the repository on GitHub, for images without attestation.", "", parsers.key)
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield the two choices of namespaces if both are made."""
        if self.namespace and self.exclude_namespaces:
            text = "EXCLUDE_NAMESPACES: NAMESPACE is also set; set only one of them"
            yield "exclude_namespaces", text

    def covers(self, namespace: str) -> bool:
        """Return whether the pods of a namespace are listed, and not ignored."""
        listed = not self.namespace or namespace in self.namespace
        return listed and namespace not in self.exclude_namespaces
