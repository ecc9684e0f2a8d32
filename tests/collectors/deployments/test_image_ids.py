"""imageID: which digest a container runs, by what its runtime reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.deployments.image_ids import digest_of

HEX = "d" * 64
D, PINNED = f"sha256:{HEX}", "sha256:" + "e" * 64
LONG = "sha512:" + "f" * 128


@pytest.mark.parametrize(
    ("image_id", "digest", "origin", "why"),
    [
        pytest.param(f"docker-pullable://reg.example/a/b@{D}", D, "registry", "", id="dockershim"),
        pytest.param(f"docker://{D}", "", "", "configId", id="dockershim, locally built"),
        pytest.param(f"reg.example/a/b@{D}", D, "registry", "", id="containerd"),
        pytest.param(f"other.example/z@{D}", D, "registry", "", id="containerd, first repoDigest"),
        pytest.param(D, "", "", "configId", id="containerd, side-loaded"),
        pytest.param(f"reg.example:5000/a/b@{D}", D, "registry", "", id="CRI-O"),
        pytest.param(HEX, "", "", "configId", id="CRI-O, raw ID"),
        pytest.param(f"reg.example/a/b@{LONG}", LONG, "registry", "", id="sha512"),
        pytest.param("", "", "", "notStarted", id="not started, or ImagePullBackOff"),
        pytest.param("reg.example/a/b:v1", "", "", "unreadable", id="a tag"),
        pytest.param(f"reg.example/a/b@{D[:-1]}", "", "", "unreadable", id="half a digest"),
        pytest.param(f"@{D}", "", "", "unreadable", id="no repository"),
        pytest.param("docker-pullable://", "", "", "unreadable", id="only a scheme"),
    ],
)
def test_case_10_every_form_of_an_image_id(
    image_id: str, digest: str, origin: str, why: str
) -> None:
    """Only a repository with a digest names what a registry has."""
    found = digest_of(image_id, "")
    assert (found.digest, found.origin, found.why) == (digest, origin, why)
    assert found.config_id == (D if why == "configId" else "")


@pytest.mark.parametrize("image_id", ["", D, f"docker://{D}", HEX, "anything"])
def test_case_10_a_pinned_digest_stands_in(image_id: str) -> None:
    """Marked with where it is from."""
    found = digest_of(image_id, PINNED)
    assert (found.digest, found.origin, found.why) == (PINNED, "spec", "")


def test_what_runs_goes_before_what_is_pinned() -> None:
    """They may differ: one is that of an index, the other that of a platform."""
    assert digest_of(f"reg.example/a@{D}", PINNED).digest == D


@given(st.text(max_size=100))
def test_any_text_gives_a_digest_or_a_reason(text: str) -> None:
    """Never both, and never neither."""
    found = digest_of(text, "")
    assert bool(found.digest) != bool(found.why)
    assert bool(found.digest) == (found.origin == "registry")
