"""Strict CEL, by the library of the extra ``cel``: for expressions that come from elsewhere.

See ``cel_rules`` for what it may not do. What none of the rules bounds ends an expression for the
rest of the run: once it took longer than ``MAX_SECONDS``.
"""

from __future__ import annotations

import difflib
import importlib
import re
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import msgspec

from xpjob.collectors.sources.expressions import cel_functions
from xpjob.collectors.sources.expressions.cel_rules import ROOT, check
from xpjob.collectors.sources.expressions.errors import EvaluationError, ExpressionError
from xpjob.collectors.sources.expressions.inference import Type
from xpjob.collectors.sources.expressions.limits import Limits
from xpjob.collectors.sources.expressions.values import bounded

MAX_SECONDS = 0.5
"""How long an evaluation may take until the expression is given up."""
MAX_BYTES = 256 * 1024
"""JSON of the variables of one object."""
MAX_BYTES_OF_LOOPS = 64 * 1024
"""The same, for an expression with loops."""

_TYPES: Mapping[str, Type] = {
    "STRING": "string",
    "TIMESTAMP": "string",
    "BOOL": "boolean",
    **dict.fromkeys(("INT", "UINT", "DOUBLE", "DURATION"), "number"),
    "LIST": "list",
    "MAP": "map",
}
_PLACE = re.compile(r"<input>:(-?\d+):(-?\d+): ([^\n]*)")
# Codes of the library, the list of all words that could follow, and what has no meaning here.
_NOISE = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$| expecting .*| \(in container ''\)")


class CelExpression:
    """A compiled expression of strict CEL; the same to its user as ``Expression``."""

    def __init__(self, source: str, names: Collection[str]) -> None:
        library = _library()
        rules = check(source, names)
        self.source = source
        self.names = rules.names | rules.reserved
        self._reserved = rules.reserved
        self._most = MAX_BYTES_OF_LOOPS if rules.loops else MAX_BYTES
        self._slow = ""
        self._clock = cel_functions.Clock()
        self._library = library
        # What is not used is not declared: its name may be one that the library has for a type.
        variables = [*rules.names, *([ROOT] if rules.reserved else [])]
        try:
            environment = library.NewEnv(
                variables=dict.fromkeys(variables, library.Type.DYN),
                functions=cel_functions.declared(library, self._clock),
                extensions=[
                    _extension("ext_strings", "ExtStrings"),
                    _extension("ext_math", "ExtMath"),
                    _extension("ext_optional", "ExtOptional"),
                ],
            )
            self._compiled = environment.compile(source)
        except RuntimeError as error:
            raise _mistake(source, str(error), names) from None
        found = self._compiled.return_type().name().partition("<")[0]
        self.type: Type = _TYPES.get(found, "any")

    def __call__(self, values: Mapping[str, Any], limits: Limits) -> Any:
        """Return the value for one object. Raises ``EvaluationError``."""
        if self._slow:
            raise EvaluationError(self._slow)
        data = {name: _set(values.get(name)) for name in self.names - self._reserved}
        if self._reserved:
            data[ROOT] = {name: _set(values.get(name)) for name in self._reserved}
        self._check_size(data, limits)
        self._clock.now = limits.now
        started = time.monotonic()
        try:
            result = self._compiled.eval(data=data)
            return self._json(result, limits, 0)
        except (RuntimeError, TypeError, OverflowError) as error:
            raise EvaluationError(_readable(str(error))) from None
        finally:
            took = time.monotonic() - started
            if took > MAX_SECONDS:
                self._slow = (
                    f"not computed any more in this run: it took {took:.1f} s for one object"
                )

    def _check_size(self, data: Mapping[str, Any], limits: Limits) -> None:
        try:
            size = len(msgspec.msgpack.encode(data))
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise EvaluationError("the object is nested too deeply, or is not JSON") from None
        if size > self._most:
            raise EvaluationError(
                f"the fields have {size} bytes: CEL is computed of {self._most} at most"
            )

    def _json(self, value: Any, limits: Limits, depth: int) -> Any:
        """Return a value of the library as JSON."""
        if depth > 32:
            raise EvaluationError("the value is nested more than 32 times")
        limits.spend(1)
        kind = value.type()
        plain = value.value()
        if kind == self._library.Type.ERROR:
            raise EvaluationError(_readable(str(plain)))
        if plain is None or isinstance(plain, bool):
            return plain
        if isinstance(plain, int | float):
            return bounded(plain)
        if isinstance(plain, str):
            limits.spend_on_text(len(plain))
            return plain
        if isinstance(plain, list):
            limits.spend(len(plain))
            return [self._json(item, limits, depth + 1) for item in plain]
        if isinstance(plain, dict):
            limits.spend(len(plain))
            return {_key(key): self._json(item, limits, depth + 1) for key, item in plain.items()}
        if isinstance(plain, datetime):
            return plain.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        if isinstance(plain, timedelta):
            return plain.total_seconds()
        raise EvaluationError(f"the value is a {kind.name()}, which JSON does not have")


def compile_cel(source: str, names: Collection[str]) -> CelExpression:
    """Compile an expression of strict CEL.

    Variables have their names; those whose names are reserved words of CEL, such as
    ``namespace``, are fields of ``r``. Raises ``ExpressionError``.
    """
    return CelExpression(source, frozenset(names))


def _library() -> ModuleType:
    try:
        return importlib.import_module("cel_expr_python.cel")
    except ImportError:
        raise ExpressionError(
            "strict CEL needs the library cel-expr-python: install xpjob[cel], or write the"
            " expression without cel:",
            1,
        ) from None


def _extension(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"cel_expr_python.ext.{module}"), name)()


def _set(value: Any) -> Any:
    return None if value is msgspec.UNSET else value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise EvaluationError("a map with a key that is no text: JSON does not have that")
    return key


def _readable(message: str) -> str:
    """Return the library's message without its status codes."""
    return _NOISE.sub("", message.split("\n", 1)[0])[:200]


def _mistake(source: str, message: str, names: Collection[str]) -> ExpressionError:
    """Return the error for the library's message, which has lines and columns in it."""
    found = _PLACE.search(message)
    if not found:
        return ExpressionError(_readable(message), 1)
    line, column, what = int(found[1]), int(found[2]), found[3]
    lines = source.splitlines(keepends=True)
    at = sum(map(len, lines[: line - 1])) + column if line > 0 else 1
    undeclared = re.match(r"undeclared reference to '([\w.]+)'", what)
    reserved = re.match(r"reserved identifier: (\w+)", what)
    if reserved and reserved[1] in names:
        what = f"{reserved[1]!r} is a reserved word of CEL: write {ROOT}.{reserved[1]}"
    elif undeclared:
        similar = difflib.get_close_matches(undeclared[1][:64], [name[:64] for name in names], 3)
        mended = f": did you mean {' or '.join(similar)}?" if similar else ""
        what = f"unknown name or function {undeclared[1][:40]!r}{mended}"
    return ExpressionError(_readable(what), max(1, min(at, len(source) + 1)))
