"""An answer of an HTTP server, and what may be shown of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import urllib3
from msgspec import Struct

from xpjob.config import secrets
from xpjob.config.secrets import NO_SECRET, Secret

_UNSEEN = re.compile(r"<(style|script)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_NO_URL = "(not a URL)"


class Response(Struct, frozen=True):
    """A complete answer: status, headers (case-insensitive names), unpacked body.

    ``authorization`` is what the request was sent with. The body is as the peer sent it; where it
    is quoted, ``excerpt`` and ``conceal`` leave out the credential, which some peers repeat.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    authorization: Secret = NO_SECRET

    def retry_after(self) -> float:
        """Return ``Retry-After`` (a number or a date) in seconds; 0 if absent or invalid."""
        try:
            return float(urllib3.Retry().parse_retry_after(self.headers.get("Retry-After", "")))
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return 0.0

    def excerpt(self) -> str:
        """Return the start of the body for errors, quoted."""
        return self.quoted(self.body[:200_000].decode("utf-8", "replace")) or "(empty answer)"

    def quoted(self, text: str) -> str:
        """Return words of this answer for messages: one line, at most 500 characters.

        What follows "; " in a message is advice, and the words of a peer are none.
        """
        line = " ".join(_UNSEEN.sub("", self.conceal(text))[:2000].split()).replace("; ", ", ")
        return "".join(c for c in line if c.isprintable())[:500]

    def conceal(self, text: str) -> str:
        """Return a text of this answer for messages, before it is cut, without the credential."""
        return secrets.conceal(text, self.authorization.reveal())

    def is_page(self) -> bool:
        """Return whether the body is a page for people, as welcome pages and logins are."""
        start = self.body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        kind = self.headers.get("Content-Type", "").lower()
        looks = start.startswith(b"<") and (b"<!doctype html" in start or b"<html" in start)
        return looks or ("html" in kind and bool(start))

    def by_proxy(self) -> bool:
        """Return whether a proxy has made this answer itself."""
        return self.status == 407 or proxys(self.headers)

    def location(self, url: str) -> str:
        """Return where a redirect of ``url`` leads to, without credentials; empty if it does not.

        The query is left out: it may contain a token.
        """
        to = self.headers.get("Location", "")
        if not to or not 300 <= self.status < 400:
            return ""
        try:
            return shown(urljoin(url, to))
        except ValueError:
            return _NO_URL


def proxys(headers: Mapping[str, str]) -> bool:
    """Return whether headers are those of an answer that a proxy makes itself.

    Proxy-Status is on what is passed on, too, without an error (RFC 9209).
    """
    found = {name.lower(): value for name, value in headers.items()}
    if not found.keys().isdisjoint(("proxy-authenticate", "x-squid-error")):
        return True
    return re.search(r";\s*error=", found.get("proxy-status", "")) is not None


def shown(url: str) -> str:
    """Return a URL for messages: without credentials, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _NO_URL
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
