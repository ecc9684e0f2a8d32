"""Credentials of a kubeconfig that the server refuses during a run."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.scripted import Asked, Scripted, Told, scripted
from xpjob.base.errors import RefusedError, TransientError, XpjobError
from xpjob.demo.api import write_kubeconfig
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.kube.credentials import Configured
from xpjob.net.http import Timeouts

VERSION = "client.authentication.k8s.io/v1"
THREADS = 4
PAST = "2026-01-01T00:00:00Z"


@dataclass
class Guard:
    """Answers 401 to all but the accepted token, to ``together`` requests at once."""

    accepted: str = "Bearer old"
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))

    def __call__(self, asked: Asked) -> Told:
        """Answer a request."""
        if asked.headers.get("authorization") == self.accepted:
            return Told(200, {}, b"{}")
        self.together.wait(10)
        return Told(401, {}, b'{"message":"Unauthorized"}')


@dataclass
class Server:
    """An API server, the guard of its tokens, and a folder for a kubeconfig."""

    guard: Guard
    served: Scripted
    folder: Path

    def connect(self, user: dict[str, Any]) -> Api:
        """Return a connection as this user of a kubeconfig."""
        path = write_kubeconfig(self.folder / "config", self.served.url, "")
        config = json.loads(path.read_text())
        config["users"][0]["user"] = user
        path.write_text(json.dumps(config))
        return connect(str(path), "", Timeouts(total=20.0), THREADS)

    def tokens(self) -> list[str]:
        """Return the tokens of all requests, in order."""
        return [
            asked.headers.get("authorization", "").removeprefix("Bearer ")
            for asked in self.served.asked
        ]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that accepts the old token, at first."""
    guard = Guard()
    with scripted(guard) as served:
        yield Server(guard, served, tmp_path)


def hurry(api: Api) -> None:
    """Let the plugin have 2 s from now on: enough to begin, where it hangs after that."""
    assert isinstance(api.credentials, Configured)
    loader: Any = api.credentials._load
    loader.__self__.plugin_seconds = 2.0


def get(api: Api) -> int:
    """Make a request, and return the status."""
    return api.get("/version", {}, accept="application/json").status


def at_once(api: Api) -> list[int | XpjobError]:
    """Make a request in each thread; return what each came to."""

    def attempt(_: int) -> int | XpjobError:
        try:
            return get(api)
        except XpjobError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(attempt, range(THREADS)))


@dataclass(frozen=True)
class Source:
    """A source of tokens: a user of the kubeconfig, how to change it, how often it was used."""

    user: dict[str, Any]
    set: Callable[[str], None]
    starts: Callable[[], int]


def token_file(folder: Path) -> Source:
    """Return a file with a token, as rotated ones are: with a line break."""
    file = folder / "token"
    return Source({"tokenFile": "token"}, lambda token: _replace(file, f"{token}\n"), lambda: 0)


def plugin(folder: Path, before: str = ":", **status: str) -> Source:
    """Return a credential plugin that records its starts. Its token has no expiry by default."""
    file, log = folder / "granted", folder / "starts"
    log.write_text("")

    def grant(token: str) -> None:
        granted = {"token": token, **status}
        answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": granted}
        _replace(file, json.dumps(answer))

    script = f"echo start >> {_quoted(log)}; {before}; cat {_quoted(file)}"
    user = {"exec": {"apiVersion": VERSION, "command": "sh", "args": ["-c", script]}}
    return Source(user, grant, lambda: len(log.read_text().splitlines()))


def hanging(folder: Path) -> str:
    """Return what a plugin does first, so that it hangs without the file ``works``."""
    return f"test -e {_quoted(folder / 'works')} || exec sleep 60"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


SOURCES = pytest.mark.parametrize("make", [token_file, plugin])


@pytest.mark.process  # a plugin of a kubeconfig
@SOURCES
def test_a_new_token_is_used_once_the_old_one_is_refused(
    server: Server, make: Callable[[Path], Source]
) -> None:
    """The request is repeated with it, and it is kept."""
    source = make(server.folder)
    source.set("old")
    api = server.connect(source.user)
    assert get(api) == 200
    source.set("new")
    assert get(api) == 200  # nothing is loaded before it is refused
    server.guard.accepted = "Bearer new"
    assert [get(api), get(api)] == [200, 200]
    assert server.tokens() == ["old", "old", "old", "new", "new"]
    assert source.starts() in (0, 2)


@pytest.mark.process  # a plugin of a kubeconfig
@SOURCES
def test_of_threads_that_are_refused_at_once_one_loads(
    server: Server, make: Callable[[Path], Source]
) -> None:
    """The plugin is started once more, not once for each."""
    source = make(server.folder)
    source.set("old")
    api = server.connect(source.user)
    source.set("new")
    server.guard.accepted = "Bearer new"
    server.guard.together = threading.Barrier(THREADS)
    assert at_once(api) == [200] * THREADS
    assert sorted(server.tokens()) == ["new"] * THREADS + ["old"] * THREADS
    assert source.starts() in (0, 2)


@pytest.mark.process  # a plugin of a kubeconfig
def test_one_that_is_refused_later_does_not_load_again(server: Server) -> None:
    """Another thread has renewed the token since its request was sent."""
    source = plugin(server.folder)
    source.set("old")
    credentials = server.connect(source.user).credentials
    source.set("new")
    assert credentials.authorization(refused="Bearer old") == "Bearer new"
    assert credentials.authorization(refused="Bearer old") == "Bearer new"
    assert credentials.authorization() == "Bearer new"
    assert source.starts() == 2


