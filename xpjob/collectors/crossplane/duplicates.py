"""Find MRs that stand for the same external resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from xpjob.collectors.crossplane.outside import Scope, Type, is_self_contained, type_of
from xpjob.collectors.crossplane.records import ManagedResource

_ACTING = frozenset(("*", "Create", "Update", "Delete"))
_FEW = 64
"""How many are compared with each other one by one; of more, only those of equal scope."""


class Duplicate(NamedTuple):
    """An MR, and another one with its external name. ``certain``: for the same resource."""

    mr: ManagedResource
    other: ManagedResource
    certain: bool


def duplicates(mrs: Sequence[ManagedResource]) -> Iterator[Duplicate]:
    """Yield the MRs whose external resource another one has, in their order; each only once.

    The other one is the first by kind and name, so it does not depend on their order.
    """
    found: dict[int, Duplicate] = {}
    for same in _of_one_name(mrs):
        for duplicate in _among(same):
            found[id(duplicate.mr)] = duplicate
    for mr in mrs:
        if (one := found.get(id(mr))) is not None:
            yield one


def _of_one_name(mrs: Iterable[ManagedResource]) -> Iterator[list[ManagedResource]]:
    """Yield those that have an external name in common, and could be of one type."""
    first: dict[str, ManagedResource] = {}
    more: dict[str, list[ManagedResource]] = {}
    for mr in mrs:
        name = mr.external_name
        if name and _acts(mr):
            other = first.setdefault(name, mr)
            if other is not mr:
                more.setdefault(name, [other]).append(mr)
    for named in more.values():
        alike: dict[tuple[str, str], list[ManagedResource]] = {}
        for mr in named:
            kind = type_of(mr.group, mr.kind)
            alike.setdefault((kind.family, kind.noun), []).append(mr)
        yield from alike.values()


def _acts(mr: ManagedResource) -> bool:
    """Return whether an MR changes anything outside.

    Without the field it may do everything; with an empty one it is paused.
    """
    if not mr.management_policies:
        return not mr.paused
    return not _ACTING.isdisjoint(mr.management_policies)


class _Claimed(NamedTuple):
    """What an MR says about its external resource."""

    mr: ManagedResource
    type: Type
    account: tuple[str, str]
    scope: Scope


def _among(same: list[ManagedResource]) -> Iterator[Duplicate]:
    """Yield the duplicates among MRs of one external name and similar types."""
    if len(same) == 1:
        return
    alone = is_self_contained(same[0].external_name)
    first: dict[tuple[object, ...], _Claimed] = {}
    different: list[_Claimed] = []
    for mr in sorted(same, key=lambda mr: (mr.group, mr.kind, mr.namespace, mr.name, mr.uid)):
        said = _Claimed(mr, type_of(mr.group, mr.kind), _account(mr), Scope.of(mr.scope))
        key = (said.type[1:],) if alone else (said.type[1:], said.account, mr.scope)
        other = first.setdefault(key, said)
        if other is said:
            different.append(said)
        else:
            yield Duplicate(mr, other.mr, certain=True)
    compared: dict[str, list[_Claimed]] = {}
    few = len(different) <= _FEW
    for said in different:
        certain = "" if few else said.mr.scope.partition("~")[0]
        others = compared.setdefault(certain, [])
        for other in others:
            relation = _relation(said, other, alone=alone)
            if relation is not None:
                yield Duplicate(said.mr, other.mr, certain=relation)
                break
        if len(others) < _FEW:
            others.append(said)


def _relation(one: _Claimed, other: _Claimed, *, alone: bool) -> bool | None:
    """Return whether two that differ are certainly the same resource; None if they are not."""
    if alone:
        return one.type.domain != other.type.domain
    if one.scope.contradicts(other.scope):
        return None
    if not one.type.is_same(other.type):
        return False if one.type.may_be(other.type) else None
    if one.mr.group == other.mr.group and one.account != other.account:
        return None
    return False


def _account(mr: ManagedResource) -> tuple[str, str]:
    """Return what stands for the account: the provider config.

    A namespaced ProviderConfig is different in each namespace; others are cluster-wide, and have
    the same name in both generations of a provider.
    """
    kind, _, name = mr.provider_config.rpartition("/")
    return (mr.namespace if kind == "ProviderConfig" else "", name)
