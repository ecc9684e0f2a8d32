"""Show characters that a terminal would obey, or not show, as escapes.

Most text in a snapshot is chosen by tenants: annotations, conditions, names of tables. Control
characters could move the cursor or change the title, bidirectional ones the order of what is read,
and invisible ones let two names look the same.
"""

from __future__ import annotations

import re

CONTROLS = r"\x00-\x1f\x7f-\x9f"
"""C0, DEL and C1, for the inside of a character class."""

UNSEEN = (
    r"\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Format characters (Cf), line and paragraph separators, and what Unicode ignores by default."""

_HIDDEN = re.compile(rf"[{CONTROLS}{UNSEEN}\ud800-\udfff]")
_HIDDEN_IN_LINES = re.compile(rf"(?!\n)[{CONTROLS}{UNSEEN}\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return text with escapes as in JSON (``\u202e``); with ``lines``, line feeds stay.

    JSON stays the same document, because such characters are only in its strings.
    """
    return (_HIDDEN_IN_LINES if lines else _HIDDEN).sub(_escape, text)


def one_line(text: str) -> str:
    """Return text on one line: breaks and tabs are spaces, everything else is ``visible``."""
    return visible(_BREAKS.sub(" ", text))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number <= 0xFFFF:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)  # a surrogate pair, as JSON has it
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
