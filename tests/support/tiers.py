"""Which tests start processes or serve S3, found out; and a guard that holds the others to it.

A test is of the fast tier unless it, one of its fixtures, or a helper that they name leads to
``subprocess`` or to one of ``SERVERS``. What this overlooks (a process that the program itself
starts) is marked ``process`` by hand: in the fast tier the guard fails it otherwise.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from support.paths import TESTS

SERVERS = ("support.s3_server.serve_s3",)
"""Helpers that start a server in this process that is too slow for the fast tier."""
_STARTS = ("subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system", "os.spawn")


def starts_processes(item: pytest.Function) -> bool:
    """Tell whether a test leads to a process or to a server of ``SERVERS``."""
    fixtures = (d for found in item._fixtureinfo.name2fixturedefs.values() for d in found)
    todo: list[Any] = [item.function, *(definition.func for definition in fixtures)]
    seen: set[int] = set()
    while todo:
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if found is subprocess or getattr(found, "__module__", "") == "subprocess":
            return True
        if isinstance(found, FunctionType) and f"{found.__module__}.{found.__name__}" in SERVERS:
            return True
        todo += _named(found)
    return False


def _named(found: Any) -> Iterator[Any]:
    """Return what of the tests' own a function or a class names."""
    if isinstance(found, type) and _ours(sys.modules.get(found.__module__)):
        yield from vars(found).values()
        yield from found.__bases__
    elif isinstance(found, staticmethod | classmethod | property):
        yield found.fget if isinstance(found, property) else found.__func__
    elif wrapped := getattr(found, "__wrapped__", None) or getattr(
        getattr(found, "hypothesis", None), "inner_test", None
    ):
        yield wrapped
    elif isinstance(found, FunctionType) and _ours(sys.modules.get(found.__module__)):
        for name in _names(found.__code__):
            value = found.__globals__.get(name)
            if value is not None:
                yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _ours(module: ModuleType | None) -> bool:
    return str(TESTS) in str(getattr(module, "__file__", ""))


class Guard:
    """Raises where a process is started, or a server of ``SERVERS``, while ``on``."""

    def __init__(self) -> None:
        self.on = False
        self.heard = ""
        sys.addaudithook(self._heard)  # nobody can take it away again

    def _heard(self, event: str, _arguments: object) -> None:
        if self.on and (event.startswith(_STARTS) or event == "xpjob.tests.server"):
            self.on = False  # what is done about it may start processes
            self.heard = f"{event} in the fast tier: mark this test with `process`"
            raise AssertionError(self.heard)
