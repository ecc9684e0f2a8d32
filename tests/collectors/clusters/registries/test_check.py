"""The states of a registry, against servers that answer as registries do, and as others do."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from msgspec.structs import replace

from support.scripted import Asked, Scripted, Told, scripted
from xpjob.base import times
from xpjob.collectors.clusters.registries.check import check, check_all
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.collectors.clusters.registries.result import Result
from xpjob.net import retry
from xpjob.net.deadline import Deadline
from xpjob.net.options import NetOptions

NET = NetOptions()
API = {"Docker-Distribution-Api-Version": "registry/2.0", "Content-Type": "application/json"}
USER = "robot:right"
RIGHT = "Basic " + base64.b64encode(USER.encode()).decode()
PAGE = b"<!doctype html><html><body>Welcome</body></html>"
Answers = Mapping[str, Callable[[Asked], Told]]


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    retry.set_testing(True)
    yield
    retry.set_testing(False)


@contextmanager
def served(answers: Answers, context: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Serve answers by path; of anything else there is nothing."""

    def answer(asked: Asked) -> Told:
        made = answers.get(urlsplit(asked.path).path)
        return made(asked) if made else Told(404, {}, b"404 page not found")

    with scripted(answer, context) as registry:
        yield registry


def told(status: int, body: bytes = b"{}", **headers: str) -> Callable[[Asked], Told]:
    """Return what always answers this."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Told(status, {**API, **named}, body)


def basic(asked: Asked) -> Told:
    """Answer ``/v2/`` of a registry with passwords."""
    if asked.headers.get("authorization") == RIGHT:
        return Told(200, API, b"{}")
    return Told(401, {**API, "WWW-Authenticate": 'Basic realm="Registry"'}, b"{}")


def bearer(realm: Callable[[], str]) -> Callable[[Asked], Told]:
    """Return what answers ``/v2/`` of a registry with tokens."""

    def answer(asked: Asked) -> Told:
        if asked.headers.get("authorization", "").startswith("Bearer good"):
            return Told(200, API, b"{}")
        challenge = f'Bearer realm="{realm()}",service="registry"'
        return Told(401, {**API, "WWW-Authenticate": challenge}, b"{}")

    return answer


def issue(asked: Asked) -> Told:
    """Issue a token to whoever has the right password; it names its scope."""
    scope = parse_qs(urlsplit(asked.path).query).get("scope", ["none"])[0]
    if asked.headers.get("authorization") == RIGHT:
        return Told(200, {}, json.dumps({"token": f"good-{scope}"}).encode())
    return Told(401, {}, b'{"details": "incorrect username or password"}')


def credentials(directory: Path, text: str = USER) -> Path:
    """Write a file with credentials."""
    path = directory / "credentials"
    path.write_text(text)
    return path


def state_of(answers: Answers, **more: object) -> Result:
    """Return what checking a registry with these answers finds."""
    with served(answers) as registry:
        return check(replace(Registry("r", registry.url), **more), NET)


STATES: dict[str, tuple[Callable[[Asked], Told], str, str, int | None]] = {
    "open": (told(200), "upAnonymous", "", 1),
    "open, and says nothing else": (lambda _: Told(200), "upAnonymous", "", 1),
    "wants a password": (basic, "authRequired", "credentialsFile", 1),
    "an unknown scheme": (told(401, WWW_Authenticate="Negotiate"), "authRequired", "neither", 1),
    "403": (told(403, b"denied"), "refused", "403: denied", 1),
    "429": (told(429, b"slow down", Retry_After="60"), "rateLimited", "429: slow down", 1),
    "404": (told(404, b"nothing"), "notARegistry", "404: nothing", 0),
    "a page": (lambda _: Told(200, {"Content-Type": "text/html"}, PAGE), "notARegistry", "", 0),
    "a text": (lambda _: Told(200, {}, b"hello"), "notARegistry", "not a registry's", 0),
    "503": (told(503, b"maintenance"), "unavailable", "503: maintenance", 0),
    "too much": (told(200, b" " * (2 << 20)), "notARegistry", "larger than 1 MiB", 0),
    "elsewhere": (
        told(302, Location="https://other.example.org/v2/?token=secret"),
        "redirected",
        "it redirects to https://other.example.org/v2/;",
        0,
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_each_answer_is_a_state(name: str) -> None:
    """With what came back, and whether a registry is there at all."""
    answer, state, message, up = STATES[name]
    found = state_of({"/v2/": answer})
    assert (found.state, found.up) == (state, up)
    assert message in found.message
    assert "secret" not in found.message
    assert found.auth_ok == -1
    assert found.seconds is None or found.seconds > 0


@pytest.mark.parametrize(
    ("text", "state", "auth_ok"), [(USER, "upAuthenticated", 1), ("robot:wrong", "authFailed", 0)]
)
@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_wrong_credentials_are_told_from_right_ones(
    tmp_path: Path, scheme: str, text: str, state: str, auth_ok: int
) -> None:
    """Either way the registry is up."""
    found = Registry("r", "")

    def realm() -> str:
        return f"{found.endpoint}/token"

    answers = {"/v2/": basic if scheme == "basic" else bearer(realm), "/token": issue}
    with served(answers) as registry:
        found = Registry("r", registry.url, credentials(tmp_path, text))
        result = check(found, NET)
    assert (result.state, result.auth_ok, result.up) == (state, auth_ok, 1)
    assert "wrong" not in result.message.replace("the credentials are wrong", "")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (told(429, b"{}"), "rateLimited"),
        (told(500, b"{}"), "authUnavailable"),
        (told(404, b"{}"), "authUnavailable"),
        (told(200, b"no json"), "authUnavailable"),
        (told(200, b'{"token": ""}'), "authUnavailable"),
        (told(200, b'{"token": "bad\\nheader"}'), "authUnavailable"),
        (told(200, b'{"access_token": "good"}'), "upAuthenticated"),
        (told(200, b'{"token": "not accepted"}'), "authFailed"),
        (told(200, b" " * (2 << 20)), "authUnavailable"),
        (told(307, Location="https://other.example.org/token"), "authUnavailable"),
    ],
)
def test_a_server_of_tokens_may_fail_too(
    tmp_path: Path, answer: Callable[[Asked], Told], state: str
) -> None:
    """The registry is up, and nothing is said of the credentials unless they were refused."""
    urls: list[str] = []
    answers = {"/v2/": bearer(lambda: f"{urls[0]}/token"), "/token": answer}
    with served(answers) as registry:
        urls.append(registry.url)
        found = check(Registry("r", registry.url, credentials(tmp_path)), NET)
    assert (found.state, found.up) == (state, 1)
    assert found.healthy is {"upAuthenticated": True, "rateLimited": None}.get(state, False)


@pytest.mark.parametrize(
    ("answer", "state", "healthy"),
    [
        (told(403), "refused", True),
        (told(401, WWW_Authenticate="Negotiate"), "authRequired", True),
        (told(429), "rateLimited", None),
    ],
)
def test_without_access_a_registry_is_well_only_if_there_are_no_credentials(
    tmp_path: Path, answer: Callable[[Asked], Told], state: str, healthy: bool | None
) -> None:
    """With credentials it is to be used, and it cannot be."""
    without = state_of({"/v2/": answer})
    given = state_of({"/v2/": answer}, credentials_file=credentials(tmp_path))
    assert (without.state, given.state) == (state, state)
    assert (without.healthy, given.healthy) == (healthy, healthy and False)


def test_who_is_unknown_may_get_a_token_all_the_same() -> None:
    """As with public registries; without one the registry wants credentials."""
    urls: list[str] = []
    answers = {"/v2/": bearer(lambda: f"{urls[0]}/token"), "/token": told(200, b'{"token":"good"}')}
    with served(answers) as registry:
        urls.append(registry.url)
        assert check(Registry("r", registry.url), NET).state == "upAnonymous"
    assert state_of({"/v2/": bearer(lambda: "http://127.0.0.1:1/token")}).state == "authRequired"


def test_another_host_is_asked_over_plain_http_only_if_it_is_named() -> None:
    """Nothing is requested there, and nothing that it answers is sent to the registry."""
    with served({"/token": told(200, b'{"token":"good"}')}) as elsewhere:
        realm = elsewhere.url.replace("127.0.0.1", "localhost") + "/token"
        with served({"/v2/": bearer(lambda: realm)}) as registry:
            found = check(Registry("r", registry.url), NET)
            assert (found.state, elsewhere.asked) == ("authRequired", [])
            assert "name it in tokenHosts" in found.message
            assert [asked.headers.get("authorization") for asked in registry.asked] == [None]
            named = check(Registry("r", registry.url, token_hosts=("localhost",)), NET)
            assert named.state == "upAnonymous"


def test_an_internal_registry_may_have_another_internal_host(tmp_path: Path) -> None:
    """Over https, without being named."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with served({"/token": told(200, b'{"token":"good"}')}, context) as elsewhere:
        realm = elsewhere.url.replace("127.0.0.1", "localhost") + "/token"
        found = state_of({"/v2/": bearer(lambda: realm)}, ca_file=tmp_path / "ca.pem")
    assert found.state == "upAnonymous"


