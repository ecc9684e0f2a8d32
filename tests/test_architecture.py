"""Imports go one way, and the core knows no collector."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "xpjob"
ROOMS = (
    *("base", "config", "net", "kube", "metrics", "collect", "store", "snapshot", "usage"),
    *("publish", "run", "reader", "collectors", "terminal", "doctor", "demo", "commands"),
)
"""In the order of DESIGN: a package imports only packages before it."""
COLLECTORS = PACKAGE / "collectors"


def modules() -> list[Path]:
    """Return every module."""
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the names of what a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room_of(path: Path) -> str:
    """Return the package that a module is in, empty for the root."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def rooms_of(path: Path) -> set[str]:
    """Return the packages that a module imports from."""
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "xpjob" and len(parts) > 1} & set(ROOMS)


def test_the_root_holds_nothing_but_packages() -> None:
    """And the three modules that Python and users start from."""
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py"}
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert packages == set(ROOMS)


def test_imports_go_one_way() -> None:
    """A package imports only packages before it, without exception."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in modules()
        if (room := room_of(path))
        for other in sorted(rooms_of(path))
        if ROOMS.index(other) > ROOMS.index(room)
    ]
    assert wrong == []


def test_only_commands_and_the_demo_know_which_collectors_there_are() -> None:
    """They are handed to everybody else."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if room_of(path) not in ("collectors", "commands", "demo")
        and "collectors" in rooms_of(path)
    ]
    assert wrong == []


def test_no_collector_knows_another() -> None:
    """Each imports nothing of the others."""
    names = {path.name for path in COLLECTORS.iterdir() if path.is_dir()} - {"__pycache__"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in COLLECTORS.rglob("*.py")
        if path.parent != COLLECTORS
        for name in imported(path)
        if name.startswith("xpjob.collectors.")
        and name.split(".")[2] in names
        and name.split(".")[2] != path.relative_to(COLLECTORS).parts[0]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in ("collectors", "demo")])
def test_no_core_package_names_a_collector_or_its_kinds(room: str) -> None:
    """Not in code, not in texts, not in the page. ResourceClaims are of Kubernetes itself."""
    named = re.compile(r"crossplane|(?<!resource)(?<!resource_)claim", re.IGNORECASE)
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((PACKAGE / room).rglob("*"))
        if path.suffix in (".py", ".js", ".css", ".html", ".svg")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if named.search(line)
    ]
    assert wrong == []


def test_no_module_imports_itself_in_a_circle() -> None:
    """Following the imports at the top of modules never leads back."""
    top = {module_name(path): set(imported_at_top(path)) for path in modules()}
    known = {name: {other for other in others if other in top} for name, others in top.items()}
    done: set[str] = set()
    while ready := {name for name, others in known.items() if others <= done} - done:
        done |= ready
    assert sorted(known.keys() - done) == []


def module_name(path: Path) -> str:
    """Return what a module is imported as."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imported_at_top(path: Path) -> Iterator[str]:
    """Yield what a module imports when it is imported."""
    package = module_name(path) if path.name == "__init__.py" else ""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            if node.module != package:
                yield node.module
