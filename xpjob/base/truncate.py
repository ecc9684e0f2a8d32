"""Limits on the length of foreign text: a tenant can write 256 KiB into an annotation."""

from __future__ import annotations

import hashlib

MAX_LABEL = 256
"""Characters of a label value: longer than any name, and accepted by metric stores."""
MAX_MESSAGE = 4096
"""Characters of a condition's message."""


def cut(text: str, limit: int) -> str:
    """Truncate a text to ``limit`` characters, ending in a hash of the whole.

    The hash keeps two long texts distinct, and is the same in every run.
    """
    if len(text) <= limit:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{text[: limit - len(digest) - 1]}~{digest}"