@pytest.mark.parametrize("header", ['Bearer realm="https://[bad"', 'Bearer realm="https://a:0x"'])
def test_a_realm_that_is_no_url_is_no_reason_to_call_the_registry_down(header: str) -> None:
    """It answers; what it says is quoted."""
    found = state_of({"/v2/": told(401, WWW_Authenticate=header)})
    assert (found.state, found.up) == ("authRequired", 1)
    assert "realm" in found.message


def test_a_redirect_to_what_is_no_url_is_an_answer() -> None:
    """It is not followed, and says that the endpoint is wrong."""
    found = state_of({"/v2/": told(302, Location="https://[bad")})
    assert (found.state, found.cause) == ("redirected", "")


def test_credentials_go_to_no_other_host(tmp_path: Path) -> None:
    """A realm elsewhere gets none, unless it is named."""
    with served({"/token": issue}) as elsewhere:
        realm = elsewhere.url.replace("127.0.0.1", "localhost") + "/token"
        with served({"/v2/": bearer(lambda: realm)}) as registry:
            entry = Registry("r", registry.url, credentials(tmp_path))
            found = check(entry, NET)
            assert (found.state, found.auth_ok) == ("credentialsNotSent", -1)
            assert "name it in tokenHosts" in found.message
            assert elsewhere.asked == []
            named = check(replace(entry, token_hosts=("localhost",)), NET)
            assert named.state == "upAuthenticated"


