"""The files of the page, read once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import PurePath

from xpjob.reader.responses import etag_of

_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_FILES = (
    *("index.html", "style.css", "favicon.svg"),
    *(
        "app.js",
        "address.js",
        "ask.js",
        "changes.js",
        "findings.js",
        "notices.js",
        "overview.js",
        "parts.js",
        "records.js",
    ),
    *("state.js", "tree.js"),
)
PATHS = tuple("/" if name == "index.html" else f"/{name}" for name in _FILES)


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
    for path, name in zip(PATHS, _FILES, strict=True):
        body = (files / name).read_bytes()
        content_type = _TYPES[PurePath(name).suffix]
        found[path] = Asset(body, content_type, etag_of(name, body))
    return found
