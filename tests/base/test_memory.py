"""The memory limit of a process, in files as the kernel writes them."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from xpjob.base import memory

NONE_V1 = "9223372036854771712\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"memory.max": "536870912\n"}, 536870912),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "1000\n"}, 1000),
        ("0::/a/b\n", {"a/b/memory.max": "500\n", "a/memory.max": "1000\n"}, 500),
        ("0::/../../x\n", {"memory.max": "7\n"}, 7),
        ("5:memory:/pod\n", {"memory/pod/memory.limit_in_bytes": "800\n"}, 800),
        ("4:memory:/x\n0::/\n", {"memory/memory.limit_in_bytes": "2000\n"}, 2000),
        ("5:memory:/pod\n", {"memory/memory.limit_in_bytes": NONE_V1}, None),
        ("1:cpu,memory:/a\n", {"memory/a/memory.limit_in_bytes": "900\n"}, 900),
        ("5:cpu,cpuacct:/\ngarbage\n", {"memory/memory.limit_in_bytes": "600\n"}, 600),
    ],
)
def test_the_lowest_limit_counts(
    tmp_path: Path, own: str, files: dict[str, str], expected: int | None
) -> None:
    """Of the own group and of all above, in both versions."""
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "own").write_text(own)
    assert memory.limit(tmp_path / "cgroup", tmp_path / "own") == expected


_FAULTS = """
import resource
from xpjob.base import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        b"x" * (4 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

memory.share_heaps(2)
mapped = faults()
with memory.reused(8 << 20):
    reused = faults()
print(mapped, reused, faults())
"""


@pytest.mark.process  # how a process allocates memory is its own
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_blocks_are_reused_only_for_as_long_as_wanted() -> None:
    """The system clears the pages of each new block, but not of one that is used again."""
    command = [sys.executable, "-c", _FAULTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    mapped, reused, afterwards = map(int, done.stdout.split())
    assert reused < mapped / 5
    assert afterwards > mapped / 2
