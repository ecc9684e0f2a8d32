"""The image, as far as it can be proven without a container engine; more in tests/e2e."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.paths import ROOT
from xpjob import __version__
from xpjob.cli import cli

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_finds_nothing() -> None:
    """With its own defaults."""
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_version_is_that_of_the_code() -> None:
    """Where nobody says another."""
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE


def test_stages_are_pinned() -> None:
    """To a version of Python and of Debian, the same in both."""
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images == [
        "docker.io/library/python:3.13-slim-trixie",
        "gcr.io/distroless/python3-debian13:nonroot",  # Debian 13 has Python 3.13
    ]


def test_the_user_is_that_of_the_manifests() -> None:
    """By number, and not root."""
    cronjob = (ROOT / "k8s" / "base" / "cronjob.yaml").read_text()
    assert "USER 65532:65532" in DOCKERFILE
    assert "runAsUser: 65532" in cronjob


def test_nothing_is_copied_that_is_kept_out() -> None:
    """What the Dockerfile copies is what .dockerignore lets in."""
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert sorted(kept) == sorted(" ".join(copied).split())


def test_the_version_names_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the build, where there was one."""
    assert CliRunner().invoke(cli, ["--version"]).output == f"xpjob {__version__}\n"
    monkeypatch.setenv("XPJOB_COMMIT", "0123abcd")
    told = CliRunner().invoke(cli, ["--version"]).output
    assert told == f"xpjob {__version__} (commit 0123abcd)\n"
