"""HTTP over urllib3: a pool with its certificates, and one request with a deadline for all of it.

urllib3's own time-outs are per socket operation, so the clock is watched from outside.
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
"""Bytes: more than a page of the largest objects that etcd takes. A bomb is larger."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, and for the whole request until its last byte."""

    connect: float = 5.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: status, headers (names in any case), body with its encoding undone."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after(self) -> float:
        """Return the seconds of ``Retry-After``, a number or a date; 0 where it is neither."""
        try:
            return float(urllib3.Retry().parse_retry_after(self.headers.get("Retry-After", "")))
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return 0.0

    def excerpt(self) -> str:
        """Return the peer's own words on one line, cut at 500 characters."""
        text = " ".join(self.body[:2000].decode("utf-8", "replace").split())
        return "".join(c for c in text if c.isprintable())[:500] or "(empty answer)"


def pool(
    what: str, authority: Path | None, certificate: Path | None = None, key: Path | None = None
) -> urllib3.PoolManager:
    """Return a pool that trusts an authority (None: the system's) and shows a certificate.

    Raises ``SettingsError``, which begins with ``what``, where a file is none of its kind.
    """
    if not (authority or certificate):
        return urllib3.PoolManager()
    try:
        context = ssl.create_default_context(cafile=authority)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            [f"{what}_CA_FILE: {authority} holds no certificates: {error}"]
        ) from None
    if certificate and key:
        try:
            # Without a password OpenSSL would ask for one on the terminal, and wait.
            context.load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError) as error:
            raise SettingsError(
                [
                    f"{what}_CERT_FILE: {certificate} with {key}: {error}; give a PEM certificate "
                    "and its key, without a password"
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
    """Make one request, following no redirect and retrying nothing.

    Raises ``TransientError`` when no whole answer came (``UnansweredError``: when none came in
    time), ``BadAnswerError`` when it is larger than any list can be; their messages say why, not
    what for.
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
        if raw.status >= 300:  # then errors quote it
            content = secrets.conceal(content, headers.get("Authorization", ""))
        return Response(raw.status, raw.headers, content)

    try:
        return within(timeouts.total, exchange)
    except TimeoutError as error:
        raise UnansweredError(f"no whole answer within {timeouts.total:g} s") from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise UnansweredError(f"no answer within {timeouts.total:g} s") from error
    except (HTTPError, OSError, zlib.error) as error:
        raise TransientError(_reason(error, timeouts)) from error


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """Read to the end, which is where urllib3 finds out that there is too little."""
    chunks, size = [], 0
    while chunk := raw.read(_CHUNK, decode_content=False):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
    return b"".join(chunks)


def _gunzip(content: bytes) -> bytes:
    """Undo gzip. Raises ``OSError`` for a stream without its end: half is not whole."""
    stream = zlib.decompressobj(wbits=31)
    plain = stream.decompress(content, MAX_BODY + 1)
    if len(plain) > MAX_BODY:
        raise _too_large()
    if not stream.eof:
        raise OSError("the answer was cut off")
    return plain


def _too_large() -> BadAnswerError:
    return BadAnswerError(f"the answer is larger than {MAX_BODY >> 20} MiB")


def _reason(error: Exception, timeouts: Timeouts) -> str:
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "its name cannot be resolved"
        case urllib3.exceptions.NewConnectionError():
            pass  # a kind of ConnectTimeoutError, although no time ran out
        case urllib3.exceptions.ConnectTimeoutError():
            return f"no connection within {timeouts.connect:g} s"
        case urllib3.exceptions.SSLError():
            return f"TLS: {error}"
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(cause) or type(cause).__name__
