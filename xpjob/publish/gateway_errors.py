"""What is wrong with a gateway, by its answer, and what to do."""

from __future__ import annotations

import msgspec

from xpjob.base.errors import (
    BadAnswerError,
    NotFoundError,
    RefusedError,
    TransientError,
    UntrustedError,
    XpjobError,
)
from xpjob.net.response import Response

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ADVICE = {
    400: "the answer says why: a metric that is inconsistent with others, or http instead of https",
    401: "check PUSHGATEWAY_USERNAME and its password, or PUSHGATEWAY_TOKEN_FILE",
    403: "give these credentials the right to push to the gateway",
    404: "check the path of PUSHGATEWAY_URL: give it without /metrics",
    413: "raise the body size limit of the proxy in front of the gateway",
}
NO_GATEWAY = (
    "set PUSHGATEWAY_URL to the gateway itself, or give the proxy in front of it credentials "
    "(PUSHGATEWAY_USERNAME or PUSHGATEWAY_TOKEN_FILE)"
)
_AWAY = "check PUSHGATEWAY_URL and that the gateway is up"
_PAGE = "an HTML page, so this is not a Pushgateway, or a login is in front of it"


def advice_for(error: XpjobError, otherwise: str = "") -> str:
    """Return what to do about a gateway that cannot be reached."""
    if isinstance(error, UntrustedError):
        return "correct its certificate, or set PUSHGATEWAY_CA_FILE to the CA that issued it"
    return otherwise or _AWAY


def complaint_in(answer: Response) -> str:
    """Return why a push was not accepted, empty if it was.

    Receivers answer 200, 202 or 204, some with a body. A page of HTML is not the answer of a
    receiver, whatever its status.
    """
    if not 200 <= answer.status < 300:
        return f"{answer.status}: {answer.excerpt()}"
    if answer.is_page():
        return f"{answer.status}, but {_PAGE}: {answer.excerpt()}"
    try:
        decoded = msgspec.json.decode(answer.body[:10_000])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(decoded, dict) and (
        decoded.get("error")
        or str(decoded.get("status", "")).lower() in ("error", "fail", "failed")
    ):
        return f"{answer.status}, but {answer.excerpt()}"
    return ""


def refusal(what: str, url: str, answer: Response, complaint: str) -> XpjobError:
    """Return the error for a push that was not accepted."""
    message = f"{what}: {complaint}"
    if 300 <= answer.status < 400:
        return XpjobError(f"{message}; {redirected(url, answer)}")
    if 200 <= answer.status < 300:
        return BadAnswerError(f"{message}; {NO_GATEWAY}")
    advice = _ADVICE.get(answer.status)
    if answer.status in (401, 403) and answer.is_page():
        advice = NO_GATEWAY
    if advice:
        message += f"; {advice}"
    if answer.status in _TRANSIENT:
        return TransientError(message, answer.retry_after())
    if answer.status in (401, 403):
        return RefusedError(message)
    if answer.status == 404:
        return NotFoundError(message)
    return XpjobError(message)


def redirected(url: str, answer: Response) -> str:
    """Return where a redirect leads to, and what to set."""
    to = answer.location(url)
    if not to:
        return f"a redirect without a valid Location; {NO_GATEWAY}"
    # The same path at another address: the gateway has moved, or is reached over https.
    tail = next((t for t in ("/metrics/job/", "/api/v1/", "/-/", "/metrics") if t in url), "")
    path = url[url.index(tail) :] if tail else ""
    if path and to.rstrip("/").endswith(path.rstrip("/")):
        base = to.rstrip("/")[: -len(path.rstrip("/"))]
        if base.rstrip("/") != url[: url.index(tail)]:
            return f"a redirect to {to}: set PUSHGATEWAY_URL to {base.rstrip('/')}"
    return f"a redirect to {to}, which is not the address of a gateway: {NO_GATEWAY}"
