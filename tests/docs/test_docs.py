"""The documentation: links and paths resolve, the README is short, and the language is common."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.docs_pages import PAGES, anchors, page, prose
from support.paths import ROOT

_SKIPPED = {".venv", ".git", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", "dist"}
FILES = sorted(
    path
    for top in ROOT.iterdir()
    if top.name not in _SKIPPED
    for path in (top.rglob("*.md") if top.is_dir() else [top])
    if path.suffix == ".md"
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NODE = re.compile(r"\b(tests/\w[\w/]*\.py)::(\w+)")
_PATH = re.compile(r"`((?:k8s|scripts|tests|xpjob)/[\w./-]+)")
# Words of this project's own that no Kubernetes or Prometheus user would say.
PHRASES = (
    *("is told", "are told", "was told", "told as", "in earnest", "asking for less"),
    *("what you can rely on", "what is no ", "is no url", "whatever it is"),
    *("as it should be", "as they should be", "looks", "holds", "to be had"),
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_page_is_checked() -> None:
    """No page is outside of the search."""
    assert set(PAGES.values()) <= set(FILES)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_relative_links_resolve(path: Path) -> None:
    """File and anchor exist."""
    for link in _LINK.findall(prose(path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_tests_that_are_named_exist(path: Path) -> None:
    """As a node id."""
    for file, test in _NODE.findall(path.read_text()):
        assert f"\ndef {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


@pytest.mark.parametrize("path", sorted(PAGES.values()), ids=_name)
def test_paths_that_are_named_exist(path: Path) -> None:
    """In the repository, if they start with one of its directories."""
    for named in _PATH.findall(path.read_text()):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize("name", PAGES)
def test_the_language_is_that_of_the_field(name: str) -> None:
    """Private phrases do not come back."""
    text = re.sub(r"\s+", " ", prose(page(name))).lower()
    assert [phrase for phrase in PHRASES if re.search(rf"\b{phrase}\b", text)] == []


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    """At most 200 lines; a fresh machine is set up with the demo and the tests."""
    readme = page("readme")
    assert len(readme.splitlines()) <= 200
    assert "scripts/demo" in readme
    assert "scripts/test" in readme
    for name in PAGES.keys() - {"readme"}:
        assert f"({PAGES[name].relative_to(ROOT)}" in readme, name
