"""Parse image references, as they are written in pod specs."""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_REGISTRY = "docker.io"
_ALIASES = {"index.docker.io": DEFAULT_REGISTRY, "registry-1.docker.io": DEFAULT_REGISTRY}
_DIGEST = re.compile(
    r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
    r"|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]{16,256}",
    re.ASCII,
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*", re.ASCII
)
_REGISTRY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?", re.ASCII)
_IPV6 = re.compile(r"\[[0-9A-Fa-f:.]+\](?::[0-9]+)?", re.ASCII)


class Image(NamedTuple):
    """The parts of an image reference; tag and digest are empty if they are not written.

    All parts are empty if the text is no reference.
    """

    registry: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Return registry and repository."""
        return f"{self.registry}/{self.repository}" if self.repository else ""

    @property
    def normalized(self) -> str:
        """Return the whole reference, with the registry and the tag that are implied."""
        tag = self.tag or ("" if self.digest or not self.repository else "latest")
        return self.name + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Image:
    """Return the parts of a reference, with the registry and namespace that are implied.

    The first component is a registry only if it has a dot, a colon or upper case, or is
    ``localhost``, as in the reference grammar of Docker and containerd.
    """
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        return Image()
    name, tag = rest, ""
    head, colon, tail = rest.rpartition(":")
    if colon and "/" not in tail and "]" not in tail:
        name, tag = head, tail
        if not _TAG.fullmatch(tag):
            return Image()
    registry, path = _split(name)
    if not _REPOSITORY.fullmatch(path) or len(path) > 255:
        return Image()
    if not (_REGISTRY.fullmatch(registry) or _IPV6.fullmatch(registry)):
        return Image()
    return Image(registry, path, tag, digest)


def is_digest(text: str) -> bool:
    """Return whether a text is a digest: algorithm and value, complete for SHA-256 and SHA-512."""
    return bool(_DIGEST.fullmatch(text))


def _split(name: str) -> tuple[str, str]:
    """Return registry and repository."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or _upper(first)):
        registry = first.lower()
        registry, path = _ALIASES.get(registry, registry), rest
    else:
        registry, path = DEFAULT_REGISTRY, name
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    return registry, path


def _upper(text: str) -> bool:
    return text != text.lower()