def test_credentials_follow_no_redirect_to_another_host(tmp_path: Path) -> None:
    """A registry that accepts them, and then sends one elsewhere."""
    with served({"/v2/": told(200)}) as other:

        def away(asked: Asked) -> Told:
            found = basic(asked)
            if found.status == 401:
                return found
            return Told(307, {"Location": f"{other.url}/v2/"})

        found = state_of({"/v2/": away}, credentials_file=credentials(tmp_path))
        assert (found.state, other.asked) == ("redirected", [])


def test_a_redirect_within_the_registry_is_followed(tmp_path: Path) -> None:
    """With the credentials, and not for ever."""
    answers = {"/v2/": told(301, Location="/registry/v2/"), "/registry/v2/": basic}
    found = state_of(answers, credentials_file=credentials(tmp_path))
    assert found.state == "upAuthenticated"
    assert state_of({"/v2/": told(301, Location="/v2/")}).state == "redirected"


def test_credentials_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """The registry is checked without them."""
    found = state_of({"/v2/": basic}, credentials_file=tmp_path / "gone")
    assert (found.state, found.up) == ("credentialsNotSent", 1)
    assert "cannot be read" in found.message


def catalog_of(names: int, page: int) -> Callable[[Asked], Told]:
    """Return what answers with a catalog, page by page."""

    def answer(asked: Asked) -> Told:
        query = parse_qs(urlsplit(asked.path).query)
        start = int(query.get("last", ["0"])[0])
        some = [f"repo-{number}" for number in range(start, min(names, start + page))]
        end = start + len(some)
        link = f'</v2/_catalog?last={end}&n={page}>; rel="next"'
        headers = {"Link": link} if end < names else {}
        return Told(200, headers, json.dumps({"repositories": some}).encode())

    return answer


