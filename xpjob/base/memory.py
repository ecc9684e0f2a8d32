"""The memory of this process: its limit, as Kubernetes sets it for a container, and its heaps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60
"""Version 1 says "unlimited" as a number near 2**63."""
_M_ARENA_MAX = -8
_ARENAS = 2


def limit(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int | None:
    """Return the lowest memory limit of the cgroup and its parents in bytes; None without one."""
    limits = []
    for path in _files(cgroups, own):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < _UNLIMITED:
            limits.append(int(text))
    return min(limits, default=None)


def _files(cgroups: Path, own: Path) -> Iterator[Path]:
    """Yield the files of version 2 (``0::/path``) and of version 1 (``4:memory:/path``)."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in ("0::/", "0:memory:/", *lines):  # in a container the root is its own cgroup
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        root = cgroups / ("memory" if controllers else "")
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = (root / path.lstrip("/")).resolve()
        for folder in (group, *group.parents):
            if folder.is_relative_to(root.resolve()):
                yield folder / name


def few_heaps() -> None:
    """Have threads share two heaps.

    By default glibc makes up to eight heaps for each CPU: each keeps memory that was freed, and
    reserves 64 MiB of the address space, which ``ulimit -v`` limits. Without glibc, nothing is
    done.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
