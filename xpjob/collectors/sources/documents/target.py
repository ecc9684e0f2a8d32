"""Read which objects a MetricSource is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xpjob.collectors.sources.program import Target
from xpjob.config.located import Checker, Node
from xpjob.kube.selectors import Selector

_API_VERSION = re.compile(
    r"(?:([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)/)?(v[0-9][a-z0-9]{0,30}|\*)"
)
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}|\*")
_WORD = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_PATTERN = re.compile(r"[-a-z0-9*?]{1,63}")
_MAX_PATTERNS = 200
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def read_target(node: Node | None, checker: Checker) -> Target:
    """Return what ``spec.source`` says; with a mistake in it, what could be read."""
    keys = ("apiVersion", "kind", "resource", "category", "scope", "namespaces", "labelSelector")
    entries = checker.map(node, keys)
    category = _word(entries.get("category"), checker)
    group, version, kind = _kind(node, entries, checker)
    scope = checker.choice(entries.get("scope"), ("Namespaced", "Cluster"), "")
    namespaces = checker.map(entries.get("namespaces"), ("include", "exclude"))
    if scope == "Cluster" and namespaces:
        checker.warn(entries["namespaces"], "no effect on objects without a namespace")
    return Target(
        group,
        version,
        kind,
        resource=_word(entries.get("resource"), checker),
        category=category,
        namespaced={"Namespaced": True, "Cluster": False}.get(scope),
        include=_patterns(namespaces.get("include"), checker),
        exclude=_patterns(namespaces.get("exclude"), checker),
        label_selector=_selector(entries.get("labelSelector"), checker),
    )


def _kind(node: Node | None, entries: Mapping[str, Node], checker: Checker) -> tuple[str, str, str]:
    api_version, kind = entries.get("apiVersion"), entries.get("kind")
    if "category" in entries:
        for each in (api_version, kind):
            if each is not None:
                checker.error(each, "no place beside category, which stands for several kinds")
        return "", "", ""
    for name in ("apiVersion", "kind"):
        if node is not None and node.is_map and name not in entries:
            checker.error(node, f"{name} is missing")
    text = checker.string(api_version)
    matched = _API_VERSION.fullmatch(text)
    if api_version is not None and api_version.is_text and not matched:
        checker.error(
            api_version, f"invalid apiVersion {text[:80]!r}: expected group/version, as in apps/v1"
        )
    name = checker.string(kind)
    if kind is not None and kind.is_text and not _KIND.fullmatch(name):
        checker.error(kind, f"invalid kind {name[:80]!r}: expected a kind, as in Deployment")
    group, version = matched.groups() if matched else ("", "")
    # Any version is the preferred one: in each of several, the API serves the same objects.
    return group or "", "" if version == "*" else version, name


def _word(node: Node | None, checker: Checker) -> str:
    text = checker.string(node)
    if node is not None and node.is_text and not _WORD.fullmatch(text):
        checker.error(node, f"invalid value {text[:80]!r}: expected lower-case letters and digits")
    return text


def _patterns(node: Node | None, checker: Checker) -> tuple[str, ...]:
    listed = checker.list(node)
    if node is not None and len(listed) > _MAX_PATTERNS:
        checker.error(node, f"more than {_MAX_PATTERNS} entries")
        return ()
    found = []
    for each in listed:
        text = checker.text(each)
        if each.is_scalar and not _PATTERN.fullmatch(text):
            checker.error(
                each, f"invalid namespace {text[:80]!r}: expected a name, with * or ? as wildcards"
            )
        found.append(text)
    return tuple(found)


def _selector(node: Node | None, checker: Checker) -> str:
    """Return a selector as text, also one that is written as a Kubernetes object."""
    if node is None:
        return ""
    text = ",".join(_requirements(node, checker)) if node.is_map else checker.string(node)
    try:
        Selector.parse(text)
    except ValueError as error:
        checker.error(node, str(error))
    return text


def _requirements(node: Node, checker: Checker) -> list[str]:
    entries = checker.map(node, ("matchLabels", "matchExpressions"))
    labels = checker.map(entries.get("matchLabels"))
    found = [f"{key}={checker.text(each)}" for key, each in labels.items()]
    for each in checker.list(entries.get("matchExpressions")):
        parts = checker.map(each, ("key", "operator", "values"), ("key", "operator"))
        key = checker.string(parts.get("key"))
        operator = checker.choice(parts.get("operator"), _OPERATORS, "")
        values = [checker.text(value) for value in checker.list(parts.get("values"))]
        if bool(values) != (operator in ("In", "NotIn")) and operator:
            checker.error(each, f"{operator} takes {'no' if values else 'at least one of'} values")
        if operator in ("In", "NotIn"):
            found.append(f"{key} {operator.lower()} ({','.join(values)})")
        elif operator:
            found.append(f"!{key}" if operator == "DoesNotExist" else key)
    return found
