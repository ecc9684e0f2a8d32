r"""Paths to values of objects, in three notations, compiled once.

- dots, as ClusterPulse has them: ``.spec.replicas``, ``status.conditions[0].status``;
- kubectl's JSONPath: ``{.spec.x}``, ``$.x[*].y``, ``[?(@.type=="Ready")]``, ``['a/b']``, ``a\.b``;
- a list of keys, as in kube-state-metrics: ``[metadata, labels, app.io/x]``, ``[type=Ready]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from msgspec import UNSET

from xpjob.collectors.sources.metric_source.path_syntax import (
    MAX_STEPS,
    PathError,
    integer,
    parse,
)
from xpjob.collectors.sources.metric_source.steps import (
    Definite,
    Every,
    First,
    Get,
    Index,
    Key,
    Several,
    Step,
    chain,
)
from xpjob.collectors.sources.shape import Shape


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. ``many``: it may lead to several values, which are then a list."""

    source: str
    steps: tuple[Step, ...]

    @property
    def many(self) -> bool:
        """Return whether it may lead to several values."""
        return any(isinstance(step, _SEVERAL) for step in self.steps)

    @property
    def ends_in_elements(self) -> bool:
        """Return whether the values are elements themselves, and not something of each."""
        return isinstance(self.steps[-1], _SEVERAL)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return its keys, if it has nothing else; empty otherwise."""
        names = tuple(step.name for step in self.steps if isinstance(step, Key))
        return names if len(names) == len(self.steps) else ()

    def declare(self, shape: Shape) -> None:
        """Add what it reads of an object."""
        for step in self.steps:
            shape = step.declare(shape)
        shape.take()

    def getter(self) -> Get:
        """Return a function from an object to its value.

        UNSET means that nothing is there, None that null is. Of a path that may lead to several
        values, the result is a list; UNSET if the list or map that they are of is not there.
        """
        if not self.many:
            return _definite(self.steps)
        several = [(at, step) for at, step in enumerate(self.steps) if isinstance(step, _SEVERAL)]
        if len(several) == 1:
            ((at, step),) = several
            return _once(self.steps[:at], step, self.steps[at + 1 :])
        spread = _spread(self.steps)

        def get(value: Any) -> Any:
            found: list[Any] = []
            return found if spread(value, found) else UNSET

        return get

    def before(self, number: int) -> str:
        """Return how the path is written up to a step."""
        return "".join(map(_shown, self.steps[:number]))

    def crosses(self, value: Any) -> str:
        """Return where a list is in an object that the path goes on from with a key, or ""."""
        for number, step in enumerate(self.steps):
            if not isinstance(step, _DEFINITE):
                break
            if isinstance(step, Key) and isinstance(value, list):
                return self.before(number)
            value = step.get()(value)
        return ""


def compile_path(text: str) -> Path:
    """Return a path in dots or JSONPath. Raises ``PathError``, with the column."""
    return Path(text, parse(text))


def compile_segments(segments: Sequence[str]) -> Path:
    """Return a path that is a list of keys. Raises ``PathError``."""
    if not segments:
        raise PathError("the list has no key", 1)
    if len(segments) > MAX_STEPS:
        raise PathError(f"more than {MAX_STEPS} keys", 1)
    return Path("[" + ", ".join(segments) + "]", tuple(map(_segment, segments)))


def _segment(text: str) -> Step:
    if not text:
        raise PathError("a key is empty", 1)
    if text == "*":
        return Every()
    if text.startswith("[") and text.endswith("]"):
        name, equals, value = text[1:-1].partition("=")
        if not (name and equals):
            raise PathError(f"invalid lookup {text!r}: expected [key=value]", 1)
        return First(name, value)
    at = integer(text)
    return Key(text) if at is None else Index(at, text)


def _definite(steps: Sequence[Step]) -> Get:
    return chain([step for step in steps if isinstance(step, _DEFINITE)])


def _once(before: Sequence[Step], several: Several, after: Sequence[Step]) -> Get:
    """Return what returns the values of steps of which only one leads to several."""
    choose = several.choose()
    to, onward = _definite(before), _definite(after)

    def get(value: Any) -> Any:
        among = choose(to(value))
        if among is None:
            return UNSET
        return [found for each in among if (found := onward(each)) is not UNSET]

    return get


def _spread(steps: Sequence[Step]) -> Callable[[Any, list[Any]], bool]:
    """Return what adds the values of several steps to a list, and whether there was a list."""
    until = next((n for n, step in enumerate(steps) if isinstance(step, _SEVERAL)), len(steps))
    get = _definite(steps[:until])
    if until == len(steps):

        def last(value: Any, found: list[Any]) -> bool:
            if (got := get(value)) is not UNSET:
                found.append(got)
            return True

        return last
    several = steps[until]
    choose = several.choose() if isinstance(several, _SEVERAL) else None
    onward = _spread(steps[until + 1 :])

    def spread(value: Any, found: list[Any]) -> bool:
        among = choose(get(value)) if choose else None
        if among is None:
            return False
        for each in among:
            onward(each, found)
        return True

    return spread


def _shown(step: Step) -> str:
    if isinstance(step, Key):
        return f".{step.name}"
    return f"[{step.at}]" if isinstance(step, Index) else "[...]"


_SEVERAL = get_args(Several)
_DEFINITE = get_args(Definite)
