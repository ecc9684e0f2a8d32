"""What commands import: a run in a pod, and the reader, need a part of what is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.command import ENV
from support.in_pod import imported, in_pod, launching
from support.processes import free_port, pushgateway, serving, text
from support.s3_server import serve_s3
from support.stand_in import StandIn, fill

PEOPLE = ("rich", "pygments", "xpjob.terminal.bars", "xpjob.terminal.tables")
READER = (
    *("starlette", "uvicorn", "anyio", "h11", "jinja2", "asyncio", "xpjob.reader.app"),
    *("xpjob.reader.loaded", "xpjob.net.serving"),
)
AWS = ("boto3", "s3transfer")
KUBERNETES = ("kubernetes", "pydantic", "requests", "oauthlib", "aiohttp")
OTHERS = ("xpjob.demo", "xpjob.doctor", "xpjob.run.hub.hub", "yaml", "jwt", "celpy")
COLLECTORS = tuple(
    f"xpjob.collectors.{name}.collector"
    for name in ("capacity", "clusters", "deployments", "services", "sources")
)


def found(modules: set[str], names: tuple[str, ...]) -> set[str]:
    """Return the modules that are, or are within, any of the names."""
    return {module for module in modules for name in names if f"{module}.".startswith(f"{name}.")}


@pytest.mark.process  # a run's modules are those of its process
def test_a_run_in_a_pod_imports_what_it_needs(stand_in: StandIn, tmp_path: Path) -> None:
    """Not the kubernetes package, rich, the reader, nor the collectors that do not run."""
    fill(stand_in.cluster)
    modules = tmp_path / "modules"
    with in_pod(stand_in.cluster, tmp_path) as pod, serve_s3(tmp_path) as s3:
        with pushgateway(tmp_path) as gateway:
            environ = {"STORE_BACKEND": "s3", "PUSHGATEWAY_URL": gateway}
            done = subprocess.run(
                launching(modules, "run", folder=pod.folder),
                env={**ENV, **environ, **pod.environ, **s3.environment()},
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "crossplane_claims_total" in text(f"{gateway}/metrics")
        assert [path for method, path, _ in s3.requests if method == "PUT"]
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["message"], last["failed"]) == ("run finished", 0)
    assert last["claims"] > 0
    names = imported(modules)
    assert {"botocore", "urllib3", "xpjob.collectors.crossplane.collector"} <= names
    assert found(names, (*AWS, *KUBERNETES, *PEOPLE, *READER, *OTHERS, *COLLECTORS)) == set()


@pytest.mark.process  # the reader's modules are those of its process
def test_the_reader_imports_nothing_of_a_run(tmp_path: Path) -> None:
    """Not the kubernetes package, nor S3's client for a directory."""
    modules, address = tmp_path / "modules", f"127.0.0.1:{free_port()}"
    store = ("--store-backend", "directory", "--store-dir", str(tmp_path))
    command = launching(modules, "serve", *store, "--metrics-addr", address)
    with serving(command, f"http://{address}/healthz", tmp_path / "log") as process:
        pass
    assert process.returncode == 0
    names = imported(modules)
    run = ("xpjob.run.job", "xpjob.kube.connect", "xpjob.publish.gateway")
    assert found(names, (*AWS, *KUBERNETES, "botocore", *run, "xpjob.demo")) == set()
