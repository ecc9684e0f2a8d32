"""The calls of GitHub's API that take deployment records of one place."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from xpjob.collectors.deployments.github import answers
from xpjob.collectors.deployments.github.answers import Progress, Settled, Started
from xpjob.collectors.deployments.github.client import Client
from xpjob.collectors.deployments.github.records import Record
from xpjob.collectors.deployments.github.state import Place

T = TypeVar("T")


class Way(IntEnum):
    """How records are sent: by a background job, a synchronous call, or one by one."""

    JOB = 0
    CALL = 1
    SINGLE = 2


SIZES = {Way.JOB: 5000, Way.CALL: 1000, Way.SINGLE: 1}
"""Records of one request."""


class Calls:
    """Each raises the errors of ``Client``, and ``BadAnswerError``."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self._place = place

    def start(self, records: Sequence[Record]) -> Started:
        """Start a background job."""
        what = f"starting a job for {len(records)} deployment records"
        path = self._path("cluster", self._place.cluster, "jobs")
        return self._post(what, path, Started, deployments=records)

    def progress(self, job: int) -> Progress:
        """Ask for a background job."""
        what = f"asking for job {job}"
        path = self._path("cluster", self._place.cluster, "jobs", str(job))
        return answers.decoded(what, self._client.get(what, path), Progress)

    def call(self, records: Sequence[Record]) -> Settled:
        """Send records by a synchronous call."""
        what = f"sending {len(records)} deployment records"
        path = self._path("cluster", self._place.cluster)
        return self._post(
            what, path, Settled, deployments=records, partial_success=True, return_records=False
        )

    def single(self, record: Record) -> Settled:
        """Send one record."""
        what = f"sending the deployment record {record.deployment_name}"
        fields = {**msgspec.to_builtins(record), "cluster": self._place.cluster}
        return self._post(what, self._path(), Settled, **fields, return_records=False)

    def _post(self, what: str, path: str, kind: type[T], **fields: Any) -> T:
        body = {
            "logical_environment": self._place.logical_environment,
            "physical_environment": self._place.physical_environment,
            **fields,
        }
        return answers.decoded(what, self._client.post(what, path, body), kind)

    def _path(self, *parts: str) -> str:
        return self._client.org("artifacts", "metadata", "deployment-record", *parts)
