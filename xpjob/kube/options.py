"""Options of the Kubernetes API."""

from __future__ import annotations

from xpjob.config import parsers
from xpjob.config.option import Group, option


class KubeOptions(Group, frozen=True, kw_only=True):
    """Which cluster to connect to, and how to list its objects."""

    title = "The cluster"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    kubeconfig: str = option("Kubeconfig file; if empty, the service account in a pod, otherwise ~/.kube/config.", "", str)
    context: str = option("Context in the kubeconfig; empty means its current context.", "", str, variable="KUBE_CONTEXT")
    page_size: int = option("Objects per list request; fewer where they are large.", "500", parsers.whole(1, 10_000))
    concurrency: int = option("Number of concurrent list requests.", "4", parsers.whole(1, 64))
    # ruff: enable[E501]
    # fmt: on
