"""Options of the services collector."""

from __future__ import annotations

import re

from xpjob.collect.scope import NamespacedOptions
from xpjob.config import parsers
from xpjob.config.option import option

ANNOTATION = "srcd.host/create-headless-service"

_NAMESPACED = re.compile(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII
)


def annotation(text: str) -> str:
    """Accept the key of an annotation."""
    if not text:
        raise parsers.invalid("annotation", text, f"a key, e.g. {ANNOTATION}")
    return parsers.key(text)


def deployment(text: str) -> tuple[str, str]:
    """Accept ``namespace/name``, or an empty text for none."""
    if text and not _NAMESPACED.fullmatch(text):
        raise parsers.invalid("Deployment", text, "namespace/name, e.g. kube-system/headless")
    namespace, _, name = text.partition("/")
    return namespace, name


class ServiceOptions(NamespacedOptions, frozen=True, kw_only=True):
    """Which pods are to have a Service, and how long they may lack it. Times are in seconds."""

    title = "Services"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    pod_annotation: str = option("Annotation of the pods that are to have a headless Service; its value is true.", ANNOTATION, annotation)
    service_grace_seconds: float = option("Time after which a pod without a working Service, or a Service without its pod, is reported as a finding.", "120", parsers.seconds(86_400, zero=True))
    service_operator: tuple[str, str] = option("Deployment of the operator that creates the Services, as namespace/name; its availability is then a metric.", "", deployment)
    pod_service_metrics: bool = option("Add a series for each row of the table.", "false", parsers.boolean, switch=True)
    # ruff: enable[E501]
    # fmt: on
