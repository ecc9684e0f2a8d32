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
        ("apps", "expected group/version/resource"),
        ("apps/deployments", "expected group/version/resource"),
        ("pods/status", "expected group/version/resource"),
        ("v1/pods/status", "subresources cannot be listed"),
        ("/v1/pods/status", "subresources cannot be listed"),
        ("apps/v1/deployments/scale", "subresources cannot be listed"),
        ("//pods", "expected an API version"),
        ("/pods/status", "expected an API version"),
        ("v1/", "expected the plural"),
        ("/", "expected group/version/resource"),
        ("example.org/v1/Apps", "expected the plural in lower case"),
        ("example.org//apps", "expected an API version"),
        ("example.org/v1/apps/x/y", "expected group/version/resource"),
        ("exa mple.org/v1/apps", "expected an API group"),
    ],
)
def test_a_bad_gvr_is_told_what_is_wrong(text: str, complaint: str) -> None:
    """The message names the entry and the part of it."""
    with pytest.raises(ValueError, match=complaint):
        parse_gvr(text)


@pytest.mark.parametrize("text", ["/v1/pods", "v1/pods", " v1/pods "])
def test_a_core_kind_has_no_group(text: str) -> None:
    """Its list is under /api, and it is printed as metrics and snapshots have it."""
    gvr = parse_gvr(text)
    assert gvr == Gvr("", "v1", "pods")
    assert str(gvr) == "/v1/pods"
    assert (gvr.path(), gvr.path("a")) == ("/api/v1/pods", "/api/v1/namespaces/a/pods")


def test_core_kinds_are_named_where_they_are_wanted_only() -> None:
    """No claim is one, so that a tenant who names Secrets is told at once."""
    with pytest.raises(ValueError, match="'v1/secrets' has no API group"):
        parse_gvrs("v1/secrets")
    assert parse_gvrs("v1/pods,/v1/pods,apps/v1/deployments", core=True) == (
        Gvr("", "v1", "pods"),
        Gvr("apps", "v1", "deployments"),
    )


def test_repeats_and_empty_segments_are_dropped() -> None:
    """A trailing comma or a line break in a ConfigMap is no mistake."""
    text = "example.org/v1/apps,\n example.org/v1/apps ,,example.org/v1/networks,"
    assert [gvr.resource for gvr in parse_gvrs(text)] == ["apps", "networks"]


def test_one_resource_in_two_versions_would_be_counted_twice() -> None:
    """It is refused, and all mistakes of a list come in one message."""
    with pytest.raises(ValueError, match="two versions") as caught:
        parse_gvrs("example.org/v1/apps,nonsense,example.org/v2/apps")
    assert "'nonsense': expected" in str(caught.value)
    assert "same objects in two versions" in str(caught.value)
