"""``xpjob sources explain``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpjob.collectors.sources.options import SourcesOptions
from xpjob.commands.options import Command, with_options
from xpjob.commands.sources.documents import FILE, check_stdin, documents_of
from xpjob.config.option import Config
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions

if TYPE_CHECKING:
    from xpjob.collectors.sources.compile import Compiled
    from xpjob.collectors.sources.documents.places import Document
    from xpjob.collectors.sources.explaining import Wanted
    from xpjob.collectors.sources.objects import Item
    from xpjob.kube.discovery import Kind
    from xpjob.run.plan import PlanningWorld

    Found = tuple[Kind, Sequence[int], Item]


@click.command(cls=Command)
@click.argument("source")
@click.argument("target", metavar="KIND/[NAMESPACE/]NAME")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=FILE,
    help="File, directory, or - with the source, instead of all other places; may be repeated.",
)
@click.option(
    "--objects",
    type=FILE,
    help="File, directory, or - with the object; no cluster is asked then.",
)
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Format.")
@with_options(KubeOptions, SourcesOptions, NetOptions, OutputOptions)
def explain(
    config: Config,
    source: str,
    target: str,
    files: tuple[Path, ...],
    objects: Path | None,
    output: str,
) -> None:
    """Print what a source makes of one object, value by value.

    For each field and metric: its path, the value in the object, what it is converted to, and the
    samples that come of it; or why there is none. SOURCE is the value of the label source. Sources
    are read as a run does it, from files, ConfigMaps and objects; the object is read by one GET.

    Exits with 0 also if nothing comes of the object, with 1 if there is no such object, or if the
    source does not count its kind.

    \b
    Why does this certificate not count?
        xpjob sources explain certificates certificate/team-a/web
    """
    from xpjob.collectors.sources import explaining
    from xpjob.collectors.sources.compile import compile_documents
    from xpjob.collectors.sources.explaining import Wanted
    from xpjob.collectors.sources.objects import place_of, read_objects
    from xpjob.collectors.sources.program import Limits
    from xpjob.terminal import output as printed

    log.configure_for(config[OutputOptions], bounded=True)
    options = config[SourcesOptions]
    check_stdin(files, objects)
    try:
        wanted = Wanted.parse(target)
        given = read_objects(objects) if objects else []
    except ValueError as error:  # of which ObjectsError is one
        raise click.UsageError(str(error)) from error
    world = None if objects else _world(config)
    made = compile_documents(_documents(files, options, world), options.mode)
    refused = [each for each in made.refused if each.name == source]
    compiled = {each.source.name: each for each in made.compiled}
    if source not in compiled and refused:
        for each in refused:
            for problem in each.problems:
                printed.echo(str(problem), err=True)
        sys.exit(2)
    if source not in compiled:
        raise click.UsageError(explaining.named(compiled, source))
    chosen = compiled[source]
    kind, targets, item = (
        _in_cluster(chosen, wanted, world) if world else _in_objects(chosen, wanted, given)
    )
    parts = explaining.explain(chosen, targets, kind, item, options, Limits(time.time()))
    namespace, name = place_of(item)
    found = "/".join(filter(None, (kind.kind, namespace, name)))
    if output == "json":
        origin = chosen.document.origin
        document = {"source": source, "origin": origin, "object": found}
        printed.echo(json.dumps({**document, "targets": explaining.as_json(parts)}, indent=2))
    else:
        printed.echo(f"{found}, for source {source} ({chosen.document.origin})")
        printed.echo(explaining.as_text(parts))


def _documents(
    files: Sequence[Path], options: SourcesOptions, world: PlanningWorld | None
) -> list[Document]:
    from xpjob.collectors.sources.planning import read_documents
    from xpjob.terminal import output as printed

    if files:
        return documents_of(files)
    if world is None:
        if not options.metric_sources:
            raise click.UsageError("with --objects, set --file or METRIC_SOURCES")
        return documents_of([Path(options.metric_sources)])
    found, unread, remarks = read_documents(world, options)
    for text in (*map(str, unread.values()), *remarks):
        printed.echo(f"warning: {text}", err=True)
    return found


def _world(config: Config) -> PlanningWorld:
    from xpjob.kube.discovery import discover
    from xpjob.run.plan import PlanningWorld, connected

    api, kube = connected(config), config[KubeOptions]
    return PlanningWorld(
        api,
        discover(api, kube.concurrency),
        config[SourcesOptions],
        kube.page_size,
        kube.concurrency,
    )


def _in_cluster(compiled: Compiled, wanted: Wanted, world: PlanningWorld) -> Found:
    import msgspec

    from xpjob.base.errors import BadAnswerError, NotFoundError, XpjobError
    from xpjob.collectors.sources.kinds import Kinds
    from xpjob.kube.mend import UNREADABLE

    kinds = Kinds(world)
    targets: dict[Kind, list[int]] = {}
    counted: list[str] = []
    for number, target in enumerate(compiled.source.targets):
        for kind in kinds.of(target)[0]:
            counted.append(kind.kind)
            if wanted.is_kind(kind) and number not in targets.setdefault(kind, []):
                targets[kind].append(number)
    if len({kind.gvr[::2] for kind in targets}) > 1:
        names = ", ".join(f"{kind.resource}.{kind.group}" for kind in targets)
        raise click.UsageError(f"{wanted.kind} is ambiguous: expected one of {names}")
    if not targets:
        raise XpjobError(_not_counted(compiled, wanted, counted))
    kind, numbers = next(iter(targets.items()))
    if kind.namespaced and not wanted.namespace:
        raise click.UsageError(f"{kind.kind} is namespaced: expected KIND/NAMESPACE/NAME")
    path = f"{kind.path(wanted.namespace if kind.namespaced else '')}/{wanted.name}"
    try:
        body = world.api.get(path, {}, accept="application/json").body
        return kind, numbers, msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE as error:
        raise BadAnswerError(f"GET {path}: the answer is not an object ({error})") from error
    except NotFoundError as error:
        place = "/".join(filter(None, (wanted.namespace, wanted.name)))
        raise NotFoundError(f"GET {path}: there is no {kind.kind} {place}") from error


def _in_objects(compiled: Compiled, wanted: Wanted, given: Sequence[Item]) -> Found:
    from xpjob.base.errors import NotFoundError, XpjobError
    from xpjob.collectors.sources.objects import kind_of
    from xpjob.collectors.sources.offline import counts
    from xpjob.collectors.sources.report import target_text

    found = [each for each in given if wanted.is_kind(kind_of(each)) and wanted.is_object(each)]
    if len(found) > 1:
        raise click.UsageError(
            f"{len(found)} objects have this kind and name: set the namespace and, as in"
            " deployment.apps, the group"
        )
    if not found:
        raise NotFoundError(f"there is no such object among the {len(given)} of --objects")
    kind, targets = kind_of(found[0]), compiled.source.targets
    numbers = [number for number, target in enumerate(targets) if counts(target, kind)]
    if not numbers:
        raise XpjobError(_not_counted(compiled, wanted, list(map(target_text, targets))))
    return kind, numbers, found[0]


def _not_counted(compiled: Compiled, wanted: Wanted, kinds: Sequence[str]) -> str:
    counted = ", ".join(dict.fromkeys(kinds)) or "no kind that the API serves"
    return f"source {compiled.source.name} does not count {wanted.kind}: it counts {counted}"
