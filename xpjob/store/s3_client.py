"""Calls of S3, through boto3: its client, one call with its retries, and what comes of it.

Credentials are left to boto3's own chain. Its retries are switched off: it gives up within a
tenth of a second, and ``retry.py`` is the one policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import boto3
import botocore.exceptions as boto
from botocore.config import Config
from botocore.parsers import ResponseParserError

from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.config.settings import Settings
from xpjob.net import retry
from xpjob.net.http import USER_AGENT
from xpjob.net.threads import within
from xpjob.store.s3_errors import refusal

T = TypeVar("T")

_CONNECTION_ERRORS = (
    boto.ConnectionError,
    boto.HTTPClientError,  # time-outs, TLS, a cut-off answer
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
)
_CREDENTIAL_ERRORS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)
# What comes of an answer that is not as S3 gives it: a time, a number, or its whole shape.
_UNREADABLE = (
    *(ResponseParserError, ValueError, KeyError, TypeError, AttributeError, RuntimeError),
)
_SHOWN = 200
"""Characters that are shown of an answer that cannot be read."""


class S3Client:
    """boto3's client, as ``boto``, and ``call``, which says what came of using it."""

    def __init__(self, settings: Settings, where: str) -> None:
        """Nothing is contacted. ``where`` is for the error of settings that boto3 does not take."""
        self._timeout = settings.request_timeout_seconds
        compatible: dict[str, Any] = {}
        if settings.s3_endpoint:
            # Over https boto3 sends chunks with a trailing checksum by default, which many
            # S3-compatible servers refuse.
            compatible = {
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            }
        config = Config(
            connect_timeout=settings.connect_timeout_seconds,
            read_timeout=settings.request_timeout_seconds,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
            signature_version="s3v4",
            user_agent_extra=USER_AGENT,
            **compatible,
        )
        try:
            # A session of our own: the default one would keep credentials for ever.
            self._session = boto3.session.Session()
            self.boto = self._session.client(
                "s3",
                region_name=settings.s3_region,
                endpoint_url=settings.s3_endpoint or None,
                config=config,
            )
        except (boto.BotoCoreError, ValueError) as error:
            raise XpjobError(
                f"S3 client for {where}: {error}; check S3_REGION, S3_ENDPOINT and the "
                "AWS_* environment"
            ) from error

    def call(self, doing: str, where: str, action: Callable[[], T]) -> T:
        """Return what ``action`` returns, trying again what may pass.

        Raises as ``Store`` says; ``doing`` and ``where`` say what was tried, and on what.
        """
        what = f"{doing} {where}"

        def attempt() -> T:
            try:
                return within(self._timeout, lambda: self._readable(what, action))
            except TimeoutError as error:
                raise TransientError(f"{what}: not done within {self._timeout:g} s") from error
            except DeadlineError as error:
                raise DeadlineError(f"{what}: {error}") from error
            except boto.ClientError as error:
                # From None: its own text is the server's, credentials included.
                raise refusal(doing, what, *self._said(error)) from None
            except _CREDENTIAL_ERRORS as error:
                raise RefusedError(
                    f"{what}: {error}; give the job credentials: a role of its service account, "
                    "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ) from error
            except _CONNECTION_ERRORS as error:
                if isinstance(error.kwargs.get("error"), ValueError):
                    # Its text would show the header, and with it the secret.
                    raise RefusedError(
                        f"{what}: the credentials have characters that cannot be sent (a line "
                        "break at the end?): correct them"
                    ) from None
                raise TransientError(
                    f"{what}: {error}; check S3_ENDPOINT and the way to it"
                ) from error
            except boto.BotoCoreError as error:
                raise XpjobError(f"{what}: {error}; check the S3_* settings") from error

        return retry.call(attempt)

    def _readable(self, what: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except boto.BotoCoreError:
            raise  # some of them are a ValueError too
        except _UNREADABLE as error:
            said = " ".join(self._without_secrets(str(error)).split())[:_SHOWN]
            raise BadAnswerError(
                f"{what}: the endpoint's answer cannot be read ({type(error).__name__}: {said}); "
                "is this an S3 endpoint?"
            ) from None  # its text is the server's

    def _said(self, error: boto.ClientError) -> tuple[int, str, str]:
        """Return status, code and message of a refusal, but for credentials that it quotes."""
        answer = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        message = self._without_secrets(str(answer.get("Message", "")))
        return status, str(answer.get("Code", "")), message

    def _without_secrets(self, text: str) -> str:
        if held := self._session.get_credentials():
            for secret in filter(None, (held.secret_key, held.token)):
                text = text.replace(secret, "(not shown)")
        return text
