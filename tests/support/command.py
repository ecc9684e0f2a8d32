"""The command line in a process of its own, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def xpjob(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with this environment and nothing else."""
    return subprocess.run(
        [sys.executable, "-m", "xpjob", *arguments],
        env={**ENV, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def termination(environ: dict[str, str]) -> dict[str, Any]:
    """Return the one line that the kubelet would read."""
    (line,) = Path(environ["TERMINATION_LOG"]).read_text().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the log, one event a line."""
    return [json.loads(line) for line in done.stderr.splitlines()]
