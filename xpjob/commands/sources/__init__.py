"""``xpjob sources``: check, explain and convert documents of the collector sources."""

from __future__ import annotations

import click

from xpjob.commands.sources.check import check
from xpjob.commands.sources.convert import convert
from xpjob.commands.sources.explain import explain


@click.group()
def sources() -> None:
    """Check, explain and convert sources: what a team defines to be counted.

    A source is a MetricSource, or the custom resource state configuration of kube-state-metrics.
    """


for _command in (check, explain, convert):
    sources.add_command(_command)
