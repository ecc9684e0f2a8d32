"""Rows to deployment records, with GitHub's rules for their fields checked before they are sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from xpjob.collectors.deployments.github.settings import PLACEHOLDER

DEPLOYED, DECOMMISSIONED = "deployed", "decommissioned"
RISKS = ("critical-resource", "internet-exposed", "lateral-movement", "sensitive-data")
MAX_NAME, MAX_VERSION, MAX_TAGS, MAX_TAG = 256, 100, 5, 100
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")


class Row(Protocol):
    """What is read of a row of the table ``deployments``."""

    namespace: str
    workload_group: str
    workload_kind: str
    workload: str
    container: str
    image: str
    tag: str
    digest: str
    pods: int
    since: str
    until: str
    tags: dict[str, str]
    risks: tuple[str, ...]
    github_repository: str
    scaled_to_zero: bool
    carried_since: str

    @property
    def container_kind(self) -> str:
        """Return container, init, sidecar, ephemeral or imageVolume."""


class Record(Struct, frozen=True, omit_defaults=True):
    """A record as GitHub's API takes it. Its identity at GitHub is ``deployment_name``."""

    name: str
    digest: str
    deployment_name: str
    status: str
    version: str = ""
    tags: dict[str, str] = {}
    runtime_risks: list[str] = []
    github_repository: str = ""

    def content(self) -> str:
        """Return a short text that changes with every field."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def name_of(row: Row, template: str) -> str:
    """Return the deployment name of a row. Values are not searched for placeholders again."""
    values = {
        "namespace": row.namespace,
        "workloadKind": row.workload_kind,
        "deploymentName": row.workload,
        "containerName": row.container,
    }
    return PLACEHOLDER.sub(lambda match: values[match[1]], template)


def record_of(row: Row, name: str, organisation: str) -> Record:
    """Return the record of a row that runs.

    The name is the image as it is written, without tag and digest. What GitHub does not need and
    would refuse (a tag of more than 100 characters, an invalid repository or risk) is left out.
    """
    image = row.image.partition("@")[0]
    version = row.tag if image.endswith(f":{row.tag}") else ""
    return Record(
        name=image.removesuffix(f":{version}") if version else image,
        digest=row.digest,
        deployment_name=name,
        status=DEPLOYED,
        version=version if len(version) <= MAX_VERSION else "",
        tags=_tags(row.tags),
        runtime_risks=sorted(set(row.risks) & set(RISKS)),
        github_repository=_repository(row.github_repository, organisation),
    )


def refusal(record: Record) -> tuple[str, str]:
    """Return why GitHub can never accept a record: a cause and an explanation, or two ""."""
    if not _DIGEST.fullmatch(record.digest):
        return "digest", f"{record.digest} is not sha256: and 64 lower-case hexadecimal digits"
    for cause, text in (("name", record.name), ("deployment_name", record.deployment_name)):
        if not 1 <= len(text) <= MAX_NAME:
            return cause, f"the {cause} has {len(text)} characters, at most {MAX_NAME} are allowed"
    return "", ""


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    fitting = {
        key: value
        for key, value in sorted(tags.items())
        if key and len(key) <= MAX_TAG and len(value) <= MAX_TAG
    }
    return dict(list(fitting.items())[:MAX_TAGS])


def _repository(text: str, organisation: str) -> str:
    owner, slash, name = text.strip().rpartition("/")
    if slash and owner.lower() != organisation.lower():
        return ""  # GitHub looks only in the organisation itself
    return name if _REPOSITORY.fullmatch(name) else ""


def workload_of(row: Row) -> tuple[str, str, str, str]:
    """Return the identity of a row's workload."""
    return row.namespace, row.workload_group, row.workload_kind, row.workload
