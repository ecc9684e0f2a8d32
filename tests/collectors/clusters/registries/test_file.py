"""The file that names the registries, and their credentials."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from support.paths import ROOT
from xpjob.base.errors import SettingsError
from xpjob.collectors.clusters.options import ClusterOptions
from xpjob.collectors.clusters.registries import credentials, file
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.collectors.clusters.registries.result import Result, State
from xpjob.config.option import load
from xpjob.net.options import NetOptions

WHOLE = """
registries:
  - name: harbor
    endpoint: harbor.example.org
    credentialsFile: {directory}/harbor
    caFile: {directory}/ca.pem
    tokenHosts: [auth.example.org, "auth.example.org:8443"]
    paths: [/api/v2.0/health]
    timeoutSeconds: 2.5
    maxRepositories: 500
  - {{name: plain, endpoint: "http://127.0.0.1:5000/"}}
"""


def write(directory: Path, text: str) -> Path:
    """Write a file with registries, and what it names."""
    (directory / "harbor").write_text("robot:secret\n")
    (directory / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    path = directory / "registries.yaml"
    path.write_text(text)
    return path


def test_a_file_names_registries(tmp_path: Path) -> None:
    """With everything that can be said of one, or the least."""
    path = write(tmp_path, WHOLE.format(directory=tmp_path))
    assert file.read(path) == (
        Registry(
            "harbor",
            "https://harbor.example.org",
            tmp_path / "harbor",
            tmp_path / "ca.pem",
            ("auth.example.org", "auth.example.org:8443"),
            ("/api/v2.0/health",),
            2.5,
            500,
        ),
        Registry("plain", "http://127.0.0.1:5000"),
    )


def test_json_is_yaml(tmp_path: Path) -> None:
    """So the file may be either."""
    document = {"registries": [{"name": "a", "endpoint": "https://a.example.org/sub"}]}
    path = write(tmp_path, json.dumps(document))
    assert file.read(path) == (Registry("a", "https://a.example.org/sub"),)


def test_all_mistakes_are_told_at_once_and_where(tmp_path: Path) -> None:
    """Those of every entry."""
    text = """
