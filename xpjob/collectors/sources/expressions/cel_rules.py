"""What strict CEL may not be used for: the library bounds neither memory nor time.

It ends an evaluation after 10,000 rounds of loops, and refuses what is nested deeper than 32. Yet
``[s].map(x, x + x).map(x, x + x)…`` makes a text of gigabytes of a few rounds. So texts are not
put together in loops, a few loops at most make lists, and nothing is replaced or joined at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from xpjob.collectors.sources.expressions.errors import ExpressionError
from xpjob.collectors.sources.expressions.limits import MAX_SOURCE

MAX_PLUS = 16
MAX_LISTS = 2
RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "null", "package", "namespace", "return", "true", "var", "void"),
        "while",
    }
)
"""Words that cannot name a variable in CEL."""
ROOT = "r"
"""Under it are the fields whose names are reserved."""

_STRINGS = r'"""(?:{0})*?"""' + r"|'''(?:{0})*?'''" + r'|"(?:{1})*"' + r"|'(?:{2})*'"
_ESCAPED = _STRINGS.format(r"\\.|[^\\]", r'\\[^\r\n]|[^"\\\r\n]', r"\\[^\r\n]|[^'\\\r\n]")
_RAW = _STRINGS.format(r".", r'[^"\r\n]', r"[^'\r\n]")
_WORD = re.compile(
    rf"(?P<skipped>\s+|//[^\r\n]*|(?:[rR][bB]?|[bB][rR])(?:{_RAW})|[bB]?(?:{_ESCAPED}))"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<other>.)",
    re.DOTALL | re.ASCII,
)
_LISTS = frozenset({"map", "optMap", "optFlatMap"})
_LOOPS = _LISTS | {"all", "exists", "exists_one", "existsOne", "filter"}
_NOWHERE = frozenset({"replace", "join", "format"})
_NOT_IN_LOOPS = frozenset(
    {
        *("string", "bytes", "split", "substring", "trim", "lowerAscii", "upperAscii", "reverse"),
        *("charAt", "sum", "min", "max", "labelPrefix"),
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an expression uses: variables, fields under ``r``, and whether it has loops."""

    names: frozenset[str]
    reserved: frozenset[str]
    loops: bool


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    column: int
    name: bool


def check(source: str, names: Collection[str]) -> Rules:
    """Return what an expression uses of the names. Raises ``ExpressionError``."""
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE:
        raise ExpressionError(f"it has {size} bytes, more than {MAX_SOURCE}", 1)
    if re.search("[\0\ud800-\udfff]", source):
        raise ExpressionError("it has a character that CEL does not know", 1)
    end = _Word("", len(source) + 1, name=False)
    words = [*_words(source), end]
    _check_growth(words)
    used = {
        word.text
        for at, (word, after) in enumerate(pairwise(words))
        if after.text != "(" and not _is_member(words, at)
    }
    under_root = {name for name in names if name in RESERVED and name in source}
    return Rules(
        frozenset(name for name in names if name in used and name not in RESERVED),
        frozenset(under_root if ROOT in used and ROOT not in names else ()),
        any(word.text in _LOOPS for word in words),
    )


def _is_member(words: list[_Word], at: int) -> bool:
    """Return whether a word is what follows the dot in ``a.b``; a dot may also begin a name."""
    if at < 2 or words[at - 1].text != ".":
        return False
    return words[at - 2].name or words[at - 2].text in (")", "]", "}")


def _words(source: str) -> Iterator[_Word]:
    for matched in _WORD.finditer(source):
        if not matched["skipped"]:
            yield _Word(matched[0], matched.start() + 1, name=bool(matched["name"]))


def _check_growth(words: list[_Word]) -> None:
    open_: list[bool] = []
    lists = plus = 0
    nothing = _Word("", 0, name=False)
    for before, word, after in zip([nothing, *words], words, words[1:], strict=False):
        called = word.name and after.text == "("
        if word.text in "([{" and word.text:
            open_.append(word.text == "(" and before.text in _LOOPS)
        elif word.text in ")]}" and word.text and open_:
            open_.pop()
        plus += word.text == "+"
        lists += called and word.text in _LISTS
        if called and word.text in _NOWHERE:
            raise _refused(word, "cannot be used: texts would grow without bound")
        if any(open_) and (word.text == "+" or (called and word.text in _NOT_IN_LOOPS)):
            raise _refused(word, "cannot be used in a loop: texts would grow without bound")
        if plus > MAX_PLUS or lists > MAX_LISTS:
            most = f"+ {MAX_PLUS} times" if plus > MAX_PLUS else f"map {MAX_LISTS} times"
            raise ExpressionError(
                f"CEL can have {most} at most: the language without cel: has no such limit",
                word.column,
            )


def _refused(word: _Word, why: str) -> ExpressionError:
    return ExpressionError(
        f"{word.text} {why}; the language without cel: has bounds of its own", word.column
    )
