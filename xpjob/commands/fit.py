"""``xpjob fit``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions

if TYPE_CHECKING:
    from rich.table import Table

    from xpjob.collectors.capacity.placement import Placement, Question

T = TypeVar("T")

_SHOWN = 20
"""Nodes that are printed; JSON has all."""


@click.command(cls=Command)
@click.option("--cpu", metavar="QUANTITY", help="Cores that each pod requests, e.g. 500m.")
@click.option("--memory", metavar="QUANTITY", help="Memory that each pod requests, e.g. 8Gi.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=QUANTITY",
    help="Another resource that each pod requests, e.g. nvidia.com/gpu=1.",
)
@click.option("--count", type=click.IntRange(1), default=1, help="Pods to place (default 1).")
@click.option("--selector", "-l", metavar="TEXT", help="Only nodes with these labels.")
@click.option(
    "--tolerate",
    multiple=True,
    metavar="KEY[=VALUE][:EFFECT]",
    help="Taint that the pods tolerate.",
)
@click.option(
    "--group-by",
    metavar="NAMES",
    help="Count by these, comma-separated: pool, zone, instanceType, capacityType, state, or label "
    "keys of nodes.",
)
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_options(StoreOptions, AccessOptions, NetOptions, OutputOptions)
def fit(
    config: Config,
    cpu: str | None,
    memory: str | None,
    resources: tuple[str, ...],
    count: int,
    selector: str | None,
    tolerate: tuple[str, ...],
    group_by: str | None,
    output: str,
    url: str | None,
) -> None:
    """Print how many more pods fit, where, and what the nearest nodes lack for the rest.

    It answers from the nodes in the newest snapshot, which the collector capacity stores. Each node
    is asked for itself, as the scheduler does; affinity, volumes and host ports are not considered.
    Exits 0 also if nothing fits; with --strict, 1 if not all of --count do.

    \b
    Is there room for 20 workers?
        xpjob fit --cpu 2 --memory 8Gi --count 20 --url http://localhost:8080
    For a pod with a GPU, by pool:
        xpjob fit --cpu 4 --resource nvidia.com/gpu=1 --tolerate nvidia.com/gpu --group-by pool
    """
    import msgspec

    from xpjob.base.times import now
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.capacity.placement import FIELDS, Node, place
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader.parameters import QueryError
    from xpjob.reader.show import Source
    from xpjob.terminal.tables import stdout

    log.configure_for(config[OutputOptions])
    asked = {"cpu": cpu, "memory": memory}
    question = _question(asked, resources, count, selector, tolerate, group_by)
    try:
        pairs = [("format", "ndjson"), ("fields", ",".join(FIELDS))]
        _, answer = Source(config, url, COLLECTORS, EXTENSIONS).table("nodes", pairs)
    except QueryError as error:
        text = f"{error.for_people()}; the collector capacity stores nodes: add it to COLLECTORS"
        raise click.UsageError(text) from error
    nodes = msgspec.json.Decoder(list[Node]).decode(b"[%s]" % b",".join(answer.body.splitlines()))
    placement = place(nodes, question)
    if output == "json":
        document = {
            "generatedAt": answer.generated_at,
            "carriedSince": answer.carried_since,
            **msgspec.to_builtins(placement),
        }
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    else:
        age = answer.age(int(now().timestamp()))
        console = stdout()
        console.print(_summary(placement) + age, highlight=False)
        for table in _tables(placement, question):
            console.print(table)
    if config[OutputOptions].strict and placement.missing:
        sys.exit(1)


def _question(
    asked: dict[str, str | None],
    resources: tuple[str, ...],
    count: int,
    selector: str | None,
    tolerate: tuple[str, ...],
    group_by: str | None,
) -> Question:
    from xpjob.collectors.capacity.fit import Shape
    from xpjob.collectors.capacity.options import amount, resource_name
    from xpjob.collectors.capacity.placement import Question, Toleration
    from xpjob.config.parsers import split
    from xpjob.kube.selectors import Selector

    requests = {
        name: _parsed(f"--{name}", partial(amount, name), text)
        for name, text in asked.items()
        if text is not None
    }
    for text in resources:
        name, equals, quantity = text.partition("=")
        if not equals:
            raise click.UsageError(f"--resource: {text!r} is not of the form NAME=QUANTITY")
        name = _parsed("--resource", resource_name, name)
        if name in requests:
            raise click.UsageError(f"--resource: {name} is given twice")
        requests[name] = _parsed("--resource", partial(amount, name), quantity)
    if not requests:
        raise click.UsageError("give what each pod requests: --cpu, --memory or --resource")
    return Question(
        Shape.of("", requests),
        count,
        _parsed("--selector", Selector.parse, selector or ""),
        [_parsed("--tolerate", Toleration.parse, text) for text in tolerate],
        split(group_by or ""),
    )


def _parsed(flag: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise click.UsageError(f"{flag}: {error}") from error


def _summary(placement: Placement) -> str:
    fits = f"{placement.fits} {'pod fits' if placement.fits == 1 else 'pods fit'}"
    nodes = f"{len(placement.nodes)} {'node' if len(placement.nodes) == 1 else 'nodes'}"
    text = f"{fits} on {nodes}" if placement.fits else "no pod fits"
    return text + (
        f"; {placement.missing} of {placement.count} do not" if placement.missing else ""
    )


def _tables(placement: Placement, question: Question) -> Iterator[Table]:
    from rich.table import Table

    from xpjob.kube.quantity import format_quantity, from_json
    from xpjob.reader.terminal import plain

    def table(title: str, *names: str) -> Table:
        made = Table(title=title, title_justify="left")
        for name in names:
            made.add_column(name, justify="right" if name in ("pods", "nodes") else "left")
        return made

    if placement.groups:
        made = table("By group", ",".join(question.group_by), "nodes", "pods")
        for room in placement.groups:
            made.add_row(plain(room.name), str(room.nodes), str(room.fits))
        yield made
    if placement.nodes:
        shown = placement.nodes[:_SHOWN]
        more = f" ({len(shown)} of {len(placement.nodes)})" if len(placement.nodes) > _SHOWN else ""
        made = table(f"Nodes with room{more}", "node", "pods")
        for room in shown:
            made.add_row(plain(room.name), str(room.fits))
        yield made
    if placement.nearest:
        made = table("What the nearest nodes lack for one more", "node", "lacks")
        for lack in placement.nearest:
            parts = (
                f"{format_quantity(from_json(value), name)} {name}"
                for name, value in lack.lacks.items()
            )
            made.add_row(plain(lack.node), plain(", ".join(parts)))
        yield made
    if placement.excluded:
        made = table("Nodes that are not in question", "why", "nodes", "pods")
        for room in placement.excluded:
            made.add_row(plain(room.name), str(room.nodes), str(room.fits))
        yield made
