"""Numbers of the values of objects, and their texts, exactly as kube-state-metrics has them.

Source: its ``toFloat64``, and Go's ``time.Parse``, ``strconv`` and ``fmt``. Two differences: a
number of more than 256 characters, and a quantity whose exponent cannot be computed with, are
invalid here; the latter would keep kube-state-metrics busy for ever.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Struct

from xpjob.kube import quantity

_LONGEST = 256  # characters of a number
_MOST_EXPONENT = 2**31 - 1
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "unknown": 0.0}
_INT64 = range(-(2**63), 2**63)

# As Go does, with an hour of one digit, a comma, and an offset of 24:60.
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]+)?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_QUANTITY = re.compile(
    r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE]?)|([KMGTPE])i|[eE]([+-]?[0-9]+))"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {suffix: 10 * power for power, suffix in enumerate("KMGTPE", 1)}
_MOST_BINARY = 2**63 - 1
_PERCENT = re.compile(r"[0-9]+%")
_SPECIAL = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE | re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX = re.compile(r"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP])([+-]?[0-9]+)")


def coerce(value: Any) -> float:
    """Return the number that a value of an object stands for.

    Booleans, ``True``, ``yes``, ``False``, ``no`` and ``Unknown`` in any case, times in RFC 3339
    as seconds since the epoch, quantities, whole percentages, and numbers as Go writes them.
    Raises ``ValueError`` that says why there is none.
    """
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    if isinstance(value, str):
        word = _WORDS.get(value.lower()) if len(value) <= len("unknown") else None
        return word if word is not None else _number(value)
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            raise ValueError("the number is out of range") from None
    if value is None or value is UNSET:
        raise ValueError("expected a number, got null")
    raise ValueError(f"expected a number, got {'a list' if isinstance(value, list) else 'a map'}")


@lru_cache(maxsize=4096)
def _number(text: str) -> float:
    if len(text) <= _LONGEST:
        for convert in (_time, _quantity, _percent, _float):
            number = convert(text)
            if number is not None:
                return number
    shown = text if len(text) <= 64 else f"{text[:64]}..."
    if len(text) <= _LONGEST and _QUANTITY.fullmatch(text) and re.search("[0-9]", text):
        raise ValueError(f"{shown!r} is out of range")
    raise ValueError(
        f"{shown!r} is not a number: expected a number, a quantity such as 500m, a percentage,"
        " a time in RFC 3339, or True, False or Unknown"
    )


def _time(text: str) -> float | None:
    """Return whole seconds since the epoch, rounded down."""
    matched = _TIME.fullmatch(text)
    if not matched:
        return None
    sign, hours, minutes = matched.groups()[6:]
    year, month, day, hour, minute, second = (int(part) for part in matched.groups()[:6])
    offset = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    if sign and (int(hours) > 24 or int(minutes) > 60):
        return None
    shift = 0 if year else 400  # Go has a year 0, a leap year
    try:
        moment = datetime(year + shift, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    return moment.timestamp() - shift * 31_556_952 - offset


def _quantity(text: str) -> float | None:
    """Return what AsApproximateFloat64 returns, with the errors of its two representations."""
    matched = _QUANTITY.fullmatch(text) if text else None
    if not matched:
        return None
    sign, whole, fraction, decimal, binary, exponent = matched.groups()
    fraction = fraction or ""
    digits = whole.lstrip("0") or "0"
    significand = int(digits + fraction)
    if binary:
        power = _BINARY[binary]
        quick = not fraction and 14 - len(digits) - power * 3 // 10 >= 0
        number = float(significand << power) if quick else None
    else:
        power = _DECIMAL[decimal or ""] if exponent is None else int(exponent)
        if abs(power) > _MOST_EXPONENT:
            return None
        scale = power - len(fraction)
        quick = len(digits) + len(fraction) <= 18 and scale >= -9
        number = significand * _power(scale) if quick or (not significand and scale > 0) else None
    if number is None:
        if not whole and not fraction:
            return None
        number = _rounded(text.lstrip("+-"))
    return -number if sign == "-" and number is not None else number


def _rounded(text: str) -> float | None:
    """Return the float of a quantity that is kept as an integer of 10^-9."""
    try:
        nano = quantity.parse(text)
    except quantity.QuantityError:
        return None
    if text.endswith("i") and nano == _MOST_BINARY * quantity.NANO:
        return float(_MOST_BINARY)
    try:
        return float(nano) * 1e-9
    except OverflowError:
        return math.inf


def _power(exponent: int) -> float:
    """Return a power of ten as Go's math.Pow10, which multiplies two powers."""
    if exponent < 0:
        return 1 / float(f"1e{-exponent}")
    if exponent > 308:
        return math.inf
    return float(f"1e{exponent // 32 * 32}") * float(f"1e{exponent % 32}")


def _percent(text: str) -> float | None:
    number = float(text[:-1]) / 100 if _PERCENT.fullmatch(text) else None
    return None if number == math.inf else number


def _float(text: str) -> float | None:
    if _SPECIAL.fullmatch(text):
        return float(text)
    if "_" in text:
        if not _separates(text):
            return None
        text = text.replace("_", "")
    if matched := _HEX.fullmatch(text):
        exponent = max(-99_999, min(99_999, int(matched[2])))
        try:
            return float.fromhex(f"{matched[1]}{exponent}")
        except OverflowError:
            return None
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    return None if math.isinf(number) else number


def _separates(text: str) -> bool:
    """Return whether each underscore is between digits, or follows the prefix 0x."""
    text = text.lstrip("+-").lower()
    hexadecimal = text.startswith("0x")
    if text[:2] in ("0x", "0b", "0o"):
        text = f"0{text[2:]}"
    digit = "[0-9a-f]" if hexadecimal else "[0-9]"
    return not re.search(f"(?<!{digit})_|_(?!{digit})", text)


def go_float(number: float) -> str:
    """Return a float as Go prints it: the shortest digits, with an exponent from 1e+06 on."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    text = repr(float(number))
    if "e" in text:
        return text
    text = text.removesuffix(".0")
    if -1e6 < number < 1e6:
        return text
    sign = "-" if number < 0 else ""
    whole, _, fraction = text.removeprefix("-").partition(".")
    digits = (whole + fraction).rstrip("0")
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{point}e+{len(whole) - 1:02}"


def sample_value(number: float) -> str:
    """Return the value of a sample: as ``go_float``, without the sign of zero."""
    return go_float(number) if number else "0"


def go_text(value: Any) -> str:
    """Return a value as Go's ``%v`` prints it: ``true``, ``1e+06``, ``[a <nil>]``, ``map[k:v]``."""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    stack = [value]
    while stack:  # no recursion: objects may be nested as deep as they like
        item = stack.pop()
        if isinstance(item, list):
            stack.append("]")
            for number in range(len(item) - 1, -1, -1):
                stack += (item[number], " ") if number else (item[number],)
            stack.append("[")
        elif isinstance(item, dict):
            stack.append("]")
            for number, key in reversed(list(enumerate(sorted(item)))):
                stack += (item[key], f"{' ' if number else ''}{key}:")
            stack.append("map[")
        else:
            parts.append(_scalar(item))
    return "".join(parts)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value in _INT64 else go_float(float(value))
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, Struct):
        raise TypeError("a value of which only parts were read has no text")
    return "<nil>"
