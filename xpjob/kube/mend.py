"""Convert JSON to structs, dropping values of the wrong type.

``msgspec`` rejects a whole document for one invalid value. This is the slow fallback: a value of
the wrong type, or an unexpected null, is dropped, and the field gets its default. Entries of lists
and maps that cannot be converted are dropped too. If a required field is dropped, its struct cannot
be converted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, ValidationError

S = TypeVar("S", bound=Struct)

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding arbitrary JSON can raise."""


class Lost(Struct):
    """The number of dropped values, and the error of the first. Null is not counted."""

    values: int = 0
    first: str = ""

    def add(self, where: str, error: ValidationError) -> None:
        """Count a dropped value."""
        self.values += 1
        self.first = self.first or f"{where}: {error}"


Converter = Callable[[Any, Lost], Any]


def mend(raw: bytes, kind: type[S], lost: Lost) -> S:
    """Decode a struct from JSON. Raises one of ``UNREADABLE`` if impossible."""
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        value = msgspec.json.decode(_as_unicode(raw))
    converted: S = _converter(kind)(value, lost)
    return converted


def _as_unicode(raw: bytes) -> bytes:
    """Replace what is not valid Unicode (lone surrogates, invalid bytes) in JSON."""
    value = json.loads(raw.decode("utf-8", "replace"), strict=False)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _converter(wanted: Any) -> Converter:
    """Return a converter to a type, which raises ``ValidationError``."""
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        # Resolved on use: a type may have fields of its own type.
        return lambda value, lost: _struct(wanted)(value, lost)
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _union(wanted, inner)
    if origin is list:
        return _list(_converter(inner[0]))
    if origin is dict:
        return _dict(_converter(inner[1]), inner[0])
    if wanted is Raw:
        return lambda value, _lost: Raw(msgspec.json.encode(value))
    if wanted is Any:
        return lambda value, _lost: value
    return lambda value, _lost: msgspec.convert(value, wanted)


@cache
def _struct(kind: type[Struct]) -> Converter:
    fields = [(f, _converter(f.type), _has_null(f.type)) for f in msgspec.structs.fields(kind)]

    def convert(value: Any, lost: Lost) -> Struct:
        _expect(dict, value, "an object")
        kept = {}
        for field, converter, has_null in fields:
            key = field.encode_name
            if key in value and (has_null or value[key] is not None):
                try:
                    kept[field.name] = converter(value[key], lost)
                    continue
                except ValidationError as error:
                    if field.required:
                        raise
                    lost.add(key, error)
            if field.required:
                raise ValidationError(f"Object missing required field `{key}`")
        try:
            return kind(**kept)
        except (TypeError, ValueError) as error:  # raised by __post_init__, as in a decoder
            raise ValidationError(str(error)) from error

    return convert


def _list(entry: Converter) -> Converter:
    def convert(value: Any, lost: Lost) -> list[Any]:
        _expect(list, value, "a list")
        kept = []
        for number, each in enumerate(value):
            try:
                kept.append(entry(each, lost))
            except ValidationError as error:
                lost.add(f"[{number}]", error)
        return kept

    return convert


def _dict(entry: Converter, key_type: Any) -> Converter:
    def convert(value: Any, lost: Lost) -> dict[Any, Any]:
        _expect(dict, value, "an object")
        kept = {}
        for key, each in value.items():
            try:
                kept[msgspec.convert(key, key_type, str_keys=True)] = entry(each, lost)
            except ValidationError as error:
                lost.add("[...]", error)
        return kept

    return convert


def _union(wanted: Any, choices: tuple[Any, ...]) -> Converter:
    """Return a converter to an optional type, or to a union that JSON can distinguish."""
    converters = [_converter(choice) for choice in choices if choice is not NoneType]

    def convert(value: Any, lost: Lost) -> Any:
        if value is None:
            return msgspec.convert(None, wanted)
        for converter in converters[:-1]:
            try:
                return converter(value, lost)
            except ValidationError:
                pass
        return converters[-1](value, lost)

    return convert


def _has_null(wanted: Any) -> bool:
    if get_origin(wanted) in (Union, UnionType):
        return any(_has_null(choice) for choice in get_args(wanted))
    return wanted in (Any, NoneType, Raw)


def _expect(kind: type, value: Any, name: str) -> None:
    if not isinstance(value, kind):
        raise ValidationError(f"Expected {name}, got `{type(value).__name__}`")
