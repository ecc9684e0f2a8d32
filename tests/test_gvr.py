"""GVRs as people write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.kube.gvr import Gvr, parse_gvr, parse_gvrs

_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_group = st.lists(_label, min_size=1, max_size=4).map(".".join)


@given(_group, _label, _label)
def test_what_is_printed_is_read_back(group: str, version: str, resource: str) -> None:
    """Every GVR survives being written into a variable."""
    gvr = Gvr(group, version, resource)
    assert parse_gvr(f"  {gvr} ") == gvr


@given(st.text())
def test_any_text_is_a_gvr_or_a_value_error(text: str) -> None:
    """Nothing else ever comes of a bad entry."""
    with contextlib.suppress(ValueError):
        assert parse_gvr(text).resource


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("apps", "is not group/version/resource"),
        ("v1/pods", "is not group/version/resource"),
        ("/v1/pods", "is no API group"),
        ("example.org/v1/Apps", "give the plural in lower case"),
        ("example.org//apps", "is no API version"),
        ("example.org/v1/apps/x", "is not group/version/resource"),
        ("exa mple.org/v1/apps", "is no API group"),
    ],
)
def test_a_bad_gvr_is_told_what_is_wrong(text: str, complaint: str) -> None:
    """The message names the entry and the part of it."""
    with pytest.raises(ValueError, match=complaint):
        parse_gvr(text)


def test_repeats_and_empty_segments_are_dropped() -> None:
    """A trailing comma or a line break in a ConfigMap is no mistake."""
    text = "example.org/v1/apps,\n example.org/v1/apps ,,example.org/v1/networks,"
    assert [gvr.resource for gvr in parse_gvrs(text)] == ["apps", "networks"]


def test_one_resource_in_two_versions_would_be_counted_twice() -> None:
    """It is refused, and all mistakes of a list come in one message."""
    with pytest.raises(ValueError, match="two versions") as caught:
        parse_gvrs("example.org/v1/apps,nonsense,example.org/v2/apps")
    assert "'nonsense' is not" in str(caught.value)
    assert "same objects in two versions" in str(caught.value)
