"""Builds the Go programs beside the tests, once, into a cache outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

E2E = Path(__file__).resolve().parent.parent
KEPT_BUILDS = 3  # of one module, so that changing between branches does not build each time


class BuildError(Exception):
    """A Go program could not be built; the text says why and what to do."""


def cache() -> Path:
    """The folder for everything that is made once and kept: builds and default state."""
    if own := os.environ.get("XPJOB_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xpjob"


def missing() -> str | None:
    """One line that says what the tests lack on this machine, or None when nothing is."""
    if shutil.which("kubectl") is None:
        return "the end-to-end tests need kubectl: install it"
    if os.environ.get("XPJOB_E2E_KUBECONFIG") or shutil.which("go") is not None:
        return None
    return (
        "the end-to-end tests need Go to build a control plane: install it,"
        " or set XPJOB_E2E_KUBECONFIG to the kubeconfig of a cluster of your own"
    )


def build(module: Path, packages: Sequence[str] = (".",), modfile: str = "go.mod") -> Path:
    """Build the main packages of a Go module and give the folder of the programs.

    A module that is built with several versions of what it requires has several ``modfile``s.
    The folder is named for a hash of the module's files, so nothing is built
    twice, and nothing old is used. Raises BuildError.
    """
    digest = hashlib.sha256(" ".join(packages).encode())
    for source in sorted(module.rglob("*")):
        if source.suffix in {".go", ".mod", ".sum"}:
            digest.update(f"\0{source.relative_to(module)}\0".encode())
            digest.update(source.read_bytes())
    home = cache() / "build" / (module.name + modfile.removeprefix("go").removesuffix(".mod"))
    target = home / digest.hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        # A second test run waits here for the build of the first, and then finds it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _go_build(module, packages, target, modfile)
            _forget_old_builds(home, target)
    return target


def _go_build(module: Path, packages: Sequence[str], target: Path, modfile: str) -> None:
    go = shutil.which("go")
    if go is None:
        raise BuildError(missing() or f"Go is needed to build {module.name}: install it")
    print(f"building {target.parent.name}: minutes the first time ...", file=sys.stderr, flush=True)
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    command = [go, "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-modfile", modfile]
    command += [
        "-ldflags",
        f"-s -w {_version_flags(module / modfile)}",
        "-o",
        f"{unfinished}/",
        *packages,
    ]
    done = subprocess.run(command, cwd=module, capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(unfinished)
        raise BuildError(f"go build in {module} failed:\n{done.stderr.strip()[-4000:]}")
    unfinished.rename(target)


def _version_flags(modfile: Path) -> str:
    """Linker flags that give Kubernetes its version, which its own build sets likewise."""
    required = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.\S+", modfile.read_text())
    if required is None:
        return ""
    values = {
        "gitVersion": required.group().split()[1],
        "gitMajor": required.group(1),
        "gitMinor": required.group(2),
    }
    return " ".join(f"-X k8s.io/component-base/version.{name}={values[name]}" for name in values)


def _forget_old_builds(home: Path, newest: Path) -> None:
    builds = [path for path in home.iterdir() if path.is_dir() and path != newest]
    builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[KEPT_BUILDS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
