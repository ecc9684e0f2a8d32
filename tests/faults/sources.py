"""What is wrong with the documents of sources, or with the objects that they count.

A good source counts widgets in each case; what becomes of the others is their state.
"""

from __future__ import annotations

from typing import Any

from faults.breaking import Setup, many
from faults.world import World
from support.sources import GADGET, WIDGET, count, gauge, widget
from xpjob.commands.groups import GROUPS, chosen
from xpjob.config.option import load
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.run import job
from xpjob.terminal.progress import Silent

GOOD = "good"
COMPUTED = """\
  computed: [{name: never, expression: '%s'}]
  aggregations: [{name: %s, function: count, filter: {field: text, operator: matches, value: '%s'}}]
"""
# Each level has nine of the level below it.
BOMB = "a0: &a0 [x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
)


def document(text: str, /, **spec: Any) -> Setup:
    """Put a document beside the good one; ``spec`` is that of one more widget."""

    def setup(world: World) -> None:
        world.cluster.kinds = (*world.cluster.kinds, WIDGET, GADGET)
        for number in range(3):
            world.cluster.apply(WIDGET, widget("team-a", f"w{number}", number))
        if spec:
            world.cluster.apply(WIDGET, {**widget("team-a", "hostile"), "spec": spec})
        world.cluster.apply(GADGET, {"metadata": {"name": "g"}, "spec": {"size": 1}})
        directory = world.directory / "sources"
        directory.mkdir()
        (directory / f"{GOOD}.yaml").write_text(count(GOOD))
        (directory / "bad.yaml").write_text(text)
        world.environ |= {"COLLECTORS": "crossplane,sources", "METRIC_SOURCES": str(directory)}

    return setup


def forbidden() -> Setup:
    """Refuse the list of a kind that one source counts, after a run in which it was made."""

    def setup(world: World) -> None:
        document(count("bad", kind="Gadget"))(world)
        config = load({}, world.environ, GROUPS)
        assert job.run(config, chosen(config), Silent()).errors == []
        world.cluster.fault = lambda path, _: Fault(403) if path.endswith("/gadgets") else None

    return setup


def files(number: int) -> Setup:
    """Put that many documents into the directory, and as many into ConfigMaps of one tenant."""

    def setup(world: World) -> None:
        document(count("bad"))(world)
        for each in range(number):
            text = count(f"s{each}", f"f{each % 100}")
            (world.directory / "sources" / f"s{each}.yaml").write_text(text)
        labels = {"xp-tracker.kanzi.io/config": "sources"}
        metadata = {"namespace": "team-b", "labels": labels}
        data = {f"{each}.yaml": count(f"t{each}") for each in range(1000)}
        for each in range(number // 1000):
            item = {"metadata": {**metadata, "name": f"m{each}"}, "data": data}
            world.cluster.apply(CONFIGMAP, item)

    return setup


def _fields(more: str) -> str:
    text = count("bad").replace("[{name: size, path: spec.size, type: integer}]", "FIELDS")
    head = text.partition("  aggregations:")[0]
    fields = "[{name: text, path: spec.text}, {name: items, path: spec.items, type: json}]"
    return head.replace("FIELDS", fields) + more


ENDLESS = _fields(
    COMPUTED % ("items.map(a, items.map(b, items.map(c, a + b + c)))", "bad", "(x+x+)+y")
)
NESTED = _fields(COMPUTED % ("(" * 2000 + "1" + ")" * 2000, "bad", "a{1000000}"))
QUANTITY = count("bad").replace("spec.size, type: integer", "spec.big, type: quantity")
NUMBER = gauge("sizes").replace("[spec, size]", "[spec, big]")

INVALID, NO_KIND, STALE = "new; a source invalid", "new; a source noKind", "new; a source stale"
TRUNCATED, ERRORS = "new; a source truncated", "new; a source has errors"
BOUNDED = "new; 2000 sources, others invalid"
STATES: dict[str, set[str]] = {
    INVALID: {"invalid"},
    NO_KIND: {"noKind"},
    STALE: {"stale"},
    TRUNCATED: {"truncated"},
    ERRORS: {"errors"},
    BOUNDED: {"ok", "invalid"},
}
"""What the snapshot has besides what is new: the states of all sources but the good one."""

FAULTS: tuple[tuple[str, str, Setup, str, int, tuple[str, ...]], ...] = (
    ("a document with mistakes", "among good ones", document("kind: MetricSource\nspec: {a: b}\n"),
     INVALID, 0, ()),
    ("a YAML bomb of aliases", "among good ones", document(BOMB), INVALID, 0, ()),
    ("an expression and a pattern nested without end", "among good ones", document(NESTED),
     INVALID, 0, ()),
    ("an expression and a pattern that take for ever", "one object",
     document(ENDLESS, text="x" * 50_000, items=list(range(1000))), ERRORS, 0, ()),
    ("the quantity 2E6024865272343", "one object",
     document(QUANTITY, big="2E6024865272343"), ERRORS, 0, ()),
    ("the number 2E6024865272343, custom resource state", "one object",
     document(NUMBER, big="2E6024865272343"), ERRORS, 0, ()),
    ("a kind that is not served", "among good ones", document(count("bad", kind="Gizmo")),
     NO_KIND, 0, ()),
    ("403", "the list of one source", forbidden(), STALE, 1, ("403",)),
    ("more series than SOURCE_MAX_SERIES", "one source",
     many(document(gauge("sizes")), SOURCE_MAX_SERIES="2"), TRUNCATED, 0, ()),
    ("10,000 files, 10,000 documents of a tenant", "before",
     many(files(10_000), RUN_DEADLINE_SECONDS="120", PUSH_TIMEOUT_SECONDS="20"), BOUNDED, 0, ()),
)  # fmt: skip
"""Fault, moment, setup, what the snapshot has, failed lists, and what is in the log."""
