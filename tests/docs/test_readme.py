"""The documentation names everything that a user can set, call or query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

import click
import pytest

from support.docs_pages import generated, page, section
from support.paths import GOLDEN, ROOT
from support.samples import report, snapshot
from support.snapshots import inventory
from xpjob.cli import cli
from xpjob.collect.description import Severity
from xpjob.collect.meters import Key
from xpjob.collectors.capacity import findings as capacity
from xpjob.collectors.capacity.options import CapacityOptions
from xpjob.collectors.clusters import findings as clusters
from xpjob.collectors.clusters.options import ClusterOptions
from xpjob.collectors.crossplane import findings as crossplane
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.deployments import findings as deployments
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.collectors.services import findings as services
from xpjob.collectors.services.options import ServiceOptions
from xpjob.collectors.sources import findings as sources
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.commands.groups import GROUPS, OPTIONS
from xpjob.config.option import Group, Option, declared, options
from xpjob.publish import exposition
from xpjob.reader.options import AccessOptions, ReaderOptions
from xpjob.run.counting import usage_metrics
from xpjob.run.hub.members import Member
from xpjob.run.hub.metrics import families as hub_families
from xpjob.run.hub.names import Known
from xpjob.run.hub.outcome import Outcome
from xpjob.run.hub.probe import Probe
from xpjob.usage.counters import of_collector
from xpjob.usage.rules import BRIDGED, OBSERVED
from xpjob.usage.state import Total, UsageState

HEAD = "| variable | option | default | what it does |\n|---|---|---|---|\n"


def row(option: Option) -> str:
    """Return an option's row of the table."""
    flag = "(variable only)" if option.secret else f"`{option.flag}`"
    default = f"`{option.default}`" if option.default else ""
    also = ", ".join(f"`{name}`" for name in (*option.variables[1:], *option.flags[1:]))
    text = option.help + (f" Also {also}." if also else "")
    return f"| `{option.variable}` | {flag} | {default} | {text} |\n"


def rows(*groups: type[Group]) -> str:
    """Return the table of the options of these groups."""
    return HEAD + "".join(row(option) for group in groups for option in options(group))


def test_every_option_is_documented(request: pytest.FixtureRequest) -> None:
    """Variable, flag, default and help; ``--update-golden`` writes the tables."""
    write = request.config.getoption("--update-golden")
    titles = dict.fromkeys(group.title for group in GROUPS)
    by_title = {
        title: [row(each) for group, each in declared(GROUPS) if group.title == title]
        for title in titles
    }
    table = "\n".join(f"**{title}**\n\n{HEAD}{''.join(by_title[title])}" for title in titles)
    generated("config", "options", f"\n{table}\n", write=write)
    generated(
        "crossplane", "options of the collector", f"\n{rows(CrossplaneOptions)}\n", write=write
    )
    generated("capacity", "options of capacity", f"\n{rows(CapacityOptions)}\n", write=write)
    generated("clusters", "options of clusters", f"\n{rows(ClusterOptions)}\n", write=write)
    generated(
        "deployments", "options of deployments", f"\n{rows(DeploymentOptions)}\n", write=write
    )
    generated("sources", "options of sources", f"\n{rows(SourcesOptions)}\n", write=write)
    generated("services", "options of services", f"\n{rows(ServiceOptions)}\n", write=write)
    readers = rows(ReaderOptions, AccessOptions)
    generated("reader", "options of the reader", f"\n{readers}\n", write=write)


def test_no_option_is_documented_twice_or_does_not_exist() -> None:
    """The page has one row for each option, and no other."""
    documented = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", page("config"), re.MULTILINE)
    assert sorted(documented) == sorted(option.variable for option in OPTIONS)


def test_every_metric_is_documented() -> None:
    """With its type and labels, once."""
    usage = [
        Total(Key("objects", class_="claim"), 1, 0),
        Total(Key("cpu_requests", namespace="n"), 1, 0),
        Total(Key("memory_requests", namespace="n"), 1, 0),
        *(Total(of_collector(meter, "crossplane"), 1, 0) for meter in (OBSERVED, BRIDGED)),
    ]
    families = [
        *inventory(snapshot()),
        *exposition.outcome(report()),
        *(f for t in usage_metrics(UsageState(totals=tuple(usage))) for f in t.metrics()),
    ]
    lines = page("crossplane", "publish").splitlines()
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert f"| {family.type} |" in line, name
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        for label in labels:
            assert f"`{label}`" in line, (name, label)


