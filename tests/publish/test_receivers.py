"""Receivers that take the pushes of a Pushgateway, and what only looks like one.

What they answer is as they document it, or as their source has it: VictoriaMetrics and vmagent
204 without a body, telegraf 204, prom-aggregation-gateway 202, a Pushgateway 200, or 202 without
its consistency check; proxies in front of them may add a body.
"""

from __future__ import annotations

import json

import pytest

from support.samples import snapshot
from support.scripted import Asked, Scripted, Told, scripted
from support.snapshots import inventory
from xpjob.base.errors import BadAnswerError, RefusedError, XpjobError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.publish import exposition
from xpjob.publish.publisher import publishers

HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
VM = "/api/v1/import/prometheus"


def push(served: Scripted, path: str = "", **environ: str) -> XpjobError | None:
    """Push an inventory there, and return the error."""
    config = load({}, {"PUSHGATEWAY_URL": f"{served.url}{path}", **environ}, GROUPS)
    (sink,) = publishers(config)
    try:
        sink.publish_inventory(exposition.registry(inventory(snapshot())))
    except XpjobError as error:
        return error
    return None


@pytest.mark.parametrize(
    "told",
    [
        Told(200),
        Told(202),
        Told(204),
        Told(201, JSON, b"{}"),
        Told(200, {"Content-Type": "text/plain"}, b"ok"),
        Told(202, JSON, b'{"status": "success"}'),
        Told(200, JSON, b'{"accepted": 42, "error": null}'),
        Told(202, {}, b"\xff\x00"),
        Told(202, {"Content-Encoding": "gzip"}),  # as proxies label what has no body
        Told(204, {"Content-Encoding": "gzip"}),
        Told(200, HTML),  # as frameworks call an empty answer
        Told(200, {"Content-Type": "text/plain"}, b"took 3 families, no <html> among them"),
    ],
    ids=lambda told: f"{told.status} {told.body!r} {told.headers.get('Content-Encoding', '')}",
)
def test_gw01_any_2xx_is_success(told: Told) -> None:
    """With a body or without."""
    with scripted(lambda _: told) as served:
        assert push(served) is None
        assert len(served.asked) == 1


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_groups_of_a_receiver_that_has_none(status: int) -> None:
    """The advice is not that of a push."""
    with scripted(lambda _: Told(status, {}, b"unsupported path")) as served:
        (sink,) = publishers(load({}, {"PUSHGATEWAY_URL": served.url}, GROUPS))
        with pytest.raises(XpjobError, match="only accepts pushes") as caught:
            sink.start_times()
    assert "inconsistent" not in str(caught.value)


def test_gw01_victoria_metrics_is_pushed_to_under_its_path() -> None:
    """It knows a Pushgateway's paths below its own, and answers 204."""

    def answer(asked: Asked) -> Told:
        known = asked.path.startswith(f"{VM}/metrics/job/") and asked.method in ("PUT", "POST")
        return Told(204) if known else Told(400, {}, b"unsupported path requested")

    with scripted(answer) as served:
        assert push(served, VM) is None
        wrong = push(served)
        assert wrong is not None
        assert "unsupported path" in str(wrong)


@pytest.mark.parametrize(
    "told",
    [
        Told(200, HTML, b"<html><body>Please log in</body></html>"),
        Told(200, HTML, b"welcome"),
        Told(200, {}, b"\n <!DOCTYPE html><title>Welcome to nginx!</title>"),
        Told(200, {"Content-Type": "text/plain"}, b'<?xml version="1.0"?><HTML><body/></HTML>'),
        Told(200, JSON, b'{"status": "error", "errorType": "bad_data", "error": "no such tenant"}'),
        Told(200, JSON, b'{"error": "unauthorized"}'),
    ],
    ids=["login", "text called HTML", "welcome page", "XHTML", "error", "unauthorized"],
)
def test_gw04_what_complains_or_is_a_page_has_taken_nothing(told: Told) -> None:
    """Whatever its status; it is quoted, and not asked again."""
    with scripted(lambda _: told) as served:
        error = push(served)
        assert isinstance(error, BadAnswerError)
        assert error.exit_code == 1
        assert "PUSHGATEWAY_URL" in str(error)
        assert len(served.asked) == 1


