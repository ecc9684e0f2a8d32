"""Static files of the page, read once."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    etag: str


def load(package: str, prefix: str = "/") -> Mapping[str, Asset]:
    """Return the files in the directory ``page`` of a package by path; index.html is the prefix."""
    found = {}
    for file in sorted(resources.files(package).joinpath("page").iterdir(), key=lambda f: f.name):
        content_type = _TYPES.get(PurePath(file.name).suffix)
        if content_type and file.is_file():
            body = file.read_bytes()
            path = prefix + ("" if file.name == "index.html" else file.name)
            found[path] = Asset(body, content_type, etag_of(file.name, body))
    return found