def test_every_metric_of_a_hub_is_documented() -> None:
    """With its labels, once."""
    found = Probe(latency=0.1, expires={"token": 1.0})
    member, outcome = Member("east", labels={"tier": "one"}), Outcome("east", 0, probe=found)
    lines = page("hub").splitlines()
    for family in hub_families(member, outcome, Known()):
        (line,) = [line for line in lines if line.startswith(f"| `{family.name}` | gauge |")]
        labels = {label for sample in family.samples for label in sample.labels}
        assert all(f"`{label}`" in line or "`label_*`" in line for label in labels), family.name


@pytest.mark.parametrize(
    ("collector", "findings"),
    [
        ("capacity", capacity.FINDINGS),
        ("deployments", deployments.FINDINGS),
        ("services", services.FINDINGS),
        ("clusters", clusters.FINDINGS),
    ],
)
def test_every_metric_of_collectors_is_documented(collector: str, findings: Sequence[str]) -> None:
    """With its labels, once; and every finding.

    Those of the collector sources, whose families users define, are in ``test_documented.py``.
    """
    found: dict[str, set[str]] = {}
    types: dict[str, str] = {}
    for line in (GOLDEN / f"collectors/{collector}.prom").read_text().splitlines():
        if match := re.match(r"# TYPE (\w+)(?: (\w+))?", line):
            # The golden file has no types of families that tell times.
            found[match[1]], types[match[1]] = set(), match[2] or "gauge"
        elif match := re.match(r"(\w+)\{(.*)\}", line):
            found[match[1]] |= set(re.findall(r'(?:^|,)(\w+)="', match[2]))
    lines = page(collector).splitlines()
    if collector == "sources":  # the others are those of its documents
        found = {name: labels for name, labels in found.items() if name.startswith("xpjob_")}
    for name, labels in found.items():
        (line,) = [line for line in lines if line.startswith(f"| `{name}` | {types[name]} |")]
        assert set(re.findall(r"`(\w+)`", line.split("|")[3])) >= labels, name
    table = section(collector, "## Findings")
    assert re.findall(r"^\| `([A-Z]\w+)` \|", table, re.MULTILINE) == list(findings)


def test_every_severity_is_documented(request: pytest.FixtureRequest) -> None:
    """Of every finding; ``--update-golden`` writes the table."""
    head = "| severity | findings |\n|---|---|\n"
    table = "".join(
        f"| {severity} | {', '.join(f'`{name}`' for name in _of_severity(severity))} |\n"
        for severity in get_args(Severity)[::-1]
        if severity
    )
    write = request.config.getoption("--update-golden")
    generated("collectors", "severities", f"\n{head}{table}\n", write=write)


def _of_severity(severity: str) -> list[str]:
    modules = (crossplane, capacity, deployments, services, clusters, sources)
    every = [pair for module in modules for pair in module.SEVERITIES.items()]
    return [name for name, each in every if each == severity]


def test_guarantees_are_each_backed_by_a_test() -> None:
    """Which exists: ``test_docs`` checks every node id."""
    text = section("tests", "## Guarantees")
    guarantees = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(guarantees) >= 19
    for guarantee in guarantees:
        assert re.findall(r"`(tests/\w[\w/]*\.py)::(test_\w+)`", guarantee), guarantee


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_every_command_is_documented(name: str) -> None:
    """In the README's table of commands."""
    assert f"| `xpjob {name}` |" in page("readme")


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130, 143])
def test_every_exit_code_is_documented(code: int) -> None:
    """In the README's table."""
    assert re.search(rf"^\| {code} \|", section("readme", "## Exit codes"), re.MULTILINE)


def test_the_worked_example_is_the_toy_collector() -> None:
    """To the letter, so that it runs."""
    source = (ROOT / "tests/support/toy.py").read_text()
    assert f"<!-- toy -->\n```python\n{source}```\n" in page("collectors")
