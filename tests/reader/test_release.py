"""The memory of a stored snapshot is given back while it is read, and no row is read wrong."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.forest import trees
from support.toy_tables import NODES, USERS, toy_snapshot
from xpjob.base import scratch
from xpjob.base.errors import BadAnswerError
from xpjob.reader import loading
from xpjob.snapshot import documents

HEAD: dict[str, Any] = json.loads(documents.encode(toy_snapshot(tables=[NODES, USERS])))
KEYS = [NODES.key, USERS.key]
ROWS = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=40), max_size=3), max_size=8)


def test_a_document_is_released_while_it_is_read() -> None:
    """When its last row is read, less than two MiB of it are in memory."""
    body = trees(1000)
    with scratch.scratch() as file:
        file.write(body)
        content = scratch.mapped(file)
        assert _in_memory(file) >= len(body) > 4 << 20
        released = loading.read(content, "here", (), partial(scratch.release, content))
        assert _in_memory(file) < 2 << 20
    whole = loading.read(body, "here", ())
    assert released.packed.keys() == whole.packed.keys() == {"claims", "xrs", "mrs"}
    for key, rows in whole.packed.items():
        assert list(released.rows(key)) == list(rows)


@given(
    members=st.lists(st.tuples(st.sampled_from([*KEYS, "usage", "other"]), ROWS), max_size=6),
    indent=st.sampled_from([None, 0, 3]),
    at=st.integers(0, len(HEAD)),
    step=st.sampled_from([1, 50, 200]),
)
@example([("licences", []), ("usage", [{}]), ("licences", [{"a": "b" * 40}])], None, 0, 1)
@example([("nodes", []), ("licences", [{"a": "b"}] * 8), ("nodes", [{"a": "b" * 40}])], None, 0, 50)
def test_what_is_released_is_not_read_again(
    members: list[tuple[str, list[dict[str, str]]]], indent: int | None, at: int, step: int
) -> None:
    """In any order and form; if a key occurs twice, the rows are right, or it is refused."""
    head = [(key, value) for key, value in HEAD.items() if key not in KEYS]
    parts = [*head[:at], *members, *head[at:]]
    texts = [f"{json.dumps(key)}: {json.dumps(value, indent=indent)}" for key, value in parts]
    body = ("{" + " ,\n".join(texts) + "}").encode()
    expected = loading.read(body, "here", ())
    overwritten = bytearray(body)

    def release(size: int) -> None:
        overwritten[:size] = bytes(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_RELEASED", step)
        try:
            found = loading.read(memoryview(overwritten), "here", (), release)
        except BadAnswerError:
            assert len({key for key, _ in members}) < len(members)
            return
    assert found.packed.keys() == expected.packed.keys()
    for key, rows in expected.packed.items():
        assert list(found.rows(key)) == list(rows)


def _in_memory(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_blocks * 512
