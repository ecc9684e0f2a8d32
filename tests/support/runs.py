"""Whole runs of the job: stand-in API, directory store, real Pushgateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from support.collectors import CROSSPLANE
from support.processes import text
from support.stand_in import StandIn
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.net.deadline import Deadline
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.terminal.progress import Silent


class Runs:
    """Runs of the job with the same settings."""

    def __init__(self, stand_in: StandIn, directory: Path, gateway: str) -> None:
        self.stand_in = stand_in
        self.directory = directory
        self.gateway = gateway

    def run(
        self,
        *,
        dry_run: bool = False,
        journal: Journal | None = None,
        deadline: Deadline | None = None,
        **given: str,
    ) -> Result:
        """Do one run."""
        own = {
            "kubeconfig": str(self.stand_in.kubeconfig),
            "creator_annotation_key": "example.org/creator",
            "team_annotation_key": "example.org/team",
            "store_backend": "directory",
            "store_dir": str(self.directory),
            "pushgateway_url": self.gateway,
            "page_size": "2",
        }
        config = load({**own, **given}, {}, GROUPS)
        return job.run(
            config, CROSSPLANE, Silent(), dry_run=dry_run, journal=journal, deadline=deadline
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the stored snapshot as anybody reads it."""
        document: dict[str, Any] = json.loads((self.directory / "snapshot.json").read_text())
        return document

    def names(self) -> set[str]:
        """Return the names of the claims in the stored snapshot."""
        return {record["name"] for record in self.snapshot()["claims"]}

    def value(self, name: str, job: str = "xpjob", **labels: str) -> float:
        """Return the sum of the gateway's series of that name with these labels."""
        wanted = {"job": job, **labels}
        return sum(
            sample.value
            for family in text_string_to_metric_families(text(f"{self.gateway}/metrics"))
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )


def fail(runs: Runs, fragment: str, status: int) -> None:
    """Let every request whose path has that fragment fail."""
    runs.stand_in.cluster.fault = lambda path, _: Fault(status) if fragment in path else None
