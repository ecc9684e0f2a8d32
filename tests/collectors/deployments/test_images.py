"""Image references: what is written, and what is implied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.deployments.images import Image, parse

D = "sha256:" + "d" * 64
LONG = "sha512:" + "e" * 128


@pytest.mark.parametrize(
    ("text", "image", "normalized"),
    [
        ("nginx", ("docker.io", "library/nginx", "", ""), "docker.io/library/nginx:latest"),
        ("nginx:1.27", ("docker.io", "library/nginx", "1.27", ""), "docker.io/library/nginx:1.27"),
        ("team/web", ("docker.io", "team/web", "", ""), "docker.io/team/web:latest"),
        ("a/b/c:1", ("docker.io", "a/b/c", "1", ""), "docker.io/a/b/c:1"),
        ("docker.io/nginx", ("docker.io", "library/nginx", "", ""), None),
        ("index.docker.io/nginx:1", ("docker.io", "library/nginx", "1", ""), None),
        ("localhost/x", ("localhost", "x", "", ""), "localhost/x:latest"),
        ("host:5000/x", ("host:5000", "x", "", ""), "host:5000/x:latest"),
        ("host:5000/x:1", ("host:5000", "x", "1", ""), "host:5000/x:1"),
        ("[::1]:5000/x", ("[::1]:5000", "x", "", ""), None),
        ("Registry/x", ("registry", "x", "", ""), None),
        ("GHCR.io/team/x", ("ghcr.io", "team/x", "", ""), None),
        ("ghcr.io/team/x:v1.0_A-b", ("ghcr.io", "team/x", "v1.0_A-b", ""), None),
        (f"x@{D}", ("docker.io", "library/x", "", D), f"docker.io/library/x@{D}"),
        (f"ghcr.io/a/x:1@{D}", ("ghcr.io", "a/x", "1", D), f"ghcr.io/a/x:1@{D}"),
        (f"host:5000/x@{LONG}", ("host:5000", "x", "", LONG), f"host:5000/x@{LONG}"),
        ("x:" + "t" * 128, ("docker.io", "library/x", "t" * 128, ""), None),
    ],
)
def test_references(text: str, image: tuple[str, ...], normalized: str | None) -> None:
    """Registry, repository, tag and digest; a port is not a tag."""
    assert parse(text) == image
    assert normalized in (None, parse(text).normalized)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "@", "x:", "x@", "/x", "x/", "a//b", "Web", "team/Web:1", "x y", "x:a b", "é"),
        *("x:" + "t" * 129, "x:-1", "x@sha256:12", "x@" + D.upper(), f"x@{D}@{D}", f"{D}@x"),
        *("-host/x:1", "host:port/x", "a/" + "b" * 300, "sha256:" + "d" * 64 + "/x@y"),
    ],
)
def test_what_is_no_reference_has_no_parts(text: str) -> None:
    """It does not fail either: the API accepts almost any text as an image."""
    assert parse(text) == Image()
    assert parse(text).normalized == ""


_WORD = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True).filter(
    lambda text: text != "localhost"
)
_HOST = st.one_of(
    st.just("localhost"),
    st.from_regex(r"[a-z0-9]{1,8}\.[a-z]{2,5}(:[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"[a-z0-9]{1,8}:[0-9]{1,5}", fullmatch=True),
)


@given(
    host=_HOST.filter(lambda host: not host.endswith("docker.io")),
    path=st.lists(_WORD, min_size=1, max_size=4),
    tag=st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
    digest=st.sampled_from(["", D, LONG]),
)
def test_parts_that_are_put_together_are_found_again(
    host: str, path: list[str], tag: str, digest: str
) -> None:
    """Whatever they are."""
    text = (
        f"{host}/{'/'.join(path)}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    )
    assert parse(text) == (host, "/".join(path), tag, digest)


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused_whole(text: str) -> None:
    """And what a reference is normalized to is the same reference."""
    image = parse(text)
    assert bool(image.registry) == bool(image.repository)
    if image.repository:
        again = parse(image.normalized)
        assert (again.name, again.digest) == (image.name, image.digest)
        assert again.normalized == image.normalized
