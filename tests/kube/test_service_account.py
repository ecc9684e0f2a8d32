"""The service account of a pod."""

from __future__ import annotations

from pathlib import Path

import pytest
import urllib3

from support.in_pod import in_pod
from support.stand_in import TOKEN, StandIn
from xpjob.base.errors import RefusedError, SettingsError
from xpjob.kube import service_account
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.kube.service_account import ServiceAccount
from xpjob.net.http import Timeouts

ADDRESS = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod's folder with a token and a CA, and its environment."""
    made = tmp_path / "serviceaccount"
    made.mkdir()
    (made / "token").write_text("first\n")
    (made / "ca.crt").write_text("-")
    monkeypatch.setattr(service_account, "FOLDER", made)
    for name, value in ADDRESS.items():
        monkeypatch.setenv(name, value)
    return made


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The clock of the service account."""
    made = Watch()
    monkeypatch.setattr(service_account, "time", made)
    return made


def test_the_token_is_read_again_each_minute(folder: Path, watch: Watch) -> None:
    """The kubelet renews it in the same file."""
    account = ServiceAccount()
    (folder / "token").write_text("second")
    watch.now += 59
    assert account.authorization() == "Bearer first"
    watch.now += 1
    assert account.authorization() == "Bearer second"


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_token_that_cannot_be_read_again_is_kept(
    folder: Path, watch: Watch, content: str | None
) -> None:
    """It may still be valid; it is read once the file is there again."""
    account = ServiceAccount()
    (folder / "token").unlink()
    if content is not None:
        (folder / "token").write_text(content)
    watch.now += 60
    assert account.authorization() == "Bearer first"
    assert account.authorization(refused="Bearer first") == "Bearer first"
    (folder / "token").write_text("second")
    assert account.authorization() == "Bearer first"
    watch.now += 60
    assert account.authorization() == "Bearer second"


def test_a_refused_token_is_read_again_at_once(stand_in: StandIn, folder: Path) -> None:
    """And the request is repeated once, if the file has another one by now."""
    account = ServiceAccount()
    api = Api(stand_in.url, urllib3.PoolManager(), account, Timeouts())
    with pytest.raises(RefusedError, match="401"):
        api.get("/version", {}, accept="application/json")
    assert stand_in.paths() == ["/version"]
    (folder / "token").write_text(TOKEN)
    assert api.get("/version", {}, accept="application/json").status == 200
    (folder / "token").write_text("revoked")
    assert api.get("/version", {}, accept="application/json").status == 200
    assert stand_in.paths() == ["/version"] * 4


def test_the_api_is_asked_over_tls(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the CA of the folder."""
    with in_pod(stand_in.cluster, tmp_path) as pod:
        for name, value in pod.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(service_account, "FOLDER", pod.folder)
        api = connect("", "", Timeouts(), 1)
        assert api.server == pod.url
        assert api.get("/version", {}, accept="application/json").status == 200


def test_an_address_of_ipv6(folder: Path) -> None:
    """Is in brackets in the URL."""
    account = ServiceAccount({**ADDRESS, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert account.url == "https://[fd00::1]:443"


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("content", [None, ""])
def test_without_one_of_the_files_nothing_is_sent(
    folder: Path, name: str, content: str | None
) -> None:
    """The error names the file, and the other ways to connect."""
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(SettingsError) as caught:
        connect("", "", Timeouts(), 1)
    assert "cannot connect with the service account" in str(caught.value)
    assert name in str(caught.value)
    assert "--kubeconfig" in str(caught.value)


@pytest.mark.parametrize("port", [None, ""])
def test_without_a_port_nothing_is_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, port: str | None
) -> None:
    """The error names the variables."""
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    if port is not None:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    with pytest.raises(SettingsError, match="KUBERNETES_SERVICE_PORT"):
        connect("", "", Timeouts(), 1)


def test_a_file_that_is_no_token_is_not_shown(folder: Path, stand_in: StandIn) -> None:
    """An error says what is wrong with it, without its content."""
    (folder / "token").write_bytes(b"hunter2\xff\nhunter3")
    api = Api(stand_in.url, urllib3.PoolManager(), ServiceAccount(), Timeouts())
    with pytest.raises(RefusedError, match="invalid characters") as caught:
        api.get("/version", {}, accept="application/json")
    assert "hunter" not in str(caught.value)
    assert stand_in.paths() == []


@pytest.mark.parametrize(
    ("environ", "proxied"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://proxy.example.org:3128"}, True),
        ({"ALL_PROXY": "http://proxy.example.org:3128"}, True),
        ({"HTTPS_PROXY": "http://proxy.example.org:3128", "NO_PROXY": "10.96.0.1"}, False),
        ({"HTTPS_PROXY": "http://proxy.example.org:3128", "NO_PROXY": ".svc, 10.0.0.0/8"}, False),
        ({"HTTPS_PROXY": "http://proxy.example.org:3128", "NO_PROXY": "192.168.0.0/16"}, True),
        ({"HTTPS_PROXY": "http://proxy.example.org:3128", "NO_PROXY": "*"}, False),
    ],
    ids=str,
)
def test_the_proxy_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], proxied: bool
) -> None:
    """Unless NO_PROXY has the address, or a network in which it is."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert (connect("", "", Timeouts(), 1).pool.proxy is not None) == proxied
