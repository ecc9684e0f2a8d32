"""What kube-state-metrics' own code exposes for custom resources, at two versions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.build import E2E, build

MODULE = E2E / "custom-resource-state"
MODFILES = {"2.18": "go-2.18.mod", "2.20": "go.mod"}
"""By minor version of kube-state-metrics."""


def build_versions() -> None:
    """Build the program of each version, unless that was done. Raises BuildError."""
    for version in MODFILES:
        program(version)


def program(version: str) -> Path:
    """Return the path of the program of one version, which is built unless it has been."""
    return build(MODULE, modfile=MODFILES[version]) / MODULE.name


def ask(version: str, questions: Iterable[tuple[Any, list[Any]]]) -> list[dict[str, Any]]:
    """Return, for each configuration and its objects, ``lines`` of each object, or an ``error``."""
    documents = [
        {"config": config if isinstance(config, str) else json.dumps(config), "objects": objects}
        for config, objects in questions
    ]
    done = subprocess.run(
        [program(version)],
        input="".join(f"{json.dumps(document)}\n" for document in documents),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"custom-resource-state {version}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]
