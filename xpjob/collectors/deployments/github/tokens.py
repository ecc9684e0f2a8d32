"""Credentials of GitHub's API: a token, or the token of an installation of a GitHub App."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from xpjob.base.errors import (
    BadAnswerError,
    NotFoundError,
    RefusedError,
    SettingsError,
    XpjobError,
)
from xpjob.collectors.deployments.github.answers import InvalidError, UnexpectedRefusalError
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config import secrets
from xpjob.config.secrets import Secret
from xpjob.net.response import Response
from xpjob.net.threads import within

BACKDATED, VALID = 60, 540
"""Seconds: GitHub accepts a signed request for ten minutes, and clocks differ."""
Exchange = Callable[[str, str, str], Response]
"""Send a POST: what it does, its path, its token; return the 2xx answer."""


class HangingFileError(XpjobError):
    """A file with credentials does not answer."""


class _Issued(Struct):
    token: str


def token(options: DeploymentOptions, now: float, seconds: float, exchange: Exchange) -> Secret:
    """Return the token to use in this run; a GitHub App comes before a token, as in the tracker.

    Tokens of an App are valid for an hour, longer than any run. A file has ``seconds`` to answer.
    Raises the errors of ``exchange``, ``SettingsError`` if a file has become invalid,
    ``BadAnswerError``, and ``HangingFileError``.
    """
    try:
        if options.gh_app_id:
            return _installation(options, now, seconds, exchange)
        if options.api_token_file:
            return Secret(_read(options.api_token_file, seconds, secrets.read_token))
    except ValueError as error:
        raise SettingsError([f"credentials of GitHub: {error}"]) from None
    return options.api_token


def _read(path: Path, seconds: float, read: Callable[[Path], str]) -> str:
    """Return what is read from a file, whose file system may hang."""
    try:
        return within(seconds, lambda: read(path))
    except TimeoutError:
        raise HangingFileError(
            f"reading the credentials of GitHub from {path}: no answer within {seconds:g} s; check "
            "whether its file system hangs, or whether it is a pipe that nobody writes to"
        ) from None


def _installation(
    options: DeploymentOptions, now: float, seconds: float, exchange: Exchange
) -> Secret:
    what = f"asking for a token of installation {options.gh_install_id} of GitHub App "
    what += options.gh_app_id
    path = f"/app/installations/{options.gh_install_id}/access_tokens"
    try:
        answer = exchange(what, path, _signed(options, now, seconds))
    except (NotFoundError, InvalidError, UnexpectedRefusalError) as error:
        # A refusal of the App, and not of the records that the token is for.
        raise RefusedError(
            f"{error}; check GH_INSTALL_ID, and that the App is installed in {options.github_org}"
        ) from None
    try:
        return Secret(msgspec.json.decode(answer.body, type=_Issued).token)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # From None, and without the answer: it may contain the token.
        raise BadAnswerError(f"{what}: the answer has no token; check BASE_URL") from None


def _signed(options: DeploymentOptions, now: float, seconds: float) -> str:
    """Return the App's own proof of identity: a signed JSON web token."""
    # It is an optional part of the package, and takes a tenth of a second to import.
    import jwt

    claims = {
        "iat": int(now) - BACKDATED,
        "exp": int(now) + VALID,
        "iss": options.gh_app_id,
    }
    path = options.gh_app_priv_key_path
    try:
        key = _read(path, seconds, Path.read_text) if path else options.gh_app_private_key.reveal()
        return jwt.encode(claims, key, algorithm="RS256")
    except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
        # From None: the text of the error may quote the key.
        why = f"{path} cannot be read" if isinstance(error, OSError) else "it cannot sign"
        raise SettingsError([f"private key of the GitHub App: {why}; give its PEM file"]) from None
