"""GET from an API server: what each answer means."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from support.stand_in import TOKEN, StandIn
from xpjob import __version__
from xpjob.base.errors import (
    BadAnswerError,
    GoneError,
    NotFoundError,
    RefusedError,
    SettingsError,
    TransientError,
    XpjobError,
)
from xpjob.demo.api import write_kubeconfig
from xpjob.demo.cluster import Fault
from xpjob.kube import kubeconfig
from xpjob.kube.connect import connect
from xpjob.net.http import Timeouts

PATH = "/apis/platform.example.org/v1/apps"


def status(code: int, message: str) -> Fault:
    """Answer with a Status object."""
    body = {"kind": "Status", "message": message, "code": code}
    return Fault(code, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (401, RefusedError, "renew the token"),
        (403, RefusedError, "grant get and list"),
        (404, NotFoundError, "install its CRD"),
        (410, GoneError, ""),
        (302, BadAnswerError, ""),
        (400, BadAnswerError, ""),
        (429, TransientError, ""),
        (500, TransientError, ""),
        (503, TransientError, ""),
    ],
)
def test_a_status_becomes_an_error_that_tells_all(
    stand_in: StandIn, code: int, kind: type[XpjobError], advice: str
) -> None:
    """What was tried, where, what came back, and what to do."""
    stand_in.cluster.fault = lambda _path, _query: status(code, "the server's own words")
    with pytest.raises(kind) as caught:
        stand_in.api().get(PATH, {}, accept="application/json")
    told = str(caught.value)
    assert f"GET {PATH} at {stand_in.url}: {code}: the server's own words" in told
    assert advice in told
    assert len(stand_in.cluster.requests) == (4 if kind is TransientError else 1)


@pytest.mark.parametrize(
    "body",
    [b"", b'{"message":"no"}', gzip.compress(b"no"), gzip.compress(b"no")[:-4]],
    ids=["none", "not gzip", "gzip", "cut off"],
)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, RefusedError),
        (403, RefusedError),
        (404, NotFoundError),
        (410, GoneError),
        (400, BadAnswerError),
    ],
)
def test_a_status_counts_whatever_its_body_is_labelled_as(
    stand_in: StandIn, code: int, kind: type[XpjobError], body: bytes
) -> None:
    """As gzip, although there is none: nothing is sent again."""
    labelled = Fault(code, body, {"Content-Encoding": "gzip"})
    stand_in.cluster.fault = lambda _path, _query: labelled
    said = "no" if body else r"\(empty answer\)"
    with pytest.raises(kind, match=rf" {code}: {said}"):
        stand_in.api().get(PATH, {}, accept="application/json")
    assert stand_in.paths() == [PATH]


def test_an_answer_that_is_no_status_is_quoted(stand_in: StandIn) -> None:
    """Proxies answer in HTML."""
    page = b"<html>\n<h1>Bad Gateway</h1>\x00</html>"
    stand_in.cluster.fault = lambda _path, _query: Fault(502, page)
    with pytest.raises(TransientError, match="502: <html> <h1>Bad Gateway</h1></html>"):
        stand_in.api().get(PATH, {}, accept="application/json")


def test_a_fault_that_passes_is_not_noticed(stand_in: StandIn) -> None:
    """The second try succeeds."""
    faults = [status(503, "starting")]
    stand_in.cluster.fault = lambda _path, _query: faults.pop() if faults else None
    assert stand_in.api().get(PATH, {}, accept="application/json").status == 200


def test_a_wrong_token_is_refused_and_never_told(stand_in: StandIn, tmp_path: Path) -> None:
    """The message says what to do, not the secret."""
    kubeconfig = write_kubeconfig(tmp_path / "other", stand_in.url, "a-secret-token")
    with pytest.raises(RefusedError, match="credentials are not accepted") as caught:
        connect(str(kubeconfig), "", Timeouts(), 1).get("/apis", {}, accept="application/json")
    assert "a-secret-token" not in str(caught.value)


def test_an_unreachable_server_is_named(tmp_path: Path) -> None:
    """With what to check."""
    kubeconfig = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:9", "token")
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9: .*refused; check that the API"):
        connect(str(kubeconfig), "", Timeouts(), 1).get("/apis", {}, accept="application/json")


@pytest.mark.parametrize("content", ["", "clusters: {", "kind: Config\n"])
def test_a_bad_kubeconfig_is_a_configuration_mistake(tmp_path: Path, content: str) -> None:
    """With the file's name, before anything is contacted."""
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(SettingsError, match="cannot connect with") as caught:
        connect(str(path), "", Timeouts(), 1)
    assert str(path) in str(caught.value)


