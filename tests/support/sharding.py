"""Runs by several shards, and what they leave: stand-in API, directory store, real gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from support.collectors import CROSSPLANE
from support.processes import text
from support.stand_in import APP, BUCKET, CLAIM, NETWORK, NOP, XR, StandIn
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.terminal.progress import Silent

# What a moment later is not the same: when and how long, and what is told of that.
TIMES = frozenset(
    (
        *("run", "generatedAt", "firstSeenAt", "carriedSince", "since", "seconds", "counters"),
        "nextRun",
    )
)
# How the stand-in's kinds are shared out among four; the fourth has nothing.
OF_FOUR = {CLAIM: 0, XR: 0, APP: 1, NETWORK: 2, BUCKET: 2, NOP: 2}


class Shards:
    """Runs by shards, in this process, and what they leave."""

    def __init__(self, stand_in: StandIn, directory: Path, gateway: str) -> None:
        self.stand_in = stand_in
        self.directory = directory
        self.gateway = gateway

    def run(self, shard: str = "", generation: str = "g1", **given: str) -> Result:
        """Do the part of one shard, or a whole run."""
        own = {
            "kubeconfig": str(self.stand_in.kubeconfig),
            "team_annotation_key": "example.org/team",
            "store_backend": "directory",
            "store_dir": str(self.directory),
            "pushgateway_url": self.gateway,
            "shard": shard,
            "shard_generation": generation if shard else "",
        }
        return job.run(load({**own, **given}, {}, GROUPS), CROSSPLANE, Silent())

    def hand_in(self, shard: str, generation: str = "g1") -> Result:
        """Do the part of a shard where the first one's is there already: it does not wait."""
        count = shard.partition("/")[2]
        first = self.directory / "parts" / generation / f"0-of-{count}.json"
        first.parent.mkdir(parents=True, exist_ok=True)
        first.touch()
        return self.run(shard, generation)

    def run_all(self, count: int = 4, generation: str = "g1", **given: str) -> list[Result]:
        """Do a run by that many shards at once, and return their results in order."""
        with ThreadPoolExecutor(count) as pool:
            runs = [
                pool.submit(self.run, f"{index}/{count}", generation, **given)
                for index in range(count)
            ]
            return [run.result() for run in runs]

    def snapshot(self) -> dict[str, Any]:
        """Return the stored snapshot."""
        found: dict[str, Any] = json.loads((self.directory / "snapshot.json").read_text())
        return found

    def parts(self) -> list[str]:
        """Return the keys of all files among the parts."""
        return sorted(
            path.relative_to(self.directory).as_posix()
            for path in self.directory.glob("parts/**/*")
            if path.is_file()
        )

    def value(self, name: str, job: str = "xpjob", **labels: str) -> float:
        """Return the sum of the gateway's series of that name with these labels."""
        return sum(
            value
            for (family, pairs), value in pushed(self.gateway, job).items()
            if family == name and labels.items() <= dict(pairs).items()
        )


def pushed(gateway: str, job: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return all series of a group, by name and the other labels."""
    return {
        (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "job"))): (
            sample.value
        )
        for family in text_string_to_metric_families(text(f"{gateway}/metrics"))
        for sample in family.samples
        if sample.labels.get("job") == job
    }


def timeless(found: Any) -> Any:
    """Return a document without what depends on when it was made."""
    if isinstance(found, dict) and found.keys() >= {"families", "rows"}:
        lasting = [n for n, each in enumerate(found["families"]) if not _ages(found, each)]
        rows = [[labels, [values[n] for n in lasting]] for labels, values in found["rows"]]
        return {**found, "rows": rows if found["type"] == "gauge" else found["rows"]}
    if isinstance(found, dict):
        return {key: timeless(value) for key, value in found.items() if key not in TIMES}
    return [timeless(item) for item in found] if isinstance(found, list) else found


def _ages(table: dict[str, Any], family: dict[str, Any]) -> bool:
    name: str = family["name"]
    return table["type"] == "gauge" and name.endswith("_seconds")


def inventory(gateway: str, job: str) -> dict[Any, float]:
    """Return the series of an inventory that do not tell a time or an age."""
    return {
        series: value
        for series, value in pushed(gateway, job).items()
        if not series[0].endswith("_seconds")
    }


def failing(path: str, status: int = 503) -> Callable[[str, object], Fault | None]:
    """Return a fault of every request whose path has that fragment."""
    return lambda asked, _: Fault(status) if path in asked else None
