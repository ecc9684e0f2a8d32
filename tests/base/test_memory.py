"""The memory limit of a process, in files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpjob.base import memory

V2_POD = {"fs/memory.max": "536870912\n", "own": "0::/\n"}
V2_NESTED = {
    "fs/a/memory.max": "1000\n",
    "fs/a/b/memory.max": "max\n",
    "own": "0::/a/b\n",
}
V1_POD = {"fs/memory/memory.limit_in_bytes": "2000\n", "own": "4:memory:/kubepods/x\n0::/\n"}
V1_NONE = {"fs/memory/memory.limit_in_bytes": "9223372036854771712\n", "own": "1:cpu,memory:/\n"}


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        (V2_POD, 536870912),
        (V2_NESTED, 1000),
        (V1_POD, 2000),
        (V1_NONE, 9223372036854771712),
        ({"fs/memory.max": "max\n", "own": "0::/\n"}, None),
        ({"fs/other": ""}, None),
    ],
)
def test_the_lowest_limit_counts(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    """In both versions of cgroups, of the group itself or of one around it."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory.limit(tmp_path / "fs", tmp_path / "own") == limit
