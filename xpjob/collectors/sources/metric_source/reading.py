"""Find the value of a field in an object, and convert it."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.spec import Field
from xpjob.collectors.sources.metric_source.steps import Get
from xpjob.collectors.sources.metric_source.types import INVALID, Convert


def reading(field: Field) -> tuple[Get, Convert]:
    """Return what finds the value of a field, and what converts it.

    Of several values, text is joined with commas, and ``arrayLength`` is how many they are;
    a path that ends within elements counts what is in each.
    """
    get, of = field.path.getter(), field.type
    if not field.path.many or of.name == "json":
        return get, of.convert
    if of.name == "arrayLength":
        return get, len if field.path.ends_in_elements else _total

    def one(item: Any) -> Any:
        found = get(item)
        if found is UNSET or not found:
            return UNSET
        if len(found) == 1:
            return found[0]
        return tuple(each for each in found if each is not None) or None

    return one, _joined if of.name == "string" else of.convert


def invalid(field: Field, raw: Any) -> str:
    """Return what is wrong with a value that cannot be converted, and what to do."""
    if type(raw) is tuple:
        return (
            f"expected {field.type.expected}, and the path leads to {len(raw)} values: choose one"
            " with an index or a filter, or use type arrayLength, string or json"
        )
    return (
        f"expected {field.type.expected}, got {types.shown(raw)}: set another type,"
        " or correct the object"
    )


def _joined(value: Any) -> Any:
    if type(value) is not tuple:
        return types.text(value)
    parts = [types.text(each) for each in value]
    return INVALID if INVALID in parts else types.text(",".join(parts))


def _total(found: list[Any]) -> int:
    return sum(len(e) if isinstance(e, (list, dict)) else int(e is not None) for e in found)
