"""Credentials that a kubeconfig names and that cannot be had: nothing is sent without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.processes import free_port
from support.scripted import Scripted, Told, scripted
from support.stand_in import StandIn
from xpjob.base.errors import RefusedError, SettingsError, TransientError, XpjobError
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.net.http import Timeouts

VERSION = "client.authentication.k8s.io/v1"


def plugin(command: str, *arguments: str) -> dict[str, Any]:
    """Return a user with a credential plugin."""
    return {"exec": {"apiVersion": VERSION, "command": command, "args": list(arguments)}}


def granting(**status: str) -> str:
    """Return what a plugin prints."""
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


def written(stand_in: StandIn, user: dict[str, Any]) -> str:
    """Write a user into the kubeconfig."""
    config = json.loads(stand_in.kubeconfig.read_text())
    config["users"][0]["user"] = user
    stand_in.kubeconfig.write_text(json.dumps(config))
    return str(stand_in.kubeconfig)


@pytest.mark.process  # plugins of a kubeconfig
@pytest.mark.parametrize(
    ("user", "code"),
    [
        (plugin("aws-not-there", "eks", "get-token"), 2),
        (plugin("./not-there"), 2),
        (plugin("/not/there"), 2),
        (plugin("false"), 1),
        (plugin("echo", "this is no JSON"), 1),
        (plugin("echo", granting()), 1),
        (plugin("echo", granting(token="")), 1),
        (plugin("echo", granting(clientCertificateData="x")), 1),
        (plugin("echo", granting(token="x").replace("/v1", "/v1beta1")), 1),
        ({"exec": {"apiVersion": VERSION}}, 2),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_cn01_a_plugin_that_failed_is_named_and_nothing_is_sent(
    stand_in: StandIn, user: dict[str, Any], code: int
) -> None:
    """Whether it is not there, fails, or gives nothing; not a word of rights."""
    with pytest.raises(XpjobError, match="the credential plugin") as caught:
        connect(written(stand_in, user), "", Timeouts(), 1)
    assert caught.value.exit_code == code
    assert user["exec"].get("command", "(no command)") in str(caught.value)
    assert "grant get and list" not in str(caught.value)
    assert stand_in.paths() == []


@pytest.mark.process  # a plugin of a kubeconfig
def test_cn01_a_plugin_that_fails_later_is_named_too(stand_in: StandIn, tmp_path: Path) -> None:
    """When its token has expired: neither that is sent again, nor nothing."""
    answer = json.loads(granting(token="stand-in-token"))
    answer["status"]["expirationTimestamp"] = "2026-01-01T00:00:00Z"
    file = tmp_path / "answer"
    file.write_text(json.dumps(answer))
    api = connect(written(stand_in, plugin("cat", str(file))), "", Timeouts(), 1)
    api.get("/version", {}, accept="application/json")
    file.unlink()
    with pytest.raises(XpjobError, match=r"the credential plugin cat .* failed"):
        api.get("/version", {}, accept="application/json")
    assert stand_in.paths() == ["/version"]


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"token": ""}, "token is empty"),
        ({"tokenFile": "empty"}, "token is empty"),
        ({"username": "me"}, "not both"),
        ({"auth-provider": {"name": "ldap"}}, "auth-provider ldap"),
    ],
)
def test_cn01_other_credentials_that_are_none(
    stand_in: StandIn, user: dict[str, Any], said: str
) -> None:
    """Are a mistake in the configuration."""
    (stand_in.kubeconfig.parent / "empty").write_text("")
    with pytest.raises(SettingsError, match=said):
        connect(written(stand_in, user), "", Timeouts(), 1)
    assert stand_in.paths() == []


@pytest.mark.parametrize("user", [{}, {"as": "someone"}, {"client-certificate-data": "eA=="}])
def test_who_names_no_credentials_needs_none(stand_in: StandIn, user: dict[str, Any]) -> None:
    """As with kubectl proxy; a certificate is loaded with the server's URL."""
    assert connect(written(stand_in, user), "", Timeouts(), 1).server == stand_in.url


def behind(proxy: str, stand_in: StandIn, scheme: str = "https") -> Api:
    """Return an API that is reached through a proxy."""
    config = json.loads(stand_in.kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {
        "server": f"{scheme}://api.example.org",
        "proxy-url": proxy,
    }
    stand_in.kubeconfig.write_text(json.dumps(config))
    return connect(str(stand_in.kubeconfig), "", Timeouts(), 1, allow_insecure=True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_is_named(stand_in: StandIn, scheme: str) -> None:
    """And not the server behind it, nor its password."""
    port = free_port()
    api = behind(f"http://me:hunter2@127.0.0.1:{port}", stand_in, scheme)
    with pytest.raises(TransientError, match=f"the proxy http://127.0.0.1:{port} failed") as caught:
        api.get("/version", {}, accept="application/json")
    assert "NO_PROXY" in str(caught.value)
    assert "that the API server is up" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_proxy_of_the_environment(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is named likewise."""
    proxy = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    config = json.loads(stand_in.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://api.example.org"
    stand_in.kubeconfig.write_text(json.dumps(config))
    with pytest.raises(TransientError, match=f"the proxy {proxy} failed"):
        connect(str(stand_in.kubeconfig), "", Timeouts(), 1).get("/version", {}, accept="x")


@pytest.mark.parametrize(
    ("scheme", "status", "kind"),
    [
        ("https", 403, TransientError),
        ("https", 503, TransientError),
        ("https", 407, RefusedError),
        ("http", 407, RefusedError),
        ("http", 403, TransientError),
    ],
)
def test_a_proxy_that_refuses_is_named(
    stand_in: StandIn, scheme: str, status: int, kind: type[XpjobError]
) -> None:
    """No rights in the cluster are asked for."""
    squid = {"X-Squid-Error": "ERR_ACCESS_DENIED 0"}

    def get(proxy: Scripted) -> None:
        behind(proxy.url, stand_in, scheme).get("/version", {}, accept="application/json")

    with (
        scripted(lambda _: Told(status, squid, b"<html>no</html>")) as proxy,
        pytest.raises(kind, match=f"the proxy {proxy.url}") as caught,
    ):
        get(proxy)
    assert f"{status}" in str(caught.value)
    assert "grant get and list" not in str(caught.value)
    assert "PROXY" in str(caught.value)


def test_a_redirect_tells_where_to(stand_in: StandIn) -> None:
    """As a login in front of the API does."""
    to = {"Location": "https://sso.example.org/login?next=x"}
    with scripted(lambda _: Told(302, to)) as served:
        config = json.loads(stand_in.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = served.url
        stand_in.kubeconfig.write_text(json.dumps(config))
        with pytest.raises(XpjobError, match=r"redirects to https://sso\.example\.org/login"):
            connect(str(stand_in.kubeconfig), "", Timeouts(), 1).get("/version", {}, accept="x")
