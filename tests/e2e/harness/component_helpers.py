"""What Kubernetes' own code computes, at several versions: quantities, and what pods ask for."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.build import E2E, build

MODULE = E2E / "component-helpers"
MODFILES = {"0.34": "go-0.34.mod", "0.36": "go-0.36.mod", "0.37": "go.mod"}
"""By minor version of k8s.io/component-helpers: that of Kubernetes 1.x."""


def build_versions() -> dict[str, Path]:
    """Build the program of each version, unless that was done. Raises BuildError."""
    return {version: program(version) for version in MODFILES}


def program(version: str) -> Path:
    """The path of the program of one version, which is built unless it has been."""
    return build(MODULE, modfile=MODFILES[version]) / MODULE.name


def release(version: str) -> str:
    """The exact version that its modfile requires."""
    text = (MODULE / MODFILES[version]).read_text()
    required = re.search(r"k8s\.io/component-helpers v(\S+)", text)
    assert required is not None
    return required.group(1)


def ask(version: str, arguments: Sequence[str], documents: Iterable[object]) -> list[Any]:
    """Return the answer to each document."""
    lines = "".join(f"{json.dumps(document)}\n" for document in documents)
    done = subprocess.run(
        [program(version), *arguments], input=lines, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise RuntimeError(f"component-helpers {version}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]
