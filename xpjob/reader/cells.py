"""Cells of CSV that no spreadsheet takes for a formula, whichever separator it assumes.

A spreadsheet takes what begins with ``=``, ``+``, ``-`` or ``@``, also in a full-width or small
form, for a formula; it may skip blanks and invisible characters before it. One that separates by
semicolon or tab, or does not know quoted line breaks, begins a cell in the middle of one of ours.
So a ``'`` precedes each formula at the start of a cell and behind each separator in it.
``restored`` reverses this.
"""

from __future__ import annotations

import re
import string

from xpjob.base.visible import CONTROLS, UNSEEN

_SIGNS = (
    r"=+\-@\u207a\u207c\u208a\u208c\u2212\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b"
    r"\uff0b\uff0d\uff1d\uff20"
)
"""Signs, and all characters that compatibility normalization (NFKC) makes begin with one."""
_SEPARATORS = r"\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029;|"
_SKIPPED = rf"\s{CONTROLS}{UNSEEN}\"'"
"""Blanks, controls, invisible characters, and quotation marks. Separators among them do no harm:
behind each, the rule applies again."""
_FORMULA = rf"(?=(?:(?![{_SEPARATORS}])[{_SKIPPED}])*+[{_SIGNS}])"
_ESCAPED = re.compile(rf"(^|[{_SEPARATORS}]){_FORMULA}")
_RESTORED = re.compile(rf"(^|[{_SEPARATORS}])'{_FORMULA}")
_PLAIN = frozenset(string.ascii_letters + string.digits)


def harmless(text: str) -> str:
    """Return the text of a cell with a ``'`` before each formula."""
    # Nearly all: much faster. No separator but these two is printable.
    if text[:1] in _PLAIN and ";" not in text and "|" not in text and text.isprintable():
        return text
    return _ESCAPED.sub(r"\1'", text)


def restored(text: str) -> str:
    """Return the text that ``harmless`` made this of."""
    return _RESTORED.sub(r"\1", text)