def test_gw04_a_page_does_not_tell_the_credentials(tmp_path: object) -> None:
    """That it quotes."""

    def answer(asked: Asked) -> Told:
        return Told(200, HTML, f"<html>{asked.headers['authorization']}</html>".encode())

    with scripted(answer) as served:
        given = {"PUSHGATEWAY_USERNAME": "me", "PUSHGATEWAY_PASSWORD": "hunter2"}
        error = push(served, **given)
        assert error is not None
        assert "(not shown)" in str(error)
        assert "bWU6aHVudGVyMg==" not in str(error)


@pytest.mark.parametrize("password", ["pass-phrase", 'p"w', "pä"])
@pytest.mark.parametrize(
    "told",
    [
        (200, "<html>{}</html>"),
        (200, '{{"data": [{{"labels": {{}}, "push_time_seconds": {}}}]}}'),
        (400, "{}"),
        (403, '{{"error": {}}}'),
        (418, "{}"),
    ],
)
def test_no_error_quotes_the_password(password: str, told: tuple[int, str]) -> None:
    """Neither of a push, nor of reading the groups, also where it is quoted as JSON."""
    status, body = told
    family = {"metrics": [{"value": password}]}
    quoted = json.dumps(family if "push_time" in body else password, ensure_ascii=False)
    answer = Told(status, {}, body.format(quoted).encode())
    with scripted(lambda _: answer) as served:
        given = {
            "PUSHGATEWAY_URL": served.url,
            "PUSHGATEWAY_USERNAME": "me",
            "PUSHGATEWAY_PASSWORD": password,
        }
        (sink,) = publishers(load({}, given, GROUPS))
        with pytest.raises(XpjobError) as caught:
            sink.start_times()
        errors = [str(caught.value)]
        if "push_time" not in body:  # which a push does not look at
            errors.append(str(push(served, **given)))
    for error in errors:
        assert "(not shown)" in error
        assert password not in error
        assert json.dumps(password)[1:-1] not in error


@pytest.mark.parametrize(
    ("status", "to", "said"),
    [
        (308, "https://gw.example.org{path}", "set PUSHGATEWAY_URL to https://gw.example.org"),
        (301, "https://gw.example.org/push{path}", "to https://gw.example.org/push"),
        (307, "//gw.example.org:9091{path}", "set PUSHGATEWAY_URL to http://gw.example.org:9091"),
        (302, "https://sso.example.org/login?next={path}", "https://sso.example.org/login, which"),
        (302, "/login?token=hunter2", "/login, which is not the address of a gateway"),
        (303, "https://me:hunter2@gw.example.org/", "https://gw.example.org/"),
        (302, "", "without a valid Location"),
        (302, "http://[", "(not a URL)"),
    ],
)
def test_gw02_a_redirect_says_where_to_and_what_to_set(status: int, to: str, said: str) -> None:
    """It is not followed, and no secret in it is reported."""

    def answer(asked: Asked) -> Told:
        return Told(status, {"Location": to.format(path=asked.path)} if to else {})

    with scripted(answer) as served:
        error = push(served)
        assert error is not None
        assert error.exit_code == 1
        assert said in str(error)
        assert f"{status}" in str(error)
        assert "PUSHGATEWAY_URL" in str(error)
        assert "hunter2" not in str(error)
        assert len(served.asked) == 1


def test_a_login_that_is_refused_is_not_a_gateways_refusal() -> None:
    """A page with status 403: its style is left out, and the proxy's credentials are asked for."""
    page = (
        b"<html><head><style>" + b"x" * 80_000 + b"</style></head>Secured with oauth-proxy</html>"
    )
    with scripted(lambda _: Told(403, HTML, page)) as served:
        error = push(served)
    assert isinstance(error, RefusedError)
    assert "Secured with oauth-proxy" in str(error)
    assert "proxy in front of it" in str(error)
    assert "xxx" not in str(error)
