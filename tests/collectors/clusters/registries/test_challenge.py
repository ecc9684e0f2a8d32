"""How a registry says that it wants to be authenticated with."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpjob.collectors.clusters.registries.challenge import (
    Challenge,
    choose,
    may_be_asked,
    may_get_credentials,
    parse,
)
from xpjob.collectors.clusters.registries.internal import is_internal

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


PUBLIC = "https://1.1.1.1"


@pytest.mark.parametrize(
    ("realm", "endpoint", "allowed"),
    [
        ("https://8.8.8.8/token", PUBLIC, True),
        ("http://8.8.8.8/token", PUBLIC, False),
        ("http://1.1.1.1:8080/token", PUBLIC, True),
        ("https://user:word@8.8.8.8/token", PUBLIC, False),
        ("https://127.0.0.1/token", PUBLIC, False),
        ("https://localhost/token", PUBLIC, False),
        ("https://2130706433/token", PUBLIC, False),
        ("https://169.254.169.254/latest", PUBLIC, False),
        ("https://10.0.0.1/token", PUBLIC, False),
        ("https://172.16.0.1/token", PUBLIC, False),
        ("https://192.168.1.1/token", PUBLIC, False),
        ("https://100.64.0.1/token", PUBLIC, False),
        ("https://0.0.0.0/token", PUBLIC, False),
        ("https://[::1]/token", PUBLIC, False),
        ("https://[fe80::1]/token", PUBLIC, False),
        ("https://[fd00::1]/token", PUBLIC, False),
        ("https://[::ffff:10.0.0.1]/token", PUBLIC, False),
        ("https://[2606:4700:4700::1111]/token", PUBLIC, True),
        ("https://10.0.0.1/token", "https://10.0.0.2", True),
        ("http://10.0.0.1/token", "https://10.0.0.2", False),
    ],
)
def test_what_only_the_job_can_reach_is_not_asked_for_a_public_registry(
    realm: str, endpoint: str, allowed: bool
) -> None:
    """Unless the entry of the registry names it; addresses need no DNS."""
    assert (may_be_asked(realm, endpoint, (), within_a_second) == "") is allowed
    host = urlsplit(realm).hostname or ""
    named = may_be_asked(realm, endpoint, (host,), within_a_second)
    assert (named == "") is ("word" not in realm)


def within_a_second(host: str) -> bool:
    """Return whether a host is internal."""
    return is_internal(host, 1)


def test_a_host_that_cannot_be_resolved_is_not_internal() -> None:
    """It is not reached, either: this name is too long for any name server."""
    assert not within_a_second("a" * 64 + ".example.org")
