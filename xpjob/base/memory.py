"""The memory of this process: its limit, as Kubernetes sets it for a container, and its heaps."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60
"""Version 1 says "unlimited" as a number near 2**63."""
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
"""Parameters of glibc's mallopt."""
_MAPPED = 128 << 10
"""What glibc maps by itself before it changes that by what it observes."""


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


def resident() -> int:
    """Return the memory that this process takes in bytes; 0 where that is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * mmap.PAGESIZE


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


def share_heaps(count: int, mapped: int = _MAPPED) -> None:
    """Have threads share so many heaps, and map blocks of ``mapped`` bytes or more by themselves.

    By default glibc makes up to eight heaps for each CPU: each keeps memory that was freed, and
    reserves 64 MiB of the address space, which ``ulimit -v`` limits. Blocks that are mapped go back
    to the system when they are freed. Without glibc, nothing is done.
    """
    mallopt = _libc("mallopt")
    mallopt(_M_ARENA_MAX, count)
    mallopt(_M_MMAP_THRESHOLD, mapped)


@contextmanager
def reused(largest: int) -> Iterator[None]:
    """Have blocks up to this size reuse the memory of others while the block of code runs.

    Otherwise each is mapped anew, and the system clears it, page by page. Afterwards what is free
    goes back to the system.
    """
    mallopt = _libc("mallopt")
    mallopt(_M_MMAP_THRESHOLD, largest)
    mallopt(_M_TRIM_THRESHOLD, largest)
    try:
        yield
    finally:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
        mallopt(_M_TRIM_THRESHOLD, _MAPPED)
        trim()


def trim() -> None:
    """Return freed memory to the system, where the C library can (glibc keeps it otherwise)."""
    _libc("malloc_trim")(0)


def _libc(name: str) -> Callable[..., object]:
    """Return a function of the C library, or one that does nothing where it has none."""
    try:
        found: Callable[..., object] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return lambda *_: None
    return found