@pytest.mark.parametrize(
    "user",
    [
        {"token": "static"},
        {"username": "me", "password": "hunter2"},
        {},
        {"client-certificate-data": "eA==", "client-key-data": "eA=="},
    ],
    ids=["token", "password", "none", "certificate"],
)
def test_what_cannot_change_is_refused_at_once(server: Server, user: dict[str, Any]) -> None:
    """With one request."""
    api = server.connect(user)
    with pytest.raises(RefusedError, match="401: Unauthorized; the credentials are not accepted"):
        get(api)
    assert len(server.served.asked) == 1


@pytest.mark.process  # a plugin of a kubeconfig
@SOURCES
def test_a_token_that_has_not_changed_is_not_sent_again(
    server: Server, make: Callable[[Path], Source]
) -> None:
    """The server would refuse it again."""
    source = make(server.folder)
    source.set("withdrawn")
    api = server.connect(source.user)
    with pytest.raises(RefusedError, match="401"):
        get(api)
    assert server.tokens() == ["withdrawn"]
    assert source.starts() in (0, 2)


@pytest.mark.process  # a plugin of a kubeconfig
def test_a_plugin_that_gives_a_certificate_is_not_started_again(server: Server) -> None:
    """Its certificate is that of the connections, which are not made anew."""
    source = plugin(server.folder, clientCertificateData="eA==", clientKeyData="eA==")
    source.set("")
    file = server.folder / "granted"
    answer = json.loads(file.read_text())
    del answer["status"]["token"]
    file.write_text(json.dumps(answer))
    api = server.connect(source.user)
    with pytest.raises(RefusedError, match="401"):
        get(api)
    assert (server.tokens(), source.starts()) == ([""], 1)


@pytest.mark.process  # a plugin of a kubeconfig
@pytest.mark.parametrize(
    ("make", "name", "content", "why"),
    [
        (token_file, "token", None, r"No such file.*token"),
        (token_file, "token", b"\n", "KUBECONFIG: the user's token is empty"),
        (token_file, "token", b"\xff", "UnicodeDecodeError"),
        (plugin, "granted", None, "the credential plugin sh of the kubeconfig failed"),
        (plugin, "granted", b"{}", "the credential plugin sh of the kubeconfig failed"),
    ],
)
def test_a_renewal_that_fails_is_named_with_the_refusal(
    server: Server, make: Callable[[Path], Source], name: str, content: bytes | None, why: str
) -> None:
    """Nothing is sent without a token; the one that is known is used again, and renewed later."""
    source = make(server.folder)
    source.set("old")
    api = server.connect(source.user)
    server.guard.accepted = "Bearer new"
    (server.folder / name).unlink()
    if content is not None:
        (server.folder / name).write_bytes(content)
    said = rf"401: Unauthorized; .*; loading them again failed: .*{why}"
    with pytest.raises(RefusedError, match=said):
        get(api)
    assert server.tokens() == ["old"]
    source.set("new")
    assert get(api) == 200
    assert server.tokens() == ["old", "old", "new"]


@pytest.mark.process  # a plugin of a kubeconfig
def test_a_token_that_becomes_a_certificate_is_for_the_next_run(server: Server) -> None:
    """Nothing is sent without a header in its place."""
    source = plugin(server.folder)
    source.set("old")
    api = server.connect(source.user)
    server.guard.accepted = "Bearer new"
    status = {"clientCertificateData": "eA==", "clientKeyData": "eA=="}
    answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
    (server.folder / "granted").write_text(json.dumps(answer))
    with pytest.raises(RefusedError, match="from a token to a certificate"):
        get(api)
    assert server.tokens() == ["old"]


@pytest.mark.process  # a plugin of a kubeconfig
def test_the_failure_of_a_renewal_is_that_of_all_who_wait_for_it(server: Server) -> None:
    """A plugin that hangs is not started by one thread after the other."""
    source = plugin(server.folder, hanging(server.folder))
    source.set("old")
    (server.folder / "works").touch()
    api = server.connect(source.user)
    hurry(api)
    (server.folder / "works").unlink()
    server.guard.accepted = "Bearer new"
    server.guard.together = threading.Barrier(THREADS)
    came_to = at_once(api)
    assert {type(error) for error in came_to} == {RefusedError}
    assert all("gave no credentials within 2 s" in str(error) for error in came_to)
    assert (source.starts(), server.tokens()) == (2, ["old"] * THREADS)


@pytest.mark.process  # a plugin of a kubeconfig
@pytest.mark.parametrize("past", [PAST, "0001-01-01T00:00:00Z"])
def test_of_threads_whose_token_has_expired_one_starts_the_plugin(
    server: Server, past: str
) -> None:
    """Before anything is sent; a token without expiry is not renewed after that."""
    expired = plugin(server.folder, expirationTimestamp=past)
    expired.set("old")
    api = server.connect(expired.user)
    lasting = plugin(server.folder)
    lasting.set("new")
    server.guard.accepted = "Bearer new"
    assert at_once(api) == [200] * THREADS
    assert server.tokens() == ["new"] * THREADS
    assert lasting.starts() == 1


@pytest.mark.process  # a plugin of a kubeconfig
def test_an_expired_token_that_cannot_be_renewed_now_is_tried_again(server: Server) -> None:
    """As with any transient error; nothing is sent with it."""
    source = plugin(server.folder, hanging(server.folder), expirationTimestamp=PAST)
    source.set("old")
    (server.folder / "works").touch()
    api = server.connect(source.user)
    hurry(api)
    (server.folder / "works").unlink()
    with pytest.raises(TransientError, match="gave no credentials within 2 s"):
        get(api)
    assert server.tokens() == []
    assert source.starts() == 5
