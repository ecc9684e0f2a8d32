"""The words of an expression: numbers, texts, names and operators, each with its column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from xpjob.collectors.sources.expressions.errors import ExpressionError
from xpjob.collectors.sources.expressions.limits import MAX_INTEGER, MAX_SOURCE

Kind = Literal["number", "string", "name", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its text, and the value of a number or string."""

    kind: Kind
    text: str
    column: int
    value: Any = None


_WORD = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\?\?|\|\||&&|==|!=|<=|>=|[-+*/%!<>?:().,\[\]])",
    re.ASCII,
)
_AFTER_NUMBER = re.compile(r"[A-Za-z0-9_.]*", re.ASCII)
_INSIDE = {quote: re.compile(rf"[^\\\r\n{quote}\ud800-\udfff]*") for quote in "'\""}
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"u([0-9A-Fa-f]{4})", re.ASCII)
_MENDED = {
    "=": "to compare, write ==",
    "|": "for 'or', write ||",
    "&": "for 'and', write &&",
}


def tokens(source: str) -> Iterator[Token]:
    """Yield the words of an expression, and an end. Raises ``ExpressionError``."""
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE:
        raise ExpressionError(
            f"it has {size} bytes, more than {MAX_SOURCE}: split it into several fields", 1
        )
    at = 0
    while at < len(source):
        matched = _WORD.match(source, at)
        if not matched:
            if source[at] not in _INSIDE:
                raise _unexpected(source, at)
            value, end = _string(source, at)
            yield Token("string", source[at:end], at + 1, value)
            at = end
            continue
        end, text = matched.end(), matched[0]
        if matched["number"]:
            yield Token("number", text, at + 1, _number(source, at, end))
        elif matched["name"]:
            yield Token("name", text, at + 1)
        elif text == "." and source[end : end + 1].isdigit():
            raise ExpressionError(
                "'.' before a digit: write 0.5 for a number, list[5] for an item of a list", at + 1
            )
        elif matched["operator"]:
            yield Token("operator", text, at + 1)
        at = end
    yield Token("end", "", at + 1)


def _unexpected(source: str, at: int) -> ExpressionError:
    character = source[at]
    mended = _MENDED.get(character, "write texts in quotes, and names in A-Z, a-z, 0-9 and _")
    return ExpressionError(f"unexpected character {character!r}: {mended}", at + 1)


def _number(source: str, at: int, end: int) -> int | float:
    text = source[at:end]
    follows = _AFTER_NUMBER.match(source, end)
    rest = follows[0] if follows else ""
    if rest:
        written = f"{text}{rest}"[:40]
        mended = "write it without exponent, as in 1000" if rest[0] in "eE" else "write it as 12.5"
        raise ExpressionError(f"invalid number {written!r}: {mended}", at + 1)
    # float() takes any length; int() refuses more than 4300 digits with an error of its own.
    number = float(text)
    if "." not in text and number < 2.0**64:
        number = int(text.lstrip("0") or "0")
    if not math.isfinite(number) or ("." not in text and number > MAX_INTEGER):
        raise ExpressionError(
            f"the number {text[:40]} is too large: integers go to {MAX_INTEGER}", at + 1
        )
    return number


def _string(source: str, at: int) -> tuple[str, int]:
    """Return the value of a string that starts here, and where it ends."""
    quote = source[at]
    parts: list[str] = []
    end = at + 1
    while True:
        plain = _INSIDE[quote].match(source, end)
        if plain:
            parts.append(plain[0])
            end = plain.end()
        character = source[end : end + 1]
        if character == quote:
            return "".join(parts), end + 1
        if character != "\\":
            if character in ("", "\r", "\n"):
                raise ExpressionError(
                    f"the string is not closed: end it with {quote} (a line break in it is \\n)",
                    at + 1,
                )
            raise ExpressionError("half a surrogate pair is not a character", end + 1)
        escaped = source[end + 1 : end + 2]
        unicode = _UNICODE.match(source, end + 1)
        if escaped in _ESCAPES:
            parts.append(_ESCAPES[escaped])
            end += 2
        elif unicode and not 0xD800 <= int(unicode[1], 16) <= 0xDFFF:
            parts.append(chr(int(unicode[1], 16)))
            end = unicode.end()
        elif not escaped:
            raise ExpressionError(f"the string is not closed: end it with {quote}", at + 1)
        else:
            raise ExpressionError(
                f"invalid escape '\\{escaped}': expected one of \\\\ \\' \\\" \\n \\r \\t \\u0041",
                end + 1,
            )
