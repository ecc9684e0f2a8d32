"""Pages that no decoder takes: objects told apart, and what is nested too deep cut out."""

from __future__ import annotations

import json

import msgspec
import pytest

from xpjob.kube.salvage import MAX_DEPTH, cut_deep, take_apart


def nested(depth: int, inner: bytes = b"1") -> bytes:
    """Return JSON that is nested so deep."""
    return b"[" * depth + inner + b"]" * depth


def test_what_is_not_deep_stays_as_it_is() -> None:
    """To the byte; brackets in strings do not count."""
    text = json.dumps('"' + "[" * 500 + "\\").encode()
    body = b' {"a": %s, "b": %s} ' % (nested(MAX_DEPTH - 1), text)
    assert cut_deep(body) is body


def test_what_is_deeper_becomes_null() -> None:
    """And what is around it stays, however often there is such a thing."""
    deep = nested(MAX_DEPTH - 2, b'1, {"b": 2, "c": [[3], {}]}, [4], [[]], "[", 5')
    cut = nested(MAX_DEPTH - 2, b'1, {"b": 2, "c": null}, [4], [null], "[", 5')
    body = b'{"a": %s, "d": "x", "e": %s}'
    assert cut_deep(body % (deep, deep)) == body % (cut, cut)


@pytest.mark.parametrize("end", range(0, 2 * (MAX_DEPTH + 100), 13))
def test_half_a_document_does_not_become_a_whole_one(end: int) -> None:
    """Wherever it was cut off."""
    whole = nested(MAX_DEPTH + 100)
    msgspec.json.decode(cut_deep(whole))
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(cut_deep(whole[:end]))


def test_objects_are_told_apart_from_what_is_around_them() -> None:
    """Whatever is in their strings."""
    items = [b'{"a": "],}{[\\\\\\""}', nested(20_000), b"null"]
    body = b'{"x": [1], "items": [%s], "metadata": {}}'
    assert take_apart(body % b", ".join(items)) == (
        [items[0], b" " + items[1], b" " + items[2]],
        body % b"",
    )
