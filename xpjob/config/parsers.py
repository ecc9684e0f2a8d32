"""Checks of single settings: text in, value out, ``ValueError`` with what is expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from xpjob.config import secrets
from xpjob.config.secrets import Secret

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?")
_URL = re.compile(
    r"https?://([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[\w.~/%+-]*)?",
    re.ASCII,
)
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def one_of(*choices: str) -> Callable[[str], str]:
    """Accept exactly these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text.lower()

    return parse


def some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """Accept any of these words, comma-separated, in any case."""

    def parse(text: str) -> tuple[str, ...]:
        words = {part.strip().lower() for part in text.split(",")} - {""}
        if unknown := sorted(words.difference(choices)):
            raise ValueError(f"{', '.join(map(repr, unknown))}: not of {', '.join(choices)}")
        return tuple(choice for choice in choices if choice in words)

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    """Accept a whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Accept a time in seconds, above 0 and up to an hour."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise ValueError(f"{text!r} is not a time in seconds, above 0 and up to 3600")
    return value


def interval(text: str) -> float:
    """Accept a time between runs in seconds, above 0 and up to a week."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 604_800:
        raise ValueError(f"{text!r} is not a time in seconds, above 0 and up to 604800 (a week)")
    return value


def age(text: str) -> float:
    """Accept a time in seconds, from 0 up to a year."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 31_536_000:
        raise ValueError(f"{text!r} is not a time in seconds, from 0 up to 31536000 (a year)")
    return value


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration(text: str) -> int:
    """Accept a time in seconds, or with one of the letters s, m, h, d, w; return seconds."""
    if not (found := re.fullmatch(r"([0-9]{1,9})([smhdw]?)", text)):
        raise ValueError(f"{text!r} is no time such as 90, 30m, 6h, 1d or 1w")
    return int(found[1]) * _UNITS[found[2]]


def address(text: str) -> tuple[str, int]:
    """Accept ``host:port`` or ``:port`` (all interfaces); an IPv6 host stands in brackets."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (
        not colon
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or int(port) > 65535
        or ((":" in bare) and bare == host)
        or not re.fullmatch(r"[-A-Za-z0-9_.:%]*", bare)
    ):
        raise ValueError(f"{text!r} is no address such as :8080, 127.0.0.1:8080 or [::1]:8080")
    return bare, int(port)


def boolean(text: str) -> bool:
    """Accept true or false, as Kubernetes manifests and shells write them."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def path(text: str) -> Path | None:
    """Accept a path; empty means none."""
    return _expanded(text) if text else None


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r}: there is no such user") from None


def file(text: str) -> Path:
    """Accept the path of a file."""
    return _expanded(text)


def bucket(text: str) -> str:
    """Accept the name of a bucket, by S3's rules for all servers; empty means none."""
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError(
            f"{text!r} is no bucket: 3 to 63 lower-case letters, digits, dots and dashes"
        )
    return text


def region(text: str) -> str:
    """Accept the name of a region."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise ValueError(f"{text!r} is no region, such as us-east-1")
    return text


def textfile(text: str) -> Path | None:
    """Accept ``textfile:PATH`` where the path's directory exists; empty means none."""
    if not text:
        return None
    scheme, _, name = text.partition(":")
    if scheme != "textfile" or not name.endswith(".prom"):
        raise ValueError(f"{text!r} is not textfile:PATH, with a PATH that ends in .prom")
    target = _expanded(name)
    if not target.parent.is_dir():
        raise ValueError(f"{text!r}: the directory {target.parent} does not exist; create it first")
    return target


def namespaces(text: str) -> tuple[str, ...]:
    """Accept comma-separated namespaces: order kept, repeats dropped."""
    names = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    bad = [name for name in names if not _NAMESPACE.fullmatch(name)]
    if bad:
        raise ValueError(f"{', '.join(map(repr, bad))}: no name of a namespace (as in team-a)")
    return names


def key(text: str) -> str:
    """Accept the key of a label or annotation."""
    if text and not _KEY.fullmatch(text):
        raise ValueError(f"{text!r} is no label or annotation key, such as example.org/team")
    return text


def key_prefix(text: str) -> str:
    """Accept the first part of an object key; slashes at both ends are dropped."""
    prefix = text.strip("/")
    parts = prefix.split("/")
    if not prefix or any(part in ("", ".", "..") for part in parts) or not prefix.isprintable():
        raise ValueError(f"{text!r} is no key prefix, such as xp-tracker or team/xpjob")
    return prefix


def grouping_value(text: str) -> str:
    """Accept a value that can be a label, a part of a URL and a part of a key."""
    if text and not re.fullmatch(r"[A-Za-z0-9]([-\w.]{0,98}[A-Za-z0-9])?", text, re.ASCII):
        raise ValueError(
            f"{text!r} is not made of letters, digits, dots, dashes and underscores, beginning "
            "and ending with a letter or digit (at most 100)"
        )
    return text


def url(text: str) -> str:
    """Accept an http or https URL without credentials; empty means none."""
    if not text:
        return ""
    if re.search(r"[@?#]", text):
        # Not repeated in the message: that is where secrets are.
        raise ValueError(
            "must not carry credentials, a query or a fragment: they show in logs; there are "
            "options for credentials"
        )
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is no URL such as http://gateway.example.org:9091")
    return text.rstrip("/")


def urls(text: str) -> tuple[str, ...]:
    """Accept comma-separated URLs: order kept, repeats dropped."""
    return tuple(dict.fromkeys(filter(None, (url(part.strip()) for part in text.split(",")))))


def secret(text: str) -> Secret:
    """Accept a password; it is never repeated."""
    if not text.isprintable():
        raise ValueError("has characters that no password has (a line break?)")
    return Secret(text)


def secret_file(text: str) -> Path | None:
    """Accept the path of a file with a credential on its one line; empty means none."""
    if not text:
        return None
    secrets.read(found := _expanded(text))
    return found


def token_file(text: str) -> Path | None:
    """Accept the path of a file with a bearer token on its one line; empty means none."""
    if not text:
        return None
    secrets.read_token(found := _expanded(text))
    return found


def pem_file(text: str) -> Path | None:
    """Accept the path of a file that can be read and is not empty; empty means none."""
    if not text:
        return None
    found = _expanded(text)
    try:
        with found.open("rb") as file:
            if not file.read(1):
                raise ValueError(f"{found} is empty")
    except OSError as error:
        raise ValueError(f"{found} cannot be read: {error.strerror}") from None
    return found


def user(text: str) -> str:
    """Accept a user's name as basic authentication can carry it."""
    if not text.isprintable() or ":" in text:
        raise ValueError(f"{text!r} is no user's name: printable, and without a colon")
    return text


def encryption(text: str) -> str:
    """Accept how S3 is to encrypt; empty leaves it to the bucket."""
    known = {"": "", "aes256": "AES256", "aws:kms": "aws:kms"}
    if text.lower() not in known:
        raise ValueError(f"{text!r} is neither AES256 (keys of S3's own) nor aws:kms")
    return known[text.lower()]


def kms_key(text: str) -> str:
    """Accept the id, the ARN or the alias of a KMS key; empty means the account's own."""
    if text and not re.fullmatch(r"[-\w:/]{1,2048}", text, re.ASCII):
        raise ValueError(f"{text!r} is no id, ARN or alias of a KMS key")
    return text
