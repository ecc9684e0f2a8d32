"""The files of the page, read once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from xpjob.reader.answer import etag_of

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "parts.js": "text/javascript; charset=utf-8",
    "notices.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    etag: str


def load() -> dict[str, Asset]:
    """Return the files by path."""
    files = resources.files("xpjob.reader") / "page"
    found = {}
    for name, content_type in _TYPES.items():
        body = (files / name).read_bytes()
        path = "/" if name == "index.html" else f"/{name}"
        found[path] = Asset(body, content_type, etag_of(name, body))
    return found
