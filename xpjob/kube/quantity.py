"""Quantities of Kubernetes, such as ``500m`` or ``1.5Gi``, as exact integers of 10^-9 (nano).

Nano is the smallest unit that Kubernetes distinguishes, so integers of it are exact where the
server is: sums, comparisons and rounding need nothing else. Source: apimachinery's
``resource.Quantity``, without its limits: it converts to int64 and to floats with errors, and does
not return for ``1e2147483648``.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

NANO = 10**9
"""One, in units of 10^-9."""

_MILLI = 10**6
MOST = 10**40 * NANO
"""The most that is computed with, see ``amount``: its sums and ratios are still floats."""
_MOST_BINARY = (2**63 - 1) * NANO  # a text with a binary suffix means no more than that
_LONGEST = 256  # characters
_MOST_DIGITS = 128  # of a longer text: what has as many is far more than ``MOST``
_MOST_EXPONENT = 400

_TEXT = re.compile(
    r"([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]?)|([KMGTPE])i|[eE]([+-]?\d+))", re.ASCII
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {suffix: 2 ** (10 * power) for power, suffix in enumerate("KMGTPE", 1)}


class QuantityError(ValueError):
    """A value that is not a quantity."""


class TooLargeError(QuantityError):
    """A quantity that is too large to compute with."""


@lru_cache(maxsize=4096)
def parse(text: str) -> int:
    """Return the value in nano units.

    What is finer than that is rounded away from zero, and what has a binary suffix is capped at
    2^63-1, both as the API server does. A text without any digit is 0 there, and here.
    Raises ``QuantityError``, which is a ``TooLargeError`` if only the size is to blame.
    """
    matched, shown = _TEXT.fullmatch(text), text if len(text) <= 64 else f"{text[:64]}..."
    if matched and len(text) > _LONGEST and len(matched[2].lstrip("0")) > _MOST_DIGITS:
        raise TooLargeError(f"invalid quantity {shown!r}: too many digits")
    if not matched or not 0 < len(text) <= _LONGEST:
        raise QuantityError(
            f"invalid quantity {shown!r}: expected a number with an optional suffix,"
            " as in 500m, 1.5, 128Mi or 1e3"
        )
    sign, whole, fraction, decimal, binary, exponent = matched.groups()
    fraction = fraction or ""
    digits = int(whole + fraction or "0")
    if binary:
        value = min(_scaled(digits * _BINARY[binary], 9 - len(fraction)), _MOST_BINARY)
    else:
        power = _DECIMAL[decimal or ""] if exponent is None else int(exponent)
        if power > _MOST_EXPONENT and digits:
            raise TooLargeError(
                f"invalid quantity {text!r}: the exponent is larger than {_MOST_EXPONENT}"
            )
        # Any number of this length is less than 1n with the smallest exponent.
        power = min(max(power, -_MOST_EXPONENT), _MOST_EXPONENT)
        value = _scaled(digits, power + 9 - len(fraction))
    return -value if sign == "-" else value


def _scaled(value: int, power: int) -> int:
    """Multiply by a power of ten, and round up."""
    factor: int = 10 ** abs(power)
    return value * factor if power >= 0 else -(-value // factor)


def from_json(value: object) -> int:
    """Return the value in nano units of a string or number of a JSON document.

    As in the API server, white space around it is ignored, and null is 0.
    Raises ``QuantityError``.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        return parse(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return parse(repr(value))
    raise QuantityError(f"invalid quantity: expected a string or a number, got {value!r:.64}")


def amount(value: object) -> int:
    """Return the value of what a pod asks for, or a node has: as ``from_json``, at most ``MOST``.

    An API server takes any number from whoever may create a pod: ``1e310`` is a limit of memory.
    Raises ``QuantityError``.
    """
    try:
        return max(-MOST, min(from_json(value), MOST))
    except TooLargeError:
        return -MOST if str(value).strip().startswith("-") else MOST


def milli(nano: int) -> int:
    """Return thousandths, rounded up."""
    return -(-nano // _MILLI)


def units(nano: int) -> int:
    """Return whole units, rounded up."""
    return -(-nano // NANO)


def to_float(nano: int) -> float:
    """Return the nearest float, infinite if there is none."""
    try:
        return nano / NANO
    except OverflowError:
        return math.inf if nano > 0 else -math.inf


def format_quantity(nano: int, resource: str) -> str:
    """Return the text that people expect for this resource: ``1930m``, ``1536Mi``, ``2``.

    Bytes have the largest binary suffix that leaves a whole number, everything else has none or
    ``m``, ``u`` or ``n``. The text is exact: ``parse`` returns the same value.
    """
    if nano % NANO:
        suffix, size = next(s for s in (("m", _MILLI), ("u", 1000), ("n", 1)) if nano % s[1] == 0)
        return f"{nano // size}{suffix}"
    value, suffixes = nano // NANO, iter("KMGTPE")
    suffix = ""
    if in_bytes(resource) and abs(value) < 2**63:
        while value and value % 1024 == 0:
            value, suffix = value // 1024, f"{next(suffixes)}i"
    return f"{value}{suffix}"


def in_bytes(resource: str) -> bool:
    """Return whether a resource of nodes and pods is measured in bytes."""
    return resource in ("memory", "ephemeral-storage", "storage") or resource.startswith(
        "hugepages-"
    )
