"""Find the continue token of a page before the page is decoded.

An API server writes the metadata of a list first for kinds of Kubernetes itself, and last for
custom resources. Only these two places are looked at, within some kilobytes; whoever uses the token
compares it with that of the decoded page, so a page that is not what it seems costs one request.
"""

from __future__ import annotations

import json
import re

LOOKED_AT = 8 << 10
"""Bytes at either end. A token has some hundred."""

_FIRST = re.compile(
    r'\s*\{(?:\s*"(?:kind|apiVersion)"\s*:\s*"[^"\\]*"\s*,){0,2}\s*"metadata"\s*:\s*'
)
_LAST = re.compile(r'[{,]\s*"metadata"\s*:\s*')
_ITEMS, _END = re.compile(r'\s*,\s*"items"\s*:'), re.compile(r"\s*\}\s*\Z")
_JSON = json.JSONDecoder()


def at_start(piece: bytes) -> str:
    """Return the token in the start of a page; empty if it is not there, or there is no next page.

    ``piece`` may end anywhere.
    """
    text = piece[:LOOKED_AT].decode("utf-8", "replace")
    found = _FIRST.match(text)
    return _token(text, found.end(), _ITEMS) if found else ""


def at_end(body: bytes) -> str:
    """Return the token in the end of a page; empty if it is not there, or there is no next page."""
    text = body[-LOOKED_AT:].decode("utf-8", "replace")
    starts = [found.end() for found in _LAST.finditer(text)]
    return _token(text, starts[-1], _END) if starts else ""


def _token(text: str, start: int, behind: re.Pattern[str]) -> str:
    """Return the token in an object in the text, behind which there must be this."""
    try:
        metadata, end = _JSON.raw_decode(text, start)
    except (ValueError, RecursionError):
        return ""
    token = metadata.get("continue") if isinstance(metadata, dict) else None
    return token if isinstance(token, str) and behind.match(text, end) else ""
