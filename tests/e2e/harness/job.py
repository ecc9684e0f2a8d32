"""xpjob as a process, with the kubeconfig of a user and an environment like a pod's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A run that has ended: exit code, log events, and the stored documents (None where none)."""

    code: int
    events: list[Json]
    snapshot: Json | None
    report: Json | None

    def names(self, kind: str) -> list[str]:
        """Return namespace/name of every record of a kind, in the snapshot's order."""
        document = self.snapshot or {}
        records = [*document.get("claims", []), *document.get("xrs", [])]
        return [f"{r['namespace']}/{r['name']}" for r in records if r["kind"] == kind]

    def targets(self) -> dict[str, Json]:
        """Return how each list went, by resource."""
        return {target["resource"]: target for target in (self.report or {})["targets"]}


def run(kubeconfig: Path, directory: Path, *arguments: str, **environment: str) -> Finished:
    """Do one run with its store in that directory, and return what it left."""
    done = xpjob(
        "run",
        *arguments,
        KUBECONFIG=str(kubeconfig),
        STORE_BACKEND="directory",
        STORE_DIR=str(directory),
        CREATOR_ANNOTATION_KEY="example.org/creator",
        TEAM_ANNOTATION_KEY="example.org/team",
        **environment,
    )
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return Finished(
        done.returncode,
        events,
        _document(directory / "snapshot.json"),
        _document(directory / "run.json"),
    )


def xpjob(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of xpjob, with this environment and nothing else of ours."""
    return subprocess.run(
        [sys.executable, "-m", "xpjob", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def _document(path: Path) -> Json | None:
    if not path.exists():
        return None
    decoded: Json = json.loads(path.read_text())
    return decoded