def test_a_missing_kubeconfig_or_context_is_one_too(stand_in: StandIn, tmp_path: Path) -> None:
    """Both are named."""
    with pytest.raises(SettingsError, match="nowhere"):
        connect(str(tmp_path / "nowhere"), "", Timeouts(), 1)
    with pytest.raises(SettingsError, match="no-such-context"):
        connect(str(stand_in.kubeconfig), "no-such-context", Timeouts(), 1)


_PLUGIN = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
USERS: dict[str, dict[str, Any]] = {
    "a token": {"token": TOKEN},
    "a password": {"username": "me", "password": "hunter2"},
    "a plugin": {
        "exec": {
            "apiVersion": _PLUGIN["apiVersion"],
            "command": "echo",
            "args": [json.dumps({**_PLUGIN, "status": {"token": TOKEN}})],
            "interactiveMode": "Never",
        }
    },
}


@pytest.mark.process  # a plugin of a kubeconfig
@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_credentials_go_over_plain_http_to_this_machine_only(
    stand_in: StandIn, user: dict[str, Any]
) -> None:
    """Unless that is forced. Without any, as with kubectl proxy, there is nothing to hide."""
    other = stand_in.url.replace("127.0.0.1", "0.0.0.0")
    path = str(stand_in.kubeconfig)
    config = json.loads(stand_in.kubeconfig.read_text())

    def write(url: str, user: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = url
        config["users"][0]["user"] = user
        stand_in.kubeconfig.write_text(json.dumps(config))

    write(other, user)
    with pytest.raises(SettingsError) as caught:
        connect(path, "", Timeouts(), 1)
    assert f"KUBECONFIG: {other} is plain http" in str(caught.value)
    assert "ALLOW_INSECURE_CREDENTIALS" in str(caught.value)
    assert connect(path, "", Timeouts(), 1, allow_insecure=True).server == other
    write(other, {})
    assert connect(path, "", Timeouts(), 1).server == other
    write(other.replace("http:", "https:"), user)
    connect(path, "", Timeouts(), 1)
    for wrong in ("not a url", "https://", "ftp://a", "a.example:6443", "https://127.0.0.1:99999"):
        write(wrong, {})
        with pytest.raises(SettingsError, match="is no URL of http or https"):
            connect(path, "", Timeouts(), 1)
    write(stand_in.url, user)
    connect(path, "", Timeouts(), 1)
    assert stand_in.paths() == []


def test_requests_say_who_asks(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """One User-Agent, for the audit log and for flow schemas."""
    from xpjob.net import http

    assert f"xpjob/{__version__}" == http.USER_AGENT


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_none(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    """The kubernetes package would take an empty ``KUBECONFIG`` for a path."""
    monkeypatch.setattr(kubeconfig, "KUBE_CONFIG_DEFAULT_LOCATION", empty)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_bytes(stand_in.kubeconfig.read_bytes())
    assert connect("", "", Timeouts(), 1).server == stand_in.url


@pytest.mark.parametrize("token", ["1", "code", "message", "Status", '"', "{", "re"])
@pytest.mark.parametrize("code", [403, 404, 410, 500])
def test_an_error_is_decoded_whatever_the_token(
    stand_in: StandIn, tmp_path: Path, token: str, code: int
) -> None:
    """Only the message that is quoted is without it."""
    stand_in.cluster.fault = lambda _path, _query: status(code, f"who is <{token}>?")
    kubeconfig = write_kubeconfig(tmp_path / "other", stand_in.url, token)
    api = connect(str(kubeconfig), "", Timeouts(), 1)
    with pytest.raises(XpjobError) as caught:
        api.get(PATH, {}, accept="application/json")
    message = f"who is <{token}>?".replace(token, "(not shown)")
    assert f" {code}: {message}" in str(caught.value)
