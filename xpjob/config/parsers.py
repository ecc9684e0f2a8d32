"""Parsers of option values: text to value, or ``ValueError`` with what is expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from xpjob.base import patience
from xpjob.config import secrets
from xpjob.config.secrets import Secret

T = TypeVar("T")

_URL = re.compile(
    r"https?://([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[\w.~/%+-]*)?",
    re.ASCII,
)
_MOST_PEM = 16 << 20  # bytes: the bundles of systems have less than one MiB
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def invalid(what: str, text: str, expected: str) -> ValueError:
    """Return the error for an invalid value."""
    return ValueError(f"invalid {what} {text!r}: expected {expected}")


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """Accept what ``parse`` accepts, or an empty text for None."""
    return lambda text: parse(text) if text else None


def matching(what: str, form: str, expected: str) -> Callable[[str], str]:
    """Accept an empty text, or one that matches the pattern ``form``."""
    pattern = re.compile(form, re.ASCII)

    def parse(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise invalid(what, text, expected)
        return text

    return parse


def split(text: str) -> tuple[str, ...]:
    """Split a comma-separated list in order, without duplicates and empty parts."""
    return tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))


def each(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Accept a comma-separated list of what ``parse`` accepts; report every mistake."""

    def parse_all(text: str) -> tuple[T, ...]:
        values: dict[T, None] = {}
        problems = []
        for part in split(text):
            try:
                values[parse(part)] = None
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(values)

    return parse_all


def one_of(*choices: str) -> Callable[[str], str]:
    """Accept one of these words, in any case."""
    by_lower = {choice.lower(): choice for choice in choices}

    def parse(text: str) -> str:
        if text.lower() not in by_lower:
            raise invalid("value", text, f"one of {', '.join(filter(None, choices))}")
        return by_lower[text.lower()]

    return parse


def some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """Accept a comma-separated list of these words, in any case."""
    words = each(one_of(*choices))
    return lambda text: tuple(sorted(words(text), key=choices.index))


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """Accept a whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
            raise invalid("number", text, f"a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def seconds(maximum: int, *, zero: bool = False) -> Callable[[str], float]:
    """Accept a time in seconds up to ``maximum``, above 0 unless ``zero`` is allowed."""
    minimum = "from 0" if zero else "above 0"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= maximum or (value == 0 and not zero):
            raise invalid("time", text, f"seconds, {minimum} and up to {maximum}")
        return value

    return parse


def address(text: str) -> tuple[str, int]:
    """Accept ``host:port`` or ``:port`` (all interfaces); an IPv6 host is in brackets."""
    match = re.fullmatch(r"(?:\[([-\w.:%]*)\]|([-\w.%]*)):([0-9]{1,5})", text, re.ASCII)
    if not match or int(match[3]) > 65535:
        raise invalid("address", text, "host:port, e.g. :8080, 127.0.0.1:8080 or [::1]:8080")
    return match[1] or match[2] or "", int(match[3])


def boolean(text: str) -> bool:
    """Accept true or false in the spellings common in manifests and shells."""
    if text.lower() not in (*_TRUE, *_FALSE):
        raise invalid("value", text, "true or false")
    return text.lower() in _TRUE


def path(text: str) -> Path:
    """Accept a path; ``~`` is expanded."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"invalid path {text!r}: expected an existing user after ~") from None


def secret(text: str) -> Secret:
    """Accept a password; errors do not repeat it."""
    if not text.isprintable():
        raise ValueError("contains unprintable characters, e.g. a line break")
    return Secret(text)


def _checked(path: Path, check: Callable[[Path], object]) -> Path:
    """Return a path after a check, which may raise ``ValueError``.

    A file system that does not answer is not a mistake in the configuration: the file is read
    again when it is needed, and the error is told then.
    """
    with suppress(TimeoutError):
        patience.within(patience.SECONDS, lambda: check(path))
    return path


def secret_file(text: str) -> Path:
    """Accept the path of a file that contains a credential on a single line."""
    return _checked(path(text), secrets.read)


def token_file(text: str) -> Path:
    """Accept the path of a file that contains a bearer token on a single line."""
    return _checked(path(text), secrets.read_token)


def pem_file(text: str) -> Path:
    """Accept the path of a readable file that is not empty."""
    return _checked(path(text), _check_pem)


def file_in_folder(text: str) -> Path:
    """Accept the path of a file that may not exist, in a folder that does."""
    return _checked(path(text), _check_folder)


def _check_folder(file: Path) -> None:
    if not file.parent.is_dir():
        raise ValueError(f"the directory {file.parent} does not exist; create it first")


def _check_pem(pem: Path) -> None:
    try:
        with pem.open("rb") as file:
            if not file.read(1):
                raise ValueError(f"{pem} is empty")
            if len(file.read(_MOST_PEM)) == _MOST_PEM:
                raise ValueError(f"{pem} is too large: {_MOST_PEM >> 20} MiB or more")
    except OSError as error:
        raise ValueError(f"{pem} cannot be read: {error.strerror}") from None


def url(text: str) -> str:
    """Accept an http or https URL without credentials, or an empty text for none."""
    if re.search(r"[@?#]", text):
        # The message does not repeat the URL: these are the parts that contain secrets.
        raise ValueError(
            "must not carry credentials, a query or a fragment, which logs would show; use the "
            "options for credentials"
        )
    found = _URL.fullmatch(text)
    if text and not found:
        raise invalid("URL", text, "http or https, e.g. http://gateway.example.org:9091")
    if found and found["port"] and not 0 < int(found["port"]) < 1 << 16:
        raise invalid("port", found["port"], "a number from 1 to 65535")
    return text.rstrip("/")


key = matching(
    "key",
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?",
    "a label or annotation key, e.g. example.org/team",
)
grouping_value = matching(
    "name",
    r"[A-Za-z0-9]([-\w.]{0,98}[A-Za-z0-9])?",
    "at most 100 letters, digits, dots, dashes and underscores, starting and ending with a letter "
    "or digit",
)
"""A name that is valid as a label value, a URL segment and part of an object key."""