@pytest.mark.parametrize(
    ("answer", "repositories", "catalog"),
    [
        (catalog_of(0, 2), 0, "complete"),
        (catalog_of(5, 2), 5, "complete"),
        (catalog_of(6, 2), 6, "complete"),
        (catalog_of(7, 2), None, "more"),
        (told(404), None, "refused"),
        (told(401), None, "refused"),
        (told(503), None, "failed"),
        (told(200, b"<html>"), None, "failed"),
        (told(200, b" " * (2 << 20)), None, "failed"),
        (told(200, Link='<https://other.example.org/v2/_catalog>; rel="next"'), None, "failed"),
        (told(200, Link='</v2/_catalog?n=6>; rel="next"'), None, "failed"),
    ],
)
def test_repositories_are_counted_or_not_known(
    answer: Callable[[Asked], Told], repositories: int | None, catalog: str
) -> None:
    """All of them, or none: a partial count is left out. The registry is up in either case."""
    found = state_of({"/v2/": told(200), "/v2/_catalog": answer}, max_repositories=6)
    assert (found.repositories, found.catalog) == (repositories, catalog)
    assert found.state == "upAnonymous"


def test_the_catalog_takes_a_token_of_its_own(tmp_path: Path) -> None:
    """With the scope that the specification has for it."""
    urls: list[str] = []
    answers = {
        "/v2/": bearer(lambda: f"{urls[0]}/token"),
        "/token": issue,
        "/v2/_catalog": lambda asked: (
            catalog_of(3, 10)(asked)
            if asked.headers["authorization"] == "Bearer good-registry:catalog:*"
            else Told(401)
        ),
    }
    with served(answers) as registry:
        urls.append(registry.url)
        entry = Registry("r", registry.url, credentials(tmp_path), max_repositories=10)
        assert check(entry, NET).repositories == 3


def test_further_paths_are_checked_without_credentials(tmp_path: Path) -> None:
    """One that does not answer is named."""
    answers = {"/v2/": basic, "/health": told(200), "/ready": told(500, b"no database")}
    with served(answers) as registry:
        entry = Registry("r", registry.url, credentials(tmp_path), paths=("/health", "/ready"))
        found = check(entry, NET)
        sent = {
            asked.headers.get("authorization")
            for asked in registry.asked
            if not asked.path.startswith("/v2/")
        }
    assert (found.state, found.paths_failed) == ("upAuthenticated", ["/ready"])
    assert "500: no database" in found.message
    assert (found.up, found.healthy) == (1, False)
    assert sent == {None}


@pytest.mark.parametrize(
    ("endpoint", "cause"),
    [("https://registry.invalid", "dns"), ("http://127.0.0.1:1", "connect")],
)
def test_where_a_registry_fails_is_told(endpoint: str, cause: str) -> None:
    """Name, connection, TLS or time."""
    found = check(Registry("r", endpoint, timeout_seconds=5), NET)
    assert (found.state, found.cause, found.up) == ("unreachable", cause, 0)
    assert found.message.startswith(f"GET {endpoint}/v2/: ")
    assert "; check the endpoint" in found.message


@contextmanager
def hanging() -> Iterator[str]:
    """Accept connections, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_registry_that_hangs_costs_its_own_time() -> None:
    """Others have answered meanwhile."""
    with hanging() as url, served({"/v2/": told(200)}) as fine:
        entries = [Registry("slow", url, timeout_seconds=0.3), Registry("fine", fine.url)]
        started = time.monotonic()
        slow, other = check_all(entries, NET)
        took = time.monotonic() - started
    assert (slow.state, slow.cause, other.state) == ("unreachable", "timeout", "upAnonymous")
    assert "no answer within 0.3 s; check that a network policy allows it" in slow.message
    assert took < 5


def test_all_together_take_no_more_than_a_share_of_the_run() -> None:
    """Those that were not reached in time are not said to be down."""
    limit = Deadline(10)
    with hanging() as url, limit.running():
        many = [Registry(f"r{n}", url, timeout_seconds=60) for n in range(40)]
        found = check_all(many, NET)
        left = limit.left()
    assert {result.state for result in found} == {"notChecked"}
    assert {result.up for result in found} == {None}
    assert left > 1, "of 5 s"


def drip(go_on: threading.Event) -> Callable[[Asked], Told]:
    """Return an answer that is held back until the event is set."""

    def answer(_: Asked) -> Told:
        go_on.wait(60)
        return Told(200, API, b"{}")

    return answer


def test_all_requests_share_the_time() -> None:
    """However many pages a catalog has: the second one hangs."""
    go_on = threading.Event()
    pages = iter([catalog_of(9, 2), drip(go_on)])
    answers = {"/v2/": told(200), "/v2/_catalog": lambda asked: next(pages)(asked)}
    started = time.monotonic()
    found = state_of(answers, max_repositories=100, timeout_seconds=3)
    go_on.set()
    assert (found.state, found.catalog, found.repositories) == ("upAnonymous", "failed", None)
    assert time.monotonic() - started < 20


class Tls:
    """A CA, and contexts of servers with certificates that it has issued."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, until: datetime | None = None, name: str = "127.0.0.1") -> ssl.SSLContext:
        """Return the context of a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name, not_after=until).configure_cert(context)
        return context


def test_the_end_of_the_certificate_is_told(tmp_path: Path) -> None:
    """Of the registry's own, as the handshake shows it."""
    tls = Tls(tmp_path)
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=3)
    with served({"/v2/": basic}, tls.server(until)) as registry:
        found = check(Registry("r", registry.url, ca_file=tls.file), NET)
    assert (found.state, found.not_after) == ("authRequired", times.rfc3339(until))


