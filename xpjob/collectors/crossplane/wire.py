"""The few fields that are read off the wire.

Everything else in an object, managedFields above all, is decoded past. Field names are those of
the API; both Crossplane generations are covered: legacy XRs keep their machinery in ``spec``, v2
XRs in ``spec.crossplane``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, ValidationError

from xpjob.kube.lists import Page
from xpjob.kube.salvage import take_apart

S = TypeVar("S", bound=Struct)


class ObjectRef(Struct, rename="camel", gc=False):
    """``spec.resourceRef`` of a claim, ``spec.claimRef`` and ``resourceRefs`` of an XR."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


class NameRef(Struct, gc=False):
    """``compositionRef`` and ``compositionRevisionRef``."""

    name: str = ""


class ProviderConfigRef(NameRef, gc=False):
    """``spec.providerConfigRef`` of an MR; a legacy one has no kind."""

    kind: str = ""


class OwnerRef(ObjectRef, rename="camel", gc=False):
    """One entry of ``metadata.ownerReferences``; it has no namespace."""

    uid: str = ""
    controller: bool | None = None


class Machinery(Struct, rename="camel", gc=False):
    """``spec.crossplane`` of a v2 XR."""

    composition_ref: NameRef | None = None
    composition_revision_ref: NameRef | None = None
    resource_refs: list[ObjectRef] | None = None


class Spec(Machinery, rename="camel", gc=False):
    """``spec``: a legacy object has the machinery here."""

    crossplane: Machinery | None = None
    resource_ref: ObjectRef | None = None
    claim_ref: ObjectRef | None = None
    provider_config_ref: ProviderConfigRef | None = None
    management_policies: list[str] | None = None


class Condition(Struct, rename="camel", gc=False):
    """One entry of ``status.conditions``."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int | None = None


class Status(Struct, gc=False):
    """``status``."""

    conditions: list[Condition] | None = None


class Metadata(Struct, rename="camel", gc=False):
    """``metadata``; only the name is needed for an object to count."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerRef] | None = None


class Object(Struct, gc=False):
    """One claim, XR or MR."""

    metadata: Metadata
    spec: Spec | None = None
    status: Status | None = None


class ListMetadata(Struct):
    """``metadata`` of a list: the token for its next page."""

    continue_: str | None = msgspec.field(name="continue", default=None)
    remaining: int | None = msgspec.field(name="remainingItemCount", default=None)


class ObjectList(Struct):
    """A page. ``items`` must be there, or else it is no list."""

    items: list[Object] | None
    metadata: ListMetadata | None = None


class _RawList(ObjectList):
    items: list[Raw] | None  # type: ignore[assignment]


_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_page = msgspec.json.Decoder(ObjectList)
_raw_page = msgspec.json.Decoder(_RawList)
_object = msgspec.json.Decoder(Object)


def decode_page(body: bytes) -> Page[Object]:
    """Return the objects of a page, and how many could not be read.

    Raises ``msgspec.MsgspecError`` where the body is no whole list. An object with values of the
    wrong type (tenants choose much of what is in ``spec``) loses those values, not its place; one
    that cannot be read at all costs only itself.
    """
    try:
        page = _page.decode(body)
        return Page(page.items or [], 0, *_next(page))
    except _UNREADABLE:
        raw, rest = _taken_apart(body)
    items = [_salvaged(item) for item in raw]
    good = [item for item in items if item is not None]
    return Page(good, len(items) - len(good), *_next(rest))


def _taken_apart(body: bytes) -> tuple[Sequence[Raw | bytes], ObjectList]:
    try:
        page = _raw_page.decode(body)
        return page.items or [], page
    except ValidationError:
        raise
    except _UNREADABLE:
        items, rest = take_apart(body)
        return items, _raw_page.decode(rest)


def _next(page: ObjectList) -> tuple[str, int]:
    metadata = page.metadata or ListMetadata()
    return metadata.continue_ or "", metadata.remaining or 0


def _salvaged(raw: Raw | bytes) -> Object | None:
    with suppress(*_UNREADABLE):
        return _object.decode(raw)
    with suppress(*_UNREADABLE):
        return _salvage(msgspec.json.decode(raw), Object)
    with suppress(*_UNREADABLE):
        return _salvage(msgspec.json.decode(_as_unicode(bytes(raw))), Object)
    return None


def _as_unicode(raw: bytes) -> bytes:
    """Return the same JSON with what is no Unicode (lone surrogates, broken bytes) replaced."""
    value = json.loads(raw.decode("utf-8", "replace"), strict=False)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _salvage(value: Any, kind: type[S]) -> S:
    """Convert field by field, leaving out those of the wrong type."""
    if not isinstance(value, dict):
        raise ValidationError(f"expected an object, got {type(value).__name__}")
    kept = {}
    for item in msgspec.structs.fields(kind):
        if item.encode_name in value:
            try:
                kept[item.name] = _salvage_value(value[item.encode_name], item.type)
            except ValidationError:
                if item.required:
                    raise
    if missing := [
        f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in kept
    ]:
        raise ValidationError(f"missing: {', '.join(missing)}")
    return kind(**kept)


def _salvage_value(value: Any, wanted: Any) -> Any:
    choices = [choice for choice in get_args(wanted) or (wanted,) if choice is not type(None)]
    inner = choices[0]
    if value is not None and isinstance(inner, type) and issubclass(inner, Struct):
        return _salvage(value, inner)
    if isinstance(value, list) and get_origin(inner) is list:
        return list(_salvage_entries(value, get_args(inner)[0]))
    if isinstance(value, dict) and inner == dict[str, str]:
        return {key: text for key, text in value.items() if isinstance(text, str)}
    return msgspec.convert(value, wanted)


def _salvage_entries(values: list[Any], wanted: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict) and issubclass(wanted, Struct):
            yield _salvage(value, wanted)
        elif isinstance(value, wanted):
            yield value
