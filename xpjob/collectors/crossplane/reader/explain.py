"""``xpjob explain``: one tree on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from xpjob.base.times import ago
from xpjob.base.visible import one_line
from xpjob.collectors.crossplane.reader import parameters
from xpjob.collectors.crossplane.reader.blockers import (
    DELETING,
    NOT_READY,
    NOT_SYNCED,
    PAUSED,
    READY,
    since_when,
)
from xpjob.collectors.crossplane.reader.rows import seconds
from xpjob.collectors.crossplane.reader.tree import tree
from xpjob.collectors.crossplane.reader.view import Bookkeeping
from xpjob.reader.parameters import QueryError, check, shown

Json = dict[str, Any]

_COLOURS = {
    READY: "green",
    NOT_READY: "yellow",
    NOT_SYNCED: "red",
    PAUSED: "blue",
    DELETING: "magenta",
}
_SHORT = 160


class Explainer:
    """What the command asks for, and how it prints the answer."""

    path = "bookkeeping/tree"

    def pairs(self, target: str) -> list[tuple[str, str]]:
        """Return the parameters that ``kind/namespace/name`` or ``kind/name`` stands for.

        A kind may have its group behind a dot, as kubectl takes it. Raises ``QueryError``.
        """
        kind, *rest = target.split("/")
        if not kind or len(rest) not in (1, 2) or not all(rest):
            raise QueryError(
                "bad-value", f"{shown(target)} is neither kind/namespace/name nor kind/name"
            )
        kind, _, group = kind.partition(".")
        namespace = rest[0] if len(rest) == 2 else ""
        pairs = [("kind", kind), ("name", rest[-1]), ("namespace", namespace)]
        return [*pairs, ("group", group)] if group else pairs

    def explain(self, view: Bookkeeping, pairs: Sequence[tuple[str, str]], now: int) -> Json:
        """Return the tree of a record. Raises ``QueryError``."""
        return tree(view, check(pairs, parameters.TREE), now, stale=False)

    def print(self, document: Json, console: Console, now: int) -> None:
        """Print the sentence, then the tree: state, how long, why, and age of each."""
        show(document, console, now)


def show(document: Json, console: Console, now: int) -> None:
    """Print the sentence, then the tree: state, how long, why, and age of each."""
    console.print(Text(one_line(document["sentence"])), soft_wrap=True)
    console.print()
    made: list[Tree] = []
    for node in document["nodes"]:
        label = _label(node, now)
        if node["parent"] is None:
            made.append(Tree(label))
        else:
            made.append(made[node["parent"]].add(label))
    for branch, node in zip(made, document["nodes"], strict=True):
        if node["leftOut"]:
            branch.add(Text(f"and {node['leftOut']} more", style="dim"))
    console.print(made[0])
    console.print()
    console.print(Text(one_line(f"As of {document['generatedAt']}."), style="dim"))


def _label(node: Json, now: int) -> Text:
    state = node["state"]
    where = f"{node['namespace']}/" if node["namespace"] else ""
    label = Text()
    label.append(f"{one_line(node['kind'])} ", style="dim")
    label.append(one_line(f"{where}{node['name']}"), style="bold")
    label.append(f"  {state}", style=_COLOURS[state])
    if state not in (READY, NOT_READY):
        label.append("" if node["ready"] else " and not ready", style=_COLOURS[state])
    if (start := seconds(since_when(node))) is not None:
        label.append(f" for {ago(now - start)}", style=_COLOURS[state])
    if node["asked"]:
        label.append("  ← asked for", style="dim")
    if node["blocks"]:
        label.append("  ← blocks", style="bold red")
    facts = [node.get("reason"), _why(node), _aged(node), node.get("provider")]
    facts += ["kept from an earlier run" if node["carriedSince"] else ""]
    if text := " · ".join(one_line(fact) for fact in facts if fact):
        label.append(f"\n{text}", style="dim")
    return label


def _why(node: Json) -> str:
    """Return the message; a controller's own error says more than "waiting"."""
    message = node["message"] if not node["ready"] else ""
    if node["syncedStatus"] in ("False", "Unknown"):
        message = ": ".join(filter(None, (node["syncedReason"], node["syncedMessage"]))) or message
    return message if len(message) <= _SHORT else f"{message[:_SHORT]}…"


def _aged(node: Json) -> str:
    return "" if node["ageSeconds"] is None else f"{ago(node['ageSeconds'])} old"
