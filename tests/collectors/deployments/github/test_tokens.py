"""Credentials: a token, its file, or a GitHub App."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.github import ISSUED, TOKEN, message, told
from support.github_runs import Runs, digest, row, runs
from support.scripted import Asked, Told
from xpjob.base import patience
from xpjob.base.errors import BadAnswerError, DeadlineError, RefusedError, XpjobError
from xpjob.net.deadline import Deadline


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """The private and the public key of an App, as PEM."""
    private = rsa.generate_private_key(65537, 2048)
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret.decode(), public.decode()


def authorizations(run: Runs) -> list[str]:
    """Return the credentials of the requests with records."""
    return [
        asked.headers["authorization"]
        for asked in run.served.asked
        if "deployment-record" in asked.path
    ]


@pytest.mark.parametrize("form", ["path", "alias", "base64", "wrapped", "pem"])
@pytest.mark.parametrize("app", ["12345", "Iv23liABCdef"])
def test_an_app_signs_for_a_token_of_its_installation(
    form: str, app: str, key: tuple[str, str], tmp_path: Path
) -> None:
    """Asked for at BASE_URL, once in a run; its key comes in all forms of the tracker."""
    private, public = key
    file = tmp_path / "key.pem"
    file.write_text(private)
    text = base64.b64encode(private.encode()).decode()
    wrapped = "\n".join(text[n : n + 76] for n in range(0, len(text), 76))
    given = {
        "path": {"GH_APP_PRIV_KEY_PATH": str(file)},
        "alias": {"GH_APP_PRIV_KEY": str(file)},
        "base64": {"GH_APP_PRIVATE_KEY": text},
        "wrapped": {"GH_APP_PRIVATE_KEY": wrapped},
        "pem": {"GH_APP_PRIVATE_KEY": private},
    }[form]
    with runs(public_key=public, tokens=set(), polls=2) as run:
        run.environ |= {"GH_APP_ID": app, "GH_INSTALL_ID": "678", **given}
        assert run.run(row()).error is None
        assert run.api.deployed() == {"shop/web/app": digest()}
        issued = [asked for asked in run.served.asked if "access_tokens" in asked.path]
        assert [asked.path for asked in issued] == ["/app/installations/678/access_tokens"]
        signed = issued[0].headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(signed, options={"verify_signature": False})
        assert claims["iss"] == app
        assert claims["iat"] == int(run.clock.moment.timestamp()) - 300 - 3 - 60
        assert claims["exp"] - claims["iat"] == 600
        assert set(authorizations(run)) == {f"Bearer {ISSUED}"}
        assert ISSUED.encode() not in run.store.body


def test_an_app_comes_before_a_token(key: tuple[str, str]) -> None:
    """As in the tracker."""
    private, public = key
    with runs(public_key=public) as run:
        run.environ |= {
            "GH_APP_ID": "1",
            "GH_INSTALL_ID": "2",
            "GH_APP_PRIVATE_KEY": private,
            "API_TOKEN": TOKEN,
        }
        run.run(row())
        assert set(authorizations(run)) == {f"Bearer {ISSUED}"}


def test_a_token_file_is_read_in_each_run(tmp_path: Path) -> None:
    """Kubernetes renews what is mounted."""
    file = tmp_path / "token"
    file.write_text("ghp-old\n")
    with runs() as run:
        run.environ |= {"API_TOKEN": "", "API_TOKEN_FILE": str(file)}
        assert isinstance(run.run(row()).error, RefusedError)
        file.write_text(TOKEN + "\n")
        assert run.run(row()).error is None


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        (message(401, "A JSON web token could not be decoded"), RefusedError, "GH_APP_ID"),
        (message(404, "Not Found"), RefusedError, "GH_INSTALL_ID"),
        (message(422, "The permissions are not granted"), RefusedError, "GH_INSTALL_ID"),
        (message(410, "Gone"), RefusedError, "GH_INSTALL_ID"),
        (message(403, "This installation has been suspended"), RefusedError, "suspended"),
        (Told(201, {}, b"<html>ghs-hunter2"), BadAnswerError, "no token"),
        (told(201, {"tokens": ISSUED}), BadAnswerError, "no token"),
    ],
)
def test_an_app_that_gets_no_token_is_an_error_that_shows_none(
    answer: Told, kind: type[Exception], expected: str, key: tuple[str, str]
) -> None:
    """With what to check; no record is sent without credentials."""
    private, public = key

    def instead(asked: Asked) -> Told | None:
        return answer if "access_tokens" in asked.path else None

    with runs(public_key=public, instead=instead) as run:
        run.environ |= {"GH_APP_ID": "1", "GH_INSTALL_ID": "2", "GH_APP_PRIVATE_KEY": private}
        outcome = run.run(row())
        assert isinstance(outcome.error, kind)
        assert expected in str(outcome.error)
        assert "hunter2" not in str(outcome.error)
        assert authorizations(run) == []
        assert run.kept().rejected == {}


def test_a_token_with_a_line_break_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    """The file was valid when the run began."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with runs() as run:
        run.environ |= {"API_TOKEN": "", "API_TOKEN_FILE": str(file)}
        options, _ = run.options()
        file.write_text("hunter2\nhunter2")
        run.options = lambda: (options, _)  # type: ignore[method-assign]
        error = str(run.run(row()).error)
        assert "more than one line" in error
        assert "hunter2" not in error
        assert run.served.asked == []


FILES = {
    "token": ("API_TOKEN_FILE", {"API_TOKEN": ""}),
    "key": ("GH_APP_PRIV_KEY_PATH", {"GH_APP_ID": "1", "GH_INSTALL_ID": "2"}),
}


@pytest.fixture(params=FILES)
def hanging(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, dict[str, str]]:
    """A file with credentials that never answers, and the variables that name it."""
    monkeypatch.setattr(patience, "SECONDS", 0.01)
    file = tmp_path / str(request.param)
    os.mkfifo(file)
    variable, others = FILES[request.param]
    return file, {variable: str(file), **others}


def test_a_file_that_hangs_is_an_error_that_names_it(
    hanging: tuple[Path, dict[str, str]],
) -> None:
    """In time to store what is remembered; no request is sent, and nothing is dropped."""
    file, environ = hanging
    with runs() as run:
        run.clock.seconds = run.clock._left = 1.0
        run.environ |= environ
        error = run.run(row()).error
        assert isinstance(error, XpjobError)
        assert not isinstance(error, DeadlineError)
        assert f"from {file}: no answer within 1 s; check whether its file system" in str(error)
        assert run.served.asked == []
        assert run.kept().pending.keys() == {"shop/web/app"}


def test_a_file_that_hangs_is_waited_for_once(tmp_path: Path) -> None:
    """Also if an old job is to be asked for: calls instead of it need the same file."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with runs(polls=7) as run:
        run.environ |= {"API_TOKEN": "", "API_TOKEN_FILE": str(file)}
        run.run(row())
        options, net = run.options()
        run.options = lambda: (options, net)  # type: ignore[method-assign]
        file.unlink()
        os.mkfifo(file)
        run.clock.next_run(7200)
        run.clock._left = 1.0
        assert "no answer within" in str(run.run(row()).error)
        assert run.kept().job is not None


def test_a_file_that_hangs_ends_with_the_run(hanging: tuple[Path, dict[str, str]]) -> None:
    """If its time is over first."""
    _, environ = hanging
    with runs() as run:
        run.environ |= environ
        with Deadline(0.3).running():
            assert run.run(row()).error is None
        assert run.served.asked == []
        assert run.kept().pending.keys() == {"shop/web/app"}
