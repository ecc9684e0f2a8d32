"""``xpjob sources check``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from xpjob.collectors.sources.options import SourcesOptions
from xpjob.commands.options import Command, with_options
from xpjob.commands.sources.documents import FILE, check_stdin, documents_of
from xpjob.config.option import Config
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=FILE)
@click.option(
    "--objects",
    type=FILE,
    help="Objects to count, in YAML or JSON as kubectl prints them: a file, a directory, or -.",
)
@click.option(
    "--mode",
    type=click.Choice(["default", "compat"]),
    help="How custom resource state is read, instead of STATE_METRICS_MODE.",
)
@click.option("--namespace", metavar="TEXT", help="Check as if these were a tenant's, from there.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Format.")
@with_options(SourcesOptions, OutputOptions)
def check(
    config: Config,
    files: tuple[Path, ...],
    objects: Path | None,
    mode: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """Print what is wrong with sources; with --objects, exactly the series that would come.

    No cluster is asked. A FILE is a MetricSource, the custom resource state configuration of
    kube-state-metrics, alone or in Helm values or a ConfigMap, a directory of such files, or - for
    stdin; without any, METRIC_SOURCES.

    Exits with 0 if all is well, with 2 if a document has mistakes, and with --strict with 3 if
    there are warnings, or values that are missing or cannot be counted.

    \b
    What would come of the certificates of a cluster?
        kubectl get certificates -A -o yaml > certificates.yaml
        xpjob sources check certificates-source.yaml --objects certificates.yaml
    In CI, with objects beside them:
        xpjob sources check sources/ --objects tests/objects/ --strict
    """
    import time
    from dataclasses import replace

    from msgspec import structs

    from xpjob.collectors.sources import report
    from xpjob.collectors.sources.compile import compile_documents
    from xpjob.collectors.sources.objects import ObjectsError, kinds_of, read_objects
    from xpjob.collectors.sources.offline import evaluate_all
    from xpjob.collectors.sources.program import Limits
    from xpjob.terminal import output as printed

    log.configure_for(config[OutputOptions])
    options = config[SourcesOptions]
    if mode:
        options = structs.replace(options, state_metrics_mode=mode)
    if not files and not options.metric_sources:
        raise click.UsageError("no FILE given, and METRIC_SOURCES is not set")
    files = files or (Path(options.metric_sources),)
    check_stdin(files, objects)
    documents = documents_of(files)
    if namespace:
        documents = [replace(document, namespace=namespace) for document in documents]
    made = compile_documents(documents, options.mode)
    try:
        given = read_objects(objects) if objects else []
    except ObjectsError as error:
        raise click.UsageError(f"--objects: {error}") from error
    limits = Limits(time.time())
    results = evaluate_all(made.compiled, given, limits, options) if objects else []
    kinds = kinds_of(given)
    mistakes = [problem for each in made.refused for problem in each.problems]
    warnings = [str(problem) for each in made.compiled for problem in each.problems]
    for result in results:
        name = result.source.source.name
        warnings += [f"source {name}: {text}" for text in report.remarks(result, kinds)]
    if output == "json":
        found = report.document(made.refused, made.compiled, results, options.mode, kinds)
        printed.echo(json.dumps(found, indent=2))
    else:
        for each in () if objects else made.compiled:
            printed.echo(report.described(each))
        for result in results:
            if text := report.exposition(result, options.mode):
                printed.echo(text)
        for problem in mistakes:
            printed.echo(f"{'warning: ' if problem.warning else ''}{problem}", err=True)
        for text in warnings:
            printed.echo(f"warning: {text}", err=True)
    if made.refused:
        sys.exit(2)
    if warnings and config[OutputOptions].strict:
        sys.exit(3)
