"""Label selectors with the API's syntax: ``a=b,c!=d,e,!f,g in (x,y),h notin (z)``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"[-A-Za-z0-9_.]*"
_SET = re.compile(rf"\s*(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\(\s*(?P<values>[^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>{_VALUE})\s*")
_EXISTS = re.compile(rf"\s*(?P<not>!)?\s*(?P<key>{_KEY})\s*")


class _Requirement(Struct, frozen=True):
    """One requirement: the label has one of ``values``, or just exists if ``values`` is None."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) != self.negated
        return (self.key in labels and labels[self.key] in self.values) != self.negated


class Selector(Struct, frozen=True):
    """A label selector."""

    requirements: tuple[_Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Parse a selector; an empty one matches everything. Raises ``ValueError``."""
        requirements = []
        rest = text.strip()
        while rest:
            for pattern in (_SET, _EQUAL, _EXISTS):
                match = pattern.match(rest)
                if match and (match.end() == len(rest) or rest[match.end()] == ","):
                    break
            else:
                raise ValueError(
                    f"invalid label selector {text!r}: expected e.g. app=web,tier in (a,b)"
                )
            requirements.append(_requirement(match.groupdict()))
            if rest[match.end() :] == ",":
                raise ValueError(f"invalid label selector {text!r}: trailing comma")
            rest = rest[match.end() + 1 :]
        return cls(tuple(requirements))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def _requirement(parts: Mapping[str, str | None]) -> _Requirement:
    key = parts["key"] or ""
    if (several := parts.get("values")) is not None:
        values = frozenset(value.strip() for value in several.split(","))
        return _Requirement(key, values, parts["op"] == "notin")
    if (value := parts.get("value")) is not None:
        return _Requirement(key, frozenset({value}), parts["op"] == "!=")
    return _Requirement(key, None, bool(parts.get("not")))
