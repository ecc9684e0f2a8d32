"""The image's own files at work: made as its builder makes them, run as its pod would."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness.cluster import Cluster
from harness.container import Container, Image, Spec
from harness.deploy import ROOT
from harness.processes import wait_until

from xpjob import __version__

USER = 65532
LARGEST = 140  # MB of files, over those of the base


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the builder stage leaves behind, made in a clean folder with its own command."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a mount namespace")
    clean = tmp_path_factory.mktemp("builder")
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = [line.split()[1:] for line in dockerfile.splitlines() if line.startswith("COPY ")]
    for *sources, target in copied[:2]:
        for source in sources:
            goal = clean / target
            goal = goal / Path(source).name if target.endswith("/") else goal
            goal.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-R", ROOT / source, goal], check=True)
    (command,) = [line[4:].split() for line in dockerfile.splitlines() if line.startswith("RUN ")]
    assert command == ["scripts/image-files", "/app", "/usr/bin/python3"]
    app = tmp_path_factory.mktemp("image") / "app"
    interpreter = Path(sys.base_prefix) / "bin" / "python3"
    path = f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [command[0], app, interpreter], cwd=clean, check=True, env={"PATH": path, "HOME": "/"}
    )
    return app


def start(
    files: Path,
    folder: Path,
    *arguments: str,
    mounts: Mapping[Path, str] | None = None,
    **environment: str,
) -> Container:
    """Start the image's entry point, as no root, in a root that cannot be written to."""
    visible = [Path(sys.base_prefix), files, *files.parents]
    entry = [str(files / "bin" / "python"), "-I", "-m", "xpjob"]
    spec = Spec(
        [*entry, *arguments], environment, mounts or {}, USER, USER, "127.0.0.1 localhost\n"
    )
    return Container(folder, Image([], visible=visible), spec)


def output(container: Container) -> str:
    """Wait for its end, and give what it printed."""
    wait_until("it has ended", lambda: container.exit_code() is not None)
    return container.log.read_text()


def test_it_says_what_it_is(files: Path, tmp_path: Path) -> None:
    """Version and commit."""
    container = start(files, tmp_path / "c", "--version", XPJOB_COMMIT="0123abcd")
    assert output(container) == f"xpjob {__version__} (commit 0123abcd)\n"
    assert container.exit_code() == 0


def test_the_environment_cannot_slip_a_module_in(files: Path, tmp_path: Path) -> None:
    """Neither by PYTHONPATH nor by what lies about."""
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "json.py").write_text("raise SystemExit('slipped in')")
    container = start(files, tmp_path / "c", "--version", PYTHONPATH=str(evil))
    assert output(container) == f"xpjob {__version__}\n"


def test_it_runs(files: Path, tmp_path: Path, cluster: Cluster) -> None:
    """Over a real API, with every library that the job and its S3 store need, read-only."""
    rights = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    account = cluster.service_account(cluster.namespace("image"), "xpjob", rights)
    config = json.loads(account.read_text())
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    given = tmp_path / "account"
    given.mkdir()
    (given / "token").write_text(config["users"][0]["user"]["token"])
    (given / "ca.crt").write_bytes(base64.b64decode(authority))
    container = start(
        files,
        tmp_path / "c",
        "run",
        mounts={given: "/var/run/secrets/kubernetes.io/serviceaccount"},
        KUBERNETES_SERVICE_HOST=str(cluster.api.server.hostname),
        KUBERNETES_SERVICE_PORT=str(cluster.api.server.port),
        LOG_FORMAT="json",
        STORE_BACKEND="s3",
        S3_BUCKET="none",
        S3_ENDPOINT="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
    )
    events = [json.loads(line) for line in output(container).splitlines() if line[0] == "{"]
    assert events[0]["message"] == "run started"
    assert events[0]["version"] == __version__
    told = json.loads(container.message("File"))
    assert "check S3_ENDPOINT" in told["error"], told
    assert container.exit_code() == told["exitCode"] == 1, told


def test_it_is_small_and_has_no_tools(files: Path) -> None:
    """No pip, no scripts, nothing that is not Python's; and no more than it says."""
    assert [path.name for path in (files / "bin").iterdir()] == ["python"]
    packages = {path.name for path in files.glob("lib/python3*/site-packages/*")}
    assert not packages & {"pip", "setuptools", "pytest", "bin"}
    size = sum(p.stat().st_size for p in files.rglob("*") if p.is_file() and not p.is_symlink())
    assert size < LARGEST * 1_000_000, size
