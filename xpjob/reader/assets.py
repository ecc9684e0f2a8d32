"""Static files of the page, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
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
    """Return the files below ``page`` of a package by path; that of index.html is the prefix."""
    found = {}
    for name, file in _files(resources.files(package).joinpath("page")):
        content_type = _TYPES.get(PurePath(name).suffix)
        if content_type:
            body = file.read_bytes()
            path = prefix + ("" if name == "index.html" else name)
            found[path] = Asset(body, content_type, etag_of(name, body))
    return found


def _files(directory: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files below a directory with their paths in it, sorted."""
    for each in sorted(directory.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from _files(each, f"{above}{each.name}/")
        else:
            yield f"{above}{each.name}", each
