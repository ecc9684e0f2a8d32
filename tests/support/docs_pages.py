"""Where the documentation is, and how its generated tables are compared or written."""

from __future__ import annotations

import re

from support.paths import ROOT

PAGES = {
    "readme": ROOT / "README.md",
    "k8s": ROOT / "k8s/README.md",
    "collectors": ROOT / "xpjob/collectors/README.md",
    "capacity": ROOT / "xpjob/collectors/capacity/README.md",
    "clusters": ROOT / "xpjob/collectors/clusters/README.md",
    "crossplane": ROOT / "xpjob/collectors/crossplane/README.md",
    "crossplane in the reader": ROOT / "xpjob/collectors/crossplane/reader/README.md",
    "deployments": ROOT / "xpjob/collectors/deployments/README.md",
    "sources": ROOT / "xpjob/collectors/sources/README.md",
    "metric source": ROOT / "xpjob/collectors/sources/METRIC_SOURCE.md",
    "state metrics": ROOT / "xpjob/collectors/sources/STATE_METRICS.md",
    "services": ROOT / "xpjob/collectors/services/README.md",
    "config": ROOT / "xpjob/config/README.md",
    "hub": ROOT / "xpjob/run/hub/README.md",
    "publish": ROOT / "xpjob/publish/README.md",
    "reader": ROOT / "xpjob/reader/README.md",
    "snapshot": ROOT / "xpjob/snapshot/README.md",
    "usage reports": ROOT / "xpjob/usage/REPORTS.md",
    "usage files": ROOT / "xpjob/usage/FILES.md",
    "tests": ROOT / "tests/README.md",
    "scripts": ROOT / "scripts/README.md",
}
_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def page(*names: str) -> str:
    """Return the text of these pages."""
    return "\n".join(PAGES[name].read_text() for name in names)


def section(name: str, heading: str) -> str:
    """Return the text of a section, given its heading with the hashes, without its subsections."""
    _, found, rest = page(name).partition(f"\n{heading}\n")
    assert found, f"{PAGES[name]} has no {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def generated(name: str, what: str, table: str, *, write: bool) -> None:
    """Compare a generated table with the page, between its markers; with ``write`` update it."""
    text = PAGES[name].read_text()
    pattern = rf"(<!-- {re.escape(what)}: [^>]* -->\n).*?(<!-- /{re.escape(what)} -->\n)"
    wanted, count = re.subn(
        pattern, lambda match: match[1] + table + match[2], text, flags=re.DOTALL
    )
    assert count == 1, f"{PAGES[name]} has {count} markers <!-- {what}: ... -->"
    if write:
        PAGES[name].write_text(wanted)
    assert PAGES[name].read_text() == wanted


def prose(text: str) -> str:
    """Return a Markdown text without code and without generated tables."""
    text = re.sub(r"<!-- faults: .*?<!-- /faults -->", "", text, flags=re.DOTALL)
    return _CODE.sub("", _INDENTED.sub("", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a Markdown text."""
    seen: dict[str, int] = {}
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found
