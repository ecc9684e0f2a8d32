"""Merge the wire structs of several readers of a list, so that its pages are decoded once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from types import FunctionType, NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct


def unite(wires: Sequence[type[Struct]]) -> type[Struct]:
    """Return a struct with the fields, methods and constants of all ``wires``.

    Nested structs, also in lists and maps, are merged likewise. A field that is required in one of
    them is required in the result. The order of ``wires`` does not matter; if one of them includes
    all others, it is the result. A single one may be of any type, such as a dictionary.
    Raises ``TypeError``, with the path, for contradictions: two types, defaults or names of a
    field, or two methods of the same name.
    """
    if not wires:
        raise TypeError("no structs to merge")
    if len(set(wires)) == 1:
        return wires[0]
    return _united(frozenset(wires), "")


class _Field(NamedTuple):
    name: str
    key: str
    type: Any
    default: Any
    factory: Any

    @property
    def required(self) -> bool:
        return self.default is NODEFAULT and self.factory is NODEFAULT

    @property
    def value(self) -> Any:
        """Return the ``msgspec.field`` of a class body."""
        if self.factory is not NODEFAULT:
            return msgspec.field(name=self.key, default_factory=self.factory)
        if self.default is not NODEFAULT:
            return msgspec.field(name=self.key, default=self.default)
        return msgspec.field(name=self.key)


@cache
def _united(candidates: frozenset[type[Struct]], path: str) -> type[Struct]:
    # A subclass includes its bases.
    leaves = [w for w in candidates if not any(issubclass(o, w) for o in candidates - {w})]
    wires = sorted(leaves, key=lambda wire: (wire.__module__, wire.__qualname__, repr(_own(wire))))
    if len(wires) == 1:
        return wires[0]
    fields: dict[str, _Field] = {}
    names: dict[str, str] = {}
    for wire in wires:
        for field in _own(wire):
            at = f"{path}.{field.key}".lstrip(".")
            known = fields.get(field.name, field)
            if names.setdefault(field.key, field.name) != field.name or known.key != field.key:
                raise TypeError(f"{at}: {field.name!r} has a different name in another struct")
            fields[field.name] = _both(known, field, at)
    members = _members(wires, path)
    if both := fields.keys() & members.keys():
        raise TypeError(f"{path or 'struct'}: {min(both)!r} is a field in only one of the structs")
    options = _options(wires, path)
    for wire in wires:
        if (
            sorted(_own(wire), key=_by_name) == sorted(fields.values(), key=_by_name)
            and _of_class(wire) == members
            and _options([wire], path) == options
        ):
            return wire
    return msgspec.defstruct(
        "_".join(dict.fromkeys(wire.__name__ for wire in wires)),
        [(field.name, field.type, field.value) for field in fields.values()],
        module=__name__,
        namespace=dict(members),
        kw_only=True,
        **options,
    )


def _by_name(field: _Field) -> str:
    return field.name


@cache
def _own(wire: type[Struct]) -> tuple[_Field, ...]:
    return tuple(
        _Field(f.name, f.encode_name, f.type, f.default, f.default_factory)
        for f in msgspec.structs.fields(wire)
    )


def _both(one: _Field, other: _Field, at: str) -> _Field:
    """Return a field that suits the readers of both."""
    if one == other:
        return one
    kind = _type(one, other, at)
    for field in (one, other):
        if field.required:
            return field._replace(type=kind)
    if (one.default, one.factory) == (other.default, other.factory):
        return one._replace(type=kind)
    if _is_empty(one) and _is_empty(other):
        return one._replace(type=kind, default=NODEFAULT, factory=kind)
    raise TypeError(f"{at}: has a different default in another struct")


def _is_empty(field: _Field) -> bool:
    """Return whether the default is a struct with default values only."""
    if isinstance(field.default, Struct):
        return bool(field.default == type(field.default)())
    return isinstance(field.factory, type) and issubclass(field.factory, Struct)


def _type(one: _Field, other: _Field, at: str) -> Any:
    if _has_null(one.type) == _has_null(other.type):
        return _merged(one.type, other.type, at)
    strict, loose = (other, one) if _has_null(one.type) else (one, other)
    if not strict.required:
        raise TypeError(f"{at}: optional in only one of the structs")
    return _merged(strict.type, _without_null(loose.type), at)


def _merged(one: Any, other: Any, at: str) -> Any:
    if one == other:
        return one
    if _has_null(one) and _has_null(other):
        return _merged(_without_null(one), _without_null(other), at) | None
    if _is_struct(one) and _is_struct(other):
        return _united(frozenset((one, other)), at)
    origin, inner, others = get_origin(one), get_args(one), get_args(other)
    if origin is get_origin(other) is list:
        return list[_merged(inner[0], others[0], f"{at}[]")]  # type: ignore[misc]
    if origin is get_origin(other) is dict and inner[0] == others[0]:
        return dict[inner[0], _merged(inner[1], others[1], f"{at}{{}}")]  # type: ignore[misc,valid-type]
    raise TypeError(f"{at}: {_name(one)} in one struct, {_name(other)} in another")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _has_null(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)


def _without_null(kind: Any) -> Any:
    return Union[tuple(choice for choice in get_args(kind) if choice is not NoneType)]  # noqa: UP007


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _members(wires: Sequence[type[Struct]], path: str) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for wire in wires:
        for name, value in _of_class(wire).items():
            if members.setdefault(name, value) is not value:
                raise TypeError(f"{path or 'struct'}: {name!r} differs in another struct")
            if "__class__" in getattr(getattr(value, "__code__", None), "co_freevars", ()):
                raise TypeError(
                    f"{path or 'struct'}: {name!r} calls super(), so it cannot be merged"
                )
    return members


def _of_class(wire: type[Struct]) -> Mapping[str, Any]:
    """Return methods, properties and constants, including inherited ones."""
    members: dict[str, Any] = {}
    for base in reversed(wire.__mro__[: wire.__mro__.index(Struct)]):
        for name, value in vars(base).items():
            if inspect.ismemberdescriptor(value) or inspect.isgetsetdescriptor(value):
                continue
            plain = isinstance(value, FunctionType | property | classmethod | staticmethod)
            if plain or not name.startswith("__"):
                members[name] = value
    return members


def _options(wires: Sequence[type[Struct]], path: str) -> dict[str, Any]:
    configs = [wire.__struct_config__ for wire in wires]
    if any(c.array_like or c.forbid_unknown_fields or c.tag is not None for c in configs):
        raise TypeError(
            f"{path or 'struct'}: tagged, closed and array-like structs cannot be merged"
        )
    any_of = ("frozen", "gc", "eq", "order", "weakref", "dict", "cache_hash")
    return {name: any(getattr(config, name) for config in configs) for name in any_of}
