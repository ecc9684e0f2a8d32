"""HTTP requests over urllib3, with certificates and a timeout for the whole request.

urllib3's own timeouts are per socket operation, so the total is enforced from outside.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import urllib3
from msgspec import Struct
from urllib3.exceptions import HTTPError, SSLError
from zlib_ng import zlib_ng

from xpjob import __version__
from xpjob.base.errors import (
    RefusedError,
    SettingsError,
    TransientError,
    UnansweredError,
    UntrustedError,
    XpjobError,
)
from xpjob.config.secrets import Secret
from xpjob.net.bodies import Body, Start, Whole
from xpjob.net.response import Response, shown
from xpjob.net.threads import within

USER_AGENT = f"xpjob/{__version__}"
_CHUNK = 1 << 20
_PIECE = 1 << 18
"""Bytes that are unpacked at a time: malloc takes them from its heap, where they are used again."""
_GZIP = frozenset({"gzip", "x-gzip"})
_MAGIC = 0x1F
"""The first byte of a member of gzip."""
PROXY_ADVICE = "check HTTPS_PROXY and HTTP_PROXY, or name the server in NO_PROXY"
PROXY_CREDENTIALS = (
    "give the proxy the credentials that it wants, in HTTPS_PROXY or HTTP_PROXY, or name the "
    "server in NO_PROXY"
)


class _CutOffError(OSError):
    """A body of gzip ends before its last member does."""


class ProxyFailedError(TransientError):
    """The proxy on the way could not be reached, or refused; nothing is known of the server."""


class Timeouts(Struct, frozen=True):
    """Timeouts in seconds: to connect, and for the whole request until the last byte."""

    connect: float = 5.0
    total: float = 30.0


def refused_by_proxy(what: str, proxy: str, answer: Response) -> XpjobError:
    """Return the error of an answer that a proxy has made itself."""
    message = f"{what}: {answer.status}: {answer.excerpt()}, answered by the proxy {shown(proxy)}"
    if answer.status == 407:
        return RefusedError(f"{message}; {PROXY_CREDENTIALS}")
    return ProxyFailedError(f"{message}; {PROXY_ADVICE}")


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
    into: Callable[[], Body] = Whole,
) -> Response:
    """Make one request, without redirects or retries.

    ``into`` makes what takes in the body of a success; of any other answer only the start is read.
    Raises ``TransientError`` if no complete answer came (``UnansweredError`` after a timeout,
    ``ProxyFailedError`` if there is a proxy on the way that failed, ``RefusedError`` if it wants
    credentials), and the errors of the body, such as ``AnswerTooLargeError``. The messages give
    the reason only; the caller adds what was tried.
    """
    taken = into()
    given_up = threading.Event()

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
        kept = taken if raw.status < 300 else Start()
        try:
            complete = _read(raw, kept, given_up)
        except (_CutOffError, zlib_ng.error):  # type: ignore[misc]  # it is a class
            raw.close()
            if raw.status < 300:
                raise
            complete = False  # of an error the status is what matters
        except BaseException:
            raw.close()
            raise
        if complete:
            raw.release_conn()
        else:
            raw.close()
        authorization = Secret(headers.get("Authorization", ""))
        return Response(raw.status, raw.headers, kept.content(), authorization)

    try:
        return _explained(pool, timeouts, lambda: within(timeouts.total, exchange))
    except BaseException:
        given_up.set()
        taken.close()
        raise


def _explained(
    pool: urllib3.PoolManager, timeouts: Timeouts, exchange: Callable[[], Response]
) -> Response:
    try:
        return exchange()
    except TimeoutError as error:
        raise UnansweredError(f"no complete answer within {timeouts.total:g} s") from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise UnansweredError(f"no answer within {timeouts.total:g} s") from error
    except urllib3.exceptions.ProxyError as error:
        message = f"the proxy {shown(str(pool.proxy or ''))} failed: {proxy_reason(error)}"
        if " 407 " in f"{proxy_reason(error)} ":
            raise RefusedError(f"{message}; {PROXY_CREDENTIALS}") from None
        raise ProxyFailedError(f"{message}; {PROXY_ADVICE}") from None
    except (HTTPError, OSError, zlib_ng.error) as error:  # type: ignore[misc]  # it is a class
        untrusted = isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)
        raise (UntrustedError if untrusted else TransientError)(_reason(error, timeouts)) from error


def _read(raw: urllib3.BaseHTTPResponse, kept: Body, given_up: threading.Event) -> bool:
    """Read the body to its end, where urllib3 detects truncation, or until no more is wanted.

    Return whether the end was reached. Raises ``_CutOffError`` or ``zlib_ng.error`` for gzip that
    cannot be unpacked.
    """
    packed = raw.headers.get("Content-Encoding", "").strip().lower() in _GZIP
    unzip, ended = None, False
    while chunk := raw.read(_CHUNK, decode_content=False):
        if given_up.is_set():
            raise OSError("the request was given up")
        if packed and unzip is None:  # only now: no bytes at all are an empty body
            # An error may be labelled as the answer in whose place it is: it is quoted as it is.
            packed = raw.status < 300 or chunk[0] == _MAGIC
            unzip = zlib_ng.decompressobj(wbits=31) if packed else None
        if unzip is None:
            if not kept.write(chunk):
                return False
            continue
        while chunk and not ended:
            if unzip.eof:
                if ended := chunk[0] != _MAGIC:  # padding, which gzip ignores too
                    break
                if given_up.is_set():  # thousands of members may be in one chunk
                    raise OSError("the request was given up")
                unzip = zlib_ng.decompressobj(wbits=31)
            if not kept.write(unzip.decompress(chunk, _PIECE)):  # a piece: it may be a bomb
                return False
            chunk = unzip.unconsumed_tail or unzip.unused_data
    if unzip is not None and not unzip.eof:
        kept.write(unzip.flush())
        if not unzip.eof:
            raise _CutOffError("the answer was truncated")
    return True


def _reason(error: Exception, timeouts: Timeouts) -> str:
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "the host name cannot be resolved"
        case urllib3.exceptions.NewConnectionError():
            pass  # a subclass of ConnectTimeoutError, but not a timeout
        case urllib3.exceptions.ConnectTimeoutError():
            return f"no connection within {timeouts.connect:g} s"
        case SSLError():
            return f"TLS: {error}"
    return _root(error)


def proxy_reason(error: BaseException) -> str:
    """Return what a proxy refused with, or why it could not be reached."""
    original = getattr(error, "original_error", None)
    return _root(original if isinstance(original, BaseException) else error)


def _root(error: BaseException) -> str:
    cause = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(cause) or type(cause).__name__
