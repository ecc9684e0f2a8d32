"""S3 calls through boto3: the client, retries, and the translation of errors.

Credentials come from boto3's own chain. Its retries are disabled: they give up within a tenth of a
second, and ``retry.py`` is the only policy.
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
from xpjob.net import retry
from xpjob.net.http import USER_AGENT
from xpjob.net.options import NetOptions
from xpjob.net.threads import within
from xpjob.store.options import StoreOptions
from xpjob.store.s3_errors import refusal

T = TypeVar("T")

_CONNECTION_ERRORS = (
    boto.ConnectionError,
    boto.HTTPClientError,  # timeouts, TLS, a truncated answer
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
# What boto3 raises for an invalid answer: a time, a number, or its whole structure.
_UNREADABLE = (
    *(ResponseParserError, ValueError, KeyError, TypeError, AttributeError, RuntimeError),
)
_SHOWN = 200
"""Characters of an unreadable answer that an error quotes."""


class S3Client:
    """boto3's client as ``boto``, and ``call`` to make calls with retries and our errors."""

    def __init__(self, options: StoreOptions, net: NetOptions, where: str) -> None:
        """Create the client without connecting. ``where`` is for errors about settings."""
        self._timeout = net.request_timeout_seconds
        compatible: dict[str, Any] = {}
        if options.s3_endpoint:
            # By default boto3 sends chunks with a trailing checksum over https, which many
            # S3-compatible servers reject.
            compatible = {
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            }
        config = Config(
            connect_timeout=net.connect_timeout_seconds,
            read_timeout=net.request_timeout_seconds,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if options.s3_endpoint else "auto"},
            signature_version="s3v4",
            user_agent_extra=USER_AGENT,
            **compatible,
        )
        try:
            # Our own session: the default one would keep credentials forever.
            self._session = boto3.session.Session()
            self.boto = self._session.client(
                "s3",
                region_name=options.s3_region,
                endpoint_url=options.s3_endpoint or None,
                config=config,
            )
        except (boto.BotoCoreError, ValueError) as error:
            raise XpjobError(
                f"creating the S3 client for {where}: {error}; check S3_REGION, S3_ENDPOINT and "
                "the AWS_* variables"
            ) from error

    def call(self, doing: str, where: str, action: Callable[[], T]) -> T:
        """Return the result of ``action``, retrying transient errors.

        Raises as ``Store`` does; ``doing`` and ``where`` are the operation and object for messages.
        """
        what = f"{doing} {where}"

        def attempt() -> T:
            try:
                return within(self._timeout, lambda: self._readable(what, action))
            except TimeoutError as error:
                raise TransientError(f"{what}: not completed within {self._timeout:g} s") from error
            except DeadlineError as error:
                raise DeadlineError(f"{what}: {error}") from error
            except boto.ClientError as error:
                # From None: the original text is the server's, and may contain credentials.
                raise refusal(doing, what, *self._answer(error)) from None
            except _CREDENTIAL_ERRORS as error:
                raise RefusedError(
                    f"{what}: {error}; give the job credentials: a role of its service account, "
                    "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ) from error
            except _CONNECTION_ERRORS as error:
                if isinstance(error.kwargs.get("error"), ValueError):
                    # The original text shows the header, and with it the secret.
                    raise RefusedError(
                        f"{what}: the credentials contain characters that cannot be sent, e.g. a "
                        "trailing line break; correct them"
                    ) from None
                raise TransientError(
                    f"{what}: {error}; check S3_ENDPOINT and the network path to it"
                ) from error
            except boto.BotoCoreError as error:
                raise XpjobError(f"{what}: {error}; check the S3_* settings") from error

        return retry.call(attempt)

    def _readable(self, what: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except boto.BotoCoreError:
            raise  # some of them are also a ValueError
        except _UNREADABLE as error:
            quote = " ".join(self._without_secrets(str(error)).split())[:_SHOWN]
            raise BadAnswerError(
                f"{what}: the endpoint's answer cannot be read ({type(error).__name__}: {quote}); "
                "is this an S3 endpoint?"
            ) from None  # the original text is the server's

    def _answer(self, error: boto.ClientError) -> tuple[int, str, str]:
        """Return status, code and message of an error answer, without credentials."""
        answer = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        message = self._without_secrets(str(answer.get("Message", "")))
        return status, str(answer.get("Code", "")), message

    def _without_secrets(self, text: str) -> str:
        if credentials := self._session.get_credentials():
            for secret in filter(None, (credentials.secret_key, credentials.token)):
                text = text.replace(secret, "(not shown)")
        return text
