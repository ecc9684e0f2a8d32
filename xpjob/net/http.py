"""HTTP requests over urllib3, with certificates and a timeout for the whole request.

urllib3's own timeouts are per socket operation, so the total is enforced from outside.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from xpjob import __version__
from xpjob.base.errors import BadAnswerError, SettingsError, TransientError, UnansweredError
from xpjob.config import secrets
from xpjob.net.threads import within

USER_AGENT = f"xpjob/{__version__}"
_CHUNK = 1 << 20
MAX_BODY = 1 << 30
"""Bytes: larger than any page of the largest objects in etcd; guards against gzip bombs."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds: to connect, and for the whole request until the last byte."""

    connect: float = 5.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer: status, headers (case-insensitive names), decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after(self) -> float:
        """Return ``Retry-After`` (a number or a date) in seconds; 0 if absent or invalid."""
        try:
            return float(urllib3.Retry().parse_retry_after(self.headers.get("Retry-After", "")))
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return 0.0

    def excerpt(self) -> str:
        """Return the start of the body for errors: one line, at most 500 characters."""
        text = " ".join(self.body[:2000].decode("utf-8", "replace").split())
        return "".join(c for c in text if c.isprintable())[:500] or "(empty answer)"


def pool(
    what: str, authority: Path | None, certificate: Path | None = None, key: Path | None = None
) -> urllib3.PoolManager:
    """Return a connection pool with a CA (None: the system's) and a client certificate.

    Raises ``SettingsError`` for an invalid file; ``what`` is the prefix of the variable.
    """
    if not (authority or certificate):
        return urllib3.PoolManager()
    try:
        context = ssl.create_default_context(cafile=authority)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            [f"{what}_CA_FILE: no certificates in {authority}: {error}; give a PEM file"]
        ) from None
    if certificate and key:
        try:
            # Without a password OpenSSL would prompt for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError) as error:
            raise SettingsError(
                [
                    f"{what}_CERT_FILE: loading {certificate} with {key}: {error}; give a PEM "
                    "certificate and its key, without a password"
                ]
            ) from None
    return urllib3.PoolManager(ssl_context=context)


def request(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeouts: Timeouts,
    body: bytes | None = None,
) -> Response:
    """Make one request, without redirects or retries.

    Raises ``TransientError`` if no complete answer came (``UnansweredError`` after a timeout),
    and ``BadAnswerError`` if it is larger than ``MAX_BODY``. The messages give the reason only;
    the caller adds what was tried.
    """

    def exchange() -> Response:
        raw = pool.request(
            method,
            url,
            body=body,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers},
            timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.total),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            content = _read(raw)
            if raw.headers.get("Content-Encoding") == "gzip":
                content = _gunzip(content)
        except BaseException:
            raw.close()
            raise
        raw.release_conn()
        if raw.status >= 300:  # errors quote such a body
            content = secrets.conceal(content, headers.get("Authorization", ""))
        return Response(raw.status, raw.headers, content)

    try:
        return within(timeouts.total, exchange)
    except TimeoutError as error:
        raise UnansweredError(f"no complete answer within {timeouts.total:g} s") from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise UnansweredError(f"no answer within {timeouts.total:g} s") from error
    except (HTTPError, OSError, zlib.error) as error:
        raise TransientError(_reason(error, timeouts)) from error


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """Read the body to its end, where urllib3 detects truncation."""
    chunks, size = [], 0
    while chunk := raw.read(_CHUNK, decode_content=False):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
    return b"".join(chunks)


def _gunzip(content: bytes) -> bytes:
    """Decompress gzip. Raises ``OSError`` for a truncated stream."""
    stream = zlib.decompressobj(wbits=31)
    plain = stream.decompress(content, MAX_BODY + 1)
    if len(plain) > MAX_BODY:
        raise _too_large()
    if not stream.eof:
        raise OSError("the answer was truncated")
    return plain


def _too_large() -> BadAnswerError:
    return BadAnswerError(f"the answer is larger than {MAX_BODY >> 20} MiB")


def _reason(error: Exception, timeouts: Timeouts) -> str:
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "the host name cannot be resolved"
        case urllib3.exceptions.NewConnectionError():
            pass  # a subclass of ConnectTimeoutError, but not a timeout
        case urllib3.exceptions.ConnectTimeoutError():
            return f"no connection within {timeouts.connect:g} s"
        case urllib3.exceptions.SSLError():
            return f"TLS: {error}"
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(cause) or type(cause).__name__