registry: {}
registries:
  - endpoint: ftp://x
    timeoutSeconds: never
    speed: 9
  - just a text
  - {name: a, endpoint: https://a.example.org/v2/, tokenHosts: auth, paths: [health]}
  - {name: b, endpoint: "https://me:secret@b.example.org"}
  - {name: c, endpoint: c.example.org, credentialsFile: /does/not/exist, caFile: true}
  - {name: twice, endpoint: d.example.org}
  - {name: twice, endpoint: e.example.org}
"""
    with pytest.raises(ValueError, match="registries") as caught:
        file.read(write(tmp_path, text))
    found = str(caught.value)
    for part in (
        "registry: unknown key",
        "registries[0].name: is missing",
        "registries[0].endpoint: invalid URL 'ftp://x'",
        "registries[0].timeoutSeconds: invalid time 'never'",
        "registries[0].speed: unknown key; known are name, endpoint, credentialsFile",
        "registries[1]: expected name and endpoint",
        "registries[2].endpoint: invalid endpoint 'https://a.example.org/v2': leave out",
        "registries[2].tokenHosts: expected a list, got 'auth'",
        "registries[2].paths: invalid path 'health'",
        "registries[3].endpoint: must not carry credentials",
        "registries[4].credentialsFile: /does/not/exist cannot be read",
        "registries[4].caFile: expected a text, got True",
        "two registries have the name 'twice'",
    ):
        assert part in found, part
    assert "secret" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a list under the key registries"),
        ("registries: {a: b}", "expected a list under the key registries"),
        ("registries: [", "is neither YAML nor JSON"),
        ("a: &a [*a]", "expected a list under the key registries"),
        ("registries: [" + "{name: a, endpoint: a}, " * 101 + "]", "more than 100 registries"),
        ("x" * (2 << 20), "is too large"),
        ("!!python/object/apply:os.system [true]", "is neither YAML nor JSON"),
    ],
    ids=["empty", "no list", "broken", "a circle", "too many", "too large", "code"],
)
def test_a_file_that_is_none_is_a_mistake(tmp_path: Path, text: str, expected: str) -> None:
    """Which names the file."""
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=expected) as caught:
        file.read(path)
    assert str(path) in str(caught.value)


def test_mistakes_are_those_of_the_option(tmp_path: Path) -> None:
    """Told before anything is contacted, with all others."""
    path = write(tmp_path, "registries: [{name: a}]")
    with pytest.raises(SettingsError) as caught:
        load(
            {"registries_file": str(path), "certificate_days": "soon"},
            {},
            (ClusterOptions, NetOptions),
        )
    assert len(caught.value.problems) == 2
    assert "registries[0].endpoint: is missing" in str(caught.value)


def test_credentials_are_not_sent_in_the_clear(tmp_path: Path) -> None:
    """Except over loopback, or where the configuration allows it."""
    text = "registries: [{name: a, endpoint: 'http://a.example.org', credentialsFile: %s}]"
    path = write(tmp_path, text % (tmp_path / "harbor"))
    given = {"registries_file": str(path)}
    with pytest.raises(SettingsError, match="credentials of a would be sent over plain http"):
        load(given, {}, (ClusterOptions, NetOptions))
    load({**given, "allow_insecure_credentials": "true"}, {}, (ClusterOptions, NetOptions))
    path.write_text(path.read_text().replace("a.example.org", "127.0.0.1:5000"))
    load(given, {}, (ClusterOptions, NetOptions))


def docker(host: str, **auth: str) -> str:
    """Return the file that docker login writes."""
    return json.dumps({"auths": {"other.example.org": {"auth": "bm8="}, host: auth}}, indent=1)


@pytest.mark.parametrize(
    "text",
    [
        "robot$ci:pass:word\n",
        docker("r.example.org:5000", auth=base64.b64encode(b"robot$ci:pass:word").decode()),
        docker("https://r.example.org:5000/v1/", username="robot$ci", password="pass:word"),
    ],
    ids=["a line", "auth", "username"],
)
def test_credentials_are_a_line_or_dockers(tmp_path: Path, text: str) -> None:
    """A password may have colons."""
    path = tmp_path / "credentials"
    path.write_text(text)
    found = credentials.read(path, "https://r.example.org:5000")
    assert (found.user, found.password.reveal()) == ("robot$ci", "pass:word")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("secret-alone", "has no user:password"),
        ("a:secret\nb:secret", "more than one line"),
        ('{"auths": {"x": {"auth": "secret!"}}}', "has no entry for r.example.org"),
        ('{"auths": {"r.example.org": {"auth": "secret!"}}}', "not a valid config.json"),
        ('{"secret": 1}', "not a valid config.json"),
        ('{"auths": {"r.example.org": {}}}', "has no user:password"),
    ],
)
def test_credentials_that_are_none_are_not_quoted(tmp_path: Path, text: str, expected: str) -> None:
    """The message says what is wrong with the file."""
    path = tmp_path / "credentials"
    path.write_text(text)
    with pytest.raises(ValueError, match=expected) as caught:
        credentials.read(path, "https://r.example.org")
    assert "secret" not in str(caught.value)


def documented() -> str:
    """Return the documentation of registries."""
    return (ROOT / "xpjob/collectors/clusters/REGISTRIES.md").read_text()


def test_the_documented_file_is_valid(tmp_path: Path) -> None:
    """With every key that there is."""
    _, _, rest = documented().partition("```yaml\n")
    text = rest.partition("```")[0].replace("/etc/xpjob/registries/", f"{tmp_path}/")
    (registry,) = file.read(write(tmp_path, text))
    assert registry.name == "harbor"
    for each in msgspec.structs.fields(Registry):
        assert getattr(registry, each.name) or each.name == "timeout_seconds"
    assert set(re.findall(r"^  [ -] (\w+):", text, re.MULTILINE)) == set(file.KEYS)


def test_every_state_is_documented() -> None:
    """With what its series say."""
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\S+) \| (\S+) \|$", documented(), re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(get_args(State))
    for name, up, auth_ok in rows:
        result = Result(name)
        assert up == ("none" if result.up is None else str(result.up)), name
        assert auth_ok == ("none" if result.up is None else str(result.auth_ok)), name
