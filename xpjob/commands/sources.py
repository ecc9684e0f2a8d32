"""``xpjob sources``: check and convert sources, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.group()
def sources() -> None:
    """Check, explain and convert the documents of the collector sources.

    A document is a MetricSource, or the custom resource state configuration of kube-state-metrics.
    """


@sources.command(cls=Command)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--objects",
    type=click.Path(exists=True, path_type=Path),
    help="Objects to count, in YAML or JSON: a file or a directory.",
)
@click.option(
    "--mode",
    type=click.Choice(["default", "compat"]),
    default="default",
    help="How custom resource state is read (default: default).",
)
@with_options(OutputOptions)
def check(config: Config, files: tuple[Path, ...], objects: Path | None, mode: str) -> None:
    """Print what is wrong with documents; with --objects, exactly the series that would come.

    Exits 0 if nothing is wrong, 2 if a document has mistakes. With --strict, 1 if there are
    warnings, or values that could not be counted.

    \b
    What would come of the objects of this cluster?
        kubectl get certificates -A -o yaml > certificates.yaml
        xpjob sources check certificates-source.yaml --objects certificates.yaml
    """
    import time

    from xpjob.collectors.sources.compile import compile_documents
    from xpjob.collectors.sources.documents.places import from_files
    from xpjob.collectors.sources.offline import ObjectsError, evaluate, read_objects
    from xpjob.collectors.sources.program import Limits
    from xpjob.collectors.sources.report import described, findings_of, series_of
    from xpjob.terminal import output

    log.configure_for(config[OutputOptions])
    documents = [document for path in files for document in from_files(path)]
    made = compile_documents(documents, "compat" if mode == "compat" else "default")
    try:
        given = read_objects(objects) if objects else []
    except ObjectsError as error:
        raise click.UsageError(f"--objects: {error}") from error
    notes = [str(problem) for each in made.refused for problem in each.problems]
    warnings = [f"warning: {problem}" for each in made.compiled for problem in each.problems]
    for compiled in made.compiled:
        if objects is None:
            output.echo(described(compiled))
            continue
        outcome = evaluate(compiled, given, Limits(time.time()))
        output.echo(series_of(compiled, outcome))
        warnings += findings_of(compiled, outcome)
    for line in (*notes, *warnings):
        output.echo(line, err=True)
    if notes:
        sys.exit(2)
    if warnings and config[OutputOptions].strict:
        sys.exit(1)
