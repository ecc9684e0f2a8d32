"""The memory of a run, in a process with the limit of k8s/base, whatever tenants create."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.command import ENV
from support.huge_api import KINDS, MIB, HugeApi, conditions, config_map, message, spec
from support.paths import ROOT
from xpjob.demo.api import write_kubeconfig

MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""Prints the peak memory of a command. A process starts with the peak of the one that forked it,
and that of the tests may be larger than any limit."""


def limit() -> int:
    """Return the memory limit of the job, in bytes."""
    (job,) = yaml.safe_load_all((ROOT / "k8s/base/cronjob.yaml").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    text: str = pod["containers"][0]["resources"]["limits"]["memory"]
    assert text.endswith("Mi")
    return int(text.removesuffix("Mi")) * MIB


@pytest.mark.parametrize(
    ("count", "make"),
    [(2000, spec(MIB)), (40, message(MIB)), (32, conditions(MIB))],
    ids=["bytes that nobody reads", "long messages", "many conditions"],
)
def test_a_run_stays_within_its_memory_limit(
    tmp_path: Path, count: int, make: Callable[[int], bytes]
) -> None:
    """With objects of 1 MiB in four kinds, more than fits; all of them are there."""
    stored, events = ran(tmp_path, HugeApi({kind.resource: count // 4 for kind in KINDS[:4]}, make))
    assert sum(len(stored[key]) for key in ("claims", "xrs", "mrs")) == count, events
    assert sum(target["malformed"] for target in stored["targets"]) == 0


def test_tenants_configmaps_do_not_exceed_it_either(tmp_path: Path) -> None:
    """Six hundred of 1 MiB in one namespace: none of it is kept, and none of it is a kind."""
    api = HugeApi({"configmaps": 600, KINDS[0].resource: 3}, spec(10), config_map(MIB))
    stored, events = ran(tmp_path, api)
    assert len(stored["claims"]) == 3
    assert events.count("configmap skipped") < 20


def ran(tmp_path: Path, api: HugeApi) -> tuple[dict[str, Any], str]:
    """Run within the memory limit; return the snapshot and the log."""
    with api.serving(), (tmp_path / "log").open("wb") as log:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", api.url, "x")
        environ = {
            **ENV,
            "KUBECONFIG": str(kubeconfig),
            "STORE_BACKEND": "directory",
            "STORE_DIR": str(tmp_path / "store"),
            "RUN_DEADLINE_SECONDS": "240",
        }
        limited = ["prlimit", f"--as={limit()}", sys.executable, "-m", "xpjob", "run"]
        command = [sys.executable, "-c", MEASURED, *limited]
        run = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=log, check=False)
    events = (tmp_path / "log").read_text()
    assert run.returncode == 0, events
    assert int(run.stdout) * 1024 < limit()
    return json.loads((tmp_path / "store" / "snapshot.json").read_text()), events