@pytest.mark.parametrize("wrong", ["expired", "name", "untrusted"])
def test_a_certificate_that_is_wrong_is_told(tmp_path: Path, wrong: str) -> None:
    """The registry is unreachable, and the certificate is named as the cause."""
    tls = Tls(tmp_path)
    until = datetime.now(timezone.utc) - timedelta(days=1) if wrong == "expired" else None
    name = "other.example.org" if wrong == "name" else "127.0.0.1"
    with served({"/v2/": told(200)}, tls.server(until, name)) as registry:
        ca_file = None if wrong == "untrusted" else tls.file
        found = check(Registry("r", registry.url, ca_file=ca_file), NET)
    assert (found.state, found.cause, found.not_after) == ("unreachable", "tls", "")
    assert "certificate" in found.message


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    """Instead of trusting anybody."""
    (tmp_path / "ca.pem").write_text("nothing")
    found = check(Registry("r", "https://127.0.0.1:1", ca_file=tmp_path / "ca.pem"), NET)
    assert found.state == "unreachable"
    assert "no certificates in" in found.message


def test_what_may_pass_is_tried_again() -> None:
    """A registry that restarts is up."""
    answers = iter([told(503), told(502), told(200)])
    found = state_of({"/v2/": lambda asked: next(answers)(asked)})
    assert found.state == "upAnonymous"


def through(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Asked], Told], scheme: str = "http"
) -> tuple[Result, str]:
    """Check a registry through that proxy; return what is found, and the address of the proxy."""
    with scripted(answer) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name.lower(), raising=False)
            monkeypatch.setenv(name, proxy.url.replace("http://", "http://me:hunter2@"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        return check(Registry("r", f"{scheme}://registry.example:5000"), NET), proxy.url


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (403, "check HTTPS_PROXY and HTTP_PROXY"),
        (404, "check HTTPS_PROXY and HTTP_PROXY"),
        (407, "give the proxy the credentials"),
        (429, "check HTTPS_PROXY and HTTP_PROXY"),
        (503, "check HTTPS_PROXY and HTTP_PROXY"),
    ],
)
def test_the_answer_of_a_proxy_is_not_the_registrys(
    monkeypatch: pytest.MonkeyPatch, scheme: str, status: int, advice: str
) -> None:
    """The registry was not reached: nothing is known of it, and the proxy is named."""
    squid = {"X-Squid-Error": "ERR_DNS_FAIL 0"}
    found, proxy = through(monkeypatch, lambda _: Told(status, squid, b"<html>no</html>"), scheme)
    assert (found.state, found.cause, found.up) == ("unreachable", "proxy", 0)
    assert found.healthy is False
    assert proxy in found.message
    assert str(status) in found.message
    assert advice in found.message
    assert "hunter2" not in found.message


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (told(200, Proxy_Status="egress"), "upAnonymous"),
        (told(401, WWW_Authenticate="Negotiate", Proxy_Status="egress"), "authRequired"),
        (told(403, Via="1.1 egress"), "refused"),
        (told(503), "unavailable"),
    ],
)
def test_what_a_proxy_passes_on_is_the_registrys(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Asked], Told], state: str
) -> None:
    """Whatever the proxy adds to it."""
    assert through(monkeypatch, answer)[0].state == state
