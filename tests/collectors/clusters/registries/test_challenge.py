"""How a registry says that it wants to be authenticated with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.clusters.registries.challenge import (
    Challenge,
    choose,
    may_get_credentials,
    parse,
)

REALM = "https://auth.example.org/token"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Basic realm="Registry"', [Challenge("basic", {"realm": "Registry"})]),
        ("Basic", [Challenge("basic")]),
        (
            f'Bearer realm="{REALM}",service="r.example.org",scope="a:b:c,d"',
            [Challenge("bearer", {"realm": REALM, "service": "r.example.org", "scope": "a:b:c,d"})],
        ),
        (
            f'BEARER Realm = {REALM} , service=x, Basic realm="say \\"hi\\""',
            [
                Challenge("bearer", {"realm": REALM, "service": "x"}),
                Challenge("basic", {"realm": 'say "hi"'}),
            ],
        ),
        ('realm="nobody asked"', []),
    ],
)
def test_challenges_are_read(header: str, expected: list[Challenge]) -> None:
    """Several of them, with quotes and without, in any case."""
    assert list(parse(header)) == expected


@pytest.mark.parametrize(
    ("header", "scheme"),
    [
        (f'Basic realm="x", Bearer realm="{REALM}"', "bearer"),
        ('Bearer realm="", Basic realm="x"', "basic"),
        ('Bearer realm="file:///etc/passwd"', None),
        ('Negotiate, NTLM realm="x"', None),
        ("", None),
    ],
)
def test_tokens_come_before_passwords(header: str, scheme: str | None) -> None:
    """A token that cannot be asked for does not."""
    found = choose(header)
    assert (found and found.scheme) == scheme


def test_the_url_of_a_token_names_service_and_scope() -> None:
    """Escaped, after what the realm has already."""
    wanted = Challenge("bearer", {"realm": f"{REALM}?a=1", "service": "my registry"})
    assert wanted.token_url() == f"{REALM}?a=1&service=my+registry"
    assert wanted.token_url("registry:catalog:*").endswith("&scope=registry%3Acatalog%3A%2A")
    assert Challenge("bearer", {"realm": REALM}).token_url() == REALM


@pytest.mark.parametrize(
    ("realm", "hosts", "why"),
    [
        ("https://registry.example.org/token", (), ""),
        ("https://registry.example.org:5001/token", (), ""),
        (REALM, ("auth.example.org",), ""),
        ("https://AUTH.example.org/token", ("Auth.Example.Org",), ""),
        ("https://auth.example.org:444/", ("auth.example.org:444",), ""),
        (REALM, (), "tokenHosts"),
        (REALM, ("example.org",), "tokenHosts"),
        ("https://registry.example.org.evil.example/token", (), "tokenHosts"),
        ("http://registry.example.org/token", (), "plain http"),
        ("https://me:secret@registry.example.org/token", (), "credentials of its own"),
    ],
)
def test_credentials_stay_with_their_host(realm: str, hosts: tuple[str, ...], why: str) -> None:
    """Whatever the registry says: only its own host gets them, and those that are named."""
    found = may_get_credentials(realm, "https://registry.example.org", hosts, allow_insecure=False)
    assert why in found
    assert bool(found) == bool(why)
    assert "secret" not in found


@given(st.text(max_size=300))
def test_no_header_breaks_it(header: str) -> None:
    """Registries are foreign servers."""
    for challenge in parse(header):
        assert challenge.scheme
    choose(header)
