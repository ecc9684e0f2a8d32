"""Tenants' own configuration: ConfigMaps that name GVRs, one or more in a namespace."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from xpjob.collectors.crossplane.wire import ListMetadata, Metadata
from xpjob.config import parsers
from xpjob.kube.api import Api
from xpjob.kube.gvr import Gvr, parse_gvrs
from xpjob.kube.lists import Page, list_all

SELECTOR = "xp-tracker.kanzi.io/config=gvrs"
MOST_GVRS = 100
"""GVRs that a namespace may name: each costs a request, and series, in every run."""
_GVR_KEYS = ("CLAIM_GVRS", "XR_GVRS")
_MOST_SAID = 2_000
"""Characters of a log line on what is wrong: what tenants write may be a megabyte."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamespaceConfig:
    """One good ConfigMap: what to list, and whose annotations say who owns it."""

    namespace: str
    name: str
    claim_gvrs: tuple[Gvr, ...]
    xr_gvrs: tuple[Gvr, ...]
    creator_annotation_key: str
    team_annotation_key: str

    def __str__(self) -> str:
        return f"ConfigMap {self.namespace}/{self.name}"


class _ConfigMap(Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


class _ConfigMaps(Struct):
    items: list[_ConfigMap] | None
    metadata: ListMetadata | None = None


def read_configs(api: Api, namespace: str, page_size: int) -> tuple[list[NamespaceConfig], int]:
    """Return the good ConfigMaps of a namespace (empty means all), and how many are malformed.

    Raises the errors of ``list_all``. A malformed ConfigMap is a warning, never an error; so is
    one with which a namespace names too much.
    """
    within = f"/namespaces/{namespace}" if namespace else ""
    path = f"/api/v1{within}/configmaps"
    items = list_all(api, path, _decode, page_size=page_size, selector=SELECTOR).items
    good, malformed = [], 0
    named: Counter[str] = Counter()
    for item in sorted(items, key=lambda item: (item.metadata.namespace, item.metadata.name)):
        try:
            count = _count(item, named[item.metadata.namespace])
            good.append(_parse(item))
            named[item.metadata.namespace] += count
        except ValueError as error:
            malformed += 1
            _log.warning(
                "ConfigMap skipped: correct its data",
                extra={
                    "namespace": item.metadata.namespace,
                    "configmap": item.metadata.name,
                    "error": str(error)[:_MOST_SAID],
                },
            )
    return good, malformed


def _decode(body: bytes) -> Page[_ConfigMap]:
    page = msgspec.json.decode(body, type=_ConfigMaps)
    return Page(page.items or [], 0, (page.metadata and page.metadata.continue_) or "")


def _count(item: _ConfigMap, taken: int) -> int:
    """Return how many GVRs a ConfigMap names. Raises ``ValueError`` where that is too many.

    ``taken`` is what others of its namespace name.
    """
    data = item.data or {}
    count = sum(bool(gvr.strip()) for key in _GVR_KEYS for gvr in data.get(key, "").split(","))
    if taken + count > MOST_GVRS:
        beside = f" beside {taken} of this namespace's others" if taken else ""
        raise ValueError(
            f"names {count} GVRs{beside}, and a namespace may name {MOST_GVRS} in all: name fewer; "
            "whoever runs xpjob can have all kinds listed (DISCOVERY=always)"
        )
    return count


def _parse(item: _ConfigMap) -> NamespaceConfig:
    data = item.data or {}
    problems = []

    def read(key: str) -> tuple[Gvr, ...]:
        try:
            return parse_gvrs(data.get(key, ""))
        except ValueError as error:
            problems.append(f"{key}: {error}")
            return ()

    def read_key(key: str) -> str:
        try:
            return parsers.key(data.get(key, "").strip())
        except ValueError as error:
            problems.append(f"{key}: {error}")
            return ""

    config = NamespaceConfig(
        item.metadata.namespace,
        item.metadata.name,
        read("CLAIM_GVRS"),
        read("XR_GVRS"),
        read_key("CREATOR_ANNOTATION_KEY"),
        read_key("TEAM_ANNOTATION_KEY"),
    )
    if not problems and not config.claim_gvrs and not config.xr_gvrs:
        problems.append("names nothing: give CLAIM_GVRS or XR_GVRS")
    if problems:
        raise ValueError("; ".join(problems))
    return config
