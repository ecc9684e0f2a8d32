"""Credentials in the configuration: what is taken, what is refused, and what is never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpjob.base.errors import SettingsError
from xpjob.commands.groups import GROUPS, OPTIONS
from xpjob.config import secrets
from xpjob.config.option import load
from xpjob.config.secrets import Secret
from xpjob.publish.options import PublishOptions

LOCAL = "http://127.0.0.1:9091"
REMOTE = "http://gateway.example.org:9091"
S3 = {"STORE_BACKEND": "s3", "S3_BUCKET": "inventory"}


@pytest.fixture
def token(tmp_path: Path) -> str:
    """A file with a token."""
    file = tmp_path / "token"
    file.write_text("hunter2\n")
    return str(file)


def mistakes(**environ: str) -> str:
    """Return what is wrong with an environment, "" for nothing."""
    told = ""
    try:
        load({}, environ, GROUPS)
    except SettingsError as error:
        told = str(error)
    assert "hunter2" not in told
    return told


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\nhunter2\n", "more than one line"),
        (b"hunter2\x00", "unprintable characters"),
        (b"hunter2\xff", "is not text"),
        (b"hunter2 hunter2", "not a single ASCII token"),
        (b"hunter2" * 10_000, "too large for a credential"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_token_file_is_checked_when_a_command_begins(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """Before anything is contacted, and without repeating what is in it."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    for variable in ("PUSHGATEWAY_TOKEN_FILE", "READER_TOKEN_FILE"):
        told = mistakes(**{variable: str(file)}, METRICS_ADDR="127.0.0.1:0")
        assert variable in told
        assert expected in told


def test_what_goes_together_is_asked_for_together(token: str) -> None:
    """All mistakes at once."""
    told = mistakes(
        PUSHGATEWAY_USERNAME="xpjob",
        PUSHGATEWAY_TOKEN_FILE=token,
        PUSHGATEWAY_CERT_FILE=token,
        READER_KEY_FILE=token,
        S3_SSE_KMS_KEY_ID="alias/xpjob",
    )
    for expected in (
        "PUSHGATEWAY_USERNAME: needs PUSHGATEWAY_PASSWORD_FILE",
        "PUSHGATEWAY_TOKEN_FILE: PUSHGATEWAY_USERNAME is also set",
        "PUSHGATEWAY_CERT_FILE: needs PUSHGATEWAY_KEY_FILE",
        "READER_CERT_FILE: goes with READER_KEY_FILE",
        "S3_SSE_KMS_KEY_ID: has no effect without S3_SSE=aws:kms",
    ):
        assert expected in told
    both = mistakes(
        PUSHGATEWAY_USERNAME="xpjob",
        PUSHGATEWAY_PASSWORD="hunter2",
        PUSHGATEWAY_PASSWORD_FILE=token,
    )
    assert "PUSHGATEWAY_PASSWORD_FILE is also set" in both


def test_credentials_go_over_plain_http_to_this_machine_only(token: str) -> None:
    """Unless that is forced: for the gateway, for S3 and for the reader."""
    gateway = {"PUSHGATEWAY_TOKEN_FILE": token, "PUSHGATEWAY_URL": f"{LOCAL},{REMOTE}"}
    s3 = {**S3, "S3_ENDPOINT": "http://minio:9000"}
    reader = {"READER_TOKEN_FILE": token, "METRICS_ADDR": ":8080"}
    for environ, expected in (
        (gateway, f"PUSHGATEWAY_URL: {REMOTE} is plain http"),
        (s3, "S3_ENDPOINT: http://minio:9000 is plain http"),
        (reader, "READER_TOKEN_FILE: tokens would come to *:8080 over plain http"),
    ):
        told = mistakes(**environ)
        assert expected in told
        assert "ALLOW_INSECURE_CREDENTIALS" in told
        assert LOCAL not in told
        assert mistakes(**environ, ALLOW_INSECURE_CREDENTIALS="true") == ""
    assert mistakes(PUSHGATEWAY_URL=REMOTE) == ""
    assert mistakes(**{**gateway, "PUSHGATEWAY_URL": "https://gateway.example.org"}) == ""
    assert mistakes(**{**reader, "METRICS_ADDR": "[::1]:8080"}) == ""
    assert mistakes(READER_TOKEN_FILE=token) == ""
    assert mistakes(**reader, READER_CERT_FILE=token, READER_KEY_FILE=token) == ""
    for endpoint in ("", "https://minio:9000", "http://localhost:9000", "http://127.0.0.9:9000"):
        assert mistakes(**S3, S3_ENDPOINT=endpoint) == ""


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "127.0.0.1.nip.io", ""])
def test_a_name_that_only_looks_like_this_machine_is_another(host: str) -> None:
    """Nothing is looked up."""
    assert not secrets.is_loopback(host)


def test_a_secret_shows_nowhere() -> None:
    """Not in settings that somebody prints, nor among the flags."""
    environ = {"PUSHGATEWAY_USERNAME": "xpjob", "PUSHGATEWAY_PASSWORD": "hunter2"}
    config = load({}, environ, GROUPS)
    assert "hunter2" not in repr(config) + str(config)
    assert config[PublishOptions].pushgateway_password == Secret("hunter2")
    assert config[PublishOptions].pushgateway_password != Secret("other")
    assert len({config[PublishOptions].pushgateway_password, Secret("hunter2")}) == 1
    assert {option.name for option in OPTIONS if option.secret} == {
        *("api_token", "gh_app_private_key", "pushgateway_password")
    }
    assert "unprintable" in mistakes(**{**environ, "PUSHGATEWAY_PASSWORD": "hun\nhunter2"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("S3_SSE", "rot13"),
        ("S3_SSE_KMS_KEY_ID", "a key"),
        ("PUSHGATEWAY_USERNAME", "me:hunter2"),
        ("PUSHGATEWAY_CA_FILE", "/nonexistent"),
        ("PUSHGATEWAY_CA_FILE", "/dev/null"),
    ],
)
def test_bad_values_are_refused(name: str, text: str) -> None:
    """Each with its variable."""
    if name == "PUSHGATEWAY_USERNAME":
        with pytest.raises(SettingsError, match=name):
            load({}, {name: text}, GROUPS)
    else:
        assert name in mistakes(**{name: text})
