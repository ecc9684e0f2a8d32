"""How long a text of others may be that is kept: tenants may write 256 KiB into an annotation."""

from __future__ import annotations

import hashlib

MAX_LABEL = 256
"""Characters of a value: longer than any name, and what stores of metrics do not refuse."""
MAX_MESSAGE = 4096
"""Characters of a message: more than anybody reads."""


def cut(text: str, most: int) -> str:
    """Return a text, or so many characters of it, whose end stands for all of it.

    So two long ones stay two, in every run.
    """
    if len(text) <= most:
        return text
    mark = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{text[: most - len(mark) - 1]}~{mark}"
