"""The pages of the sources collector: each document in them gives what they show."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import click
import pytest
import yaml
from click.testing import CliRunner

from support import source_examples as examples
from support import state_metrics
from support.docs_pages import PAGES, page, section
from support.paths import ROOT
from xpjob.cli import cli
from xpjob.collectors.sources.compile import Sources
from xpjob.collectors.sources.documents.places import SELECTOR
from xpjob.collectors.sources.metric_source.filters import OPERATORS
from xpjob.collectors.sources.metric_source.paths import compile_path, compile_segments
from xpjob.collectors.sources.metric_source.spec import FUNCTIONS
from xpjob.collectors.sources.metric_source.types import TYPES
from xpjob.collectors.sources.options import Mode
from xpjob.collectors.sources.state_metrics.convert import convert
from xpjob.commands import sources as commands
from xpjob.commands.groups import OPTIONS

RIGHTS = ROOT / "k8s/components/collectors/sources/rbac.yaml"
SOURCE_PAGES = ("sources", "metric source", "state metrics")
HEAD = (
    "apiVersion: clusterpulse.io/v1alpha1\nkind: MetricSource\nmetadata: {name: example}\nspec:\n"
)
TARGET = "  source: {apiVersion: example.org/v1, kind: Database}\n"
FIELDS = "  fields: [{name: uid, path: .metadata.uid, default: none}]\n"
RESOURCE = """\
kind: CustomResourceStateMetrics
spec:
  resources:
    - groupVersionKind: {group: example.org, version: v1, kind: Database}
      metricNamePrefix: db
      labelsFromPath: {name: [metadata, name]}
      metrics:
"""
ANSWERS = ("text series", "text compat", "text rows", "text messages", "yaml converted")
CODE = re.compile(r"^```([a-z ]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of code of a page, with the document and the objects before it."""

    page: str
    number: int
    kind: str
    text: str
    document: str
    objects: str
    answers: bool = False

    def __str__(self) -> str:
        return f"{self.page}-{self.number}-{self.kind}".replace(" ", "-")


def blocks() -> Iterator[Block]:
    """Yield all blocks of all pages, in their order."""
    for name in SOURCE_PAGES:
        document = objects = ""
        found = CODE.findall(page(name))
        for number, (kind, text) in enumerate(found):
            if kind in ("yaml source", "yaml spec", "yaml metric"):
                document, objects = whole(kind, text), ""
            elif kind == "yaml objects":
                objects = text
            messages = number + 1 < len(found) and found[number + 1][0] == "text messages"
            yield Block(name, number, kind, text, document, objects, messages)


def whole(kind: str, text: str) -> str:
    """Return the document of which a part is shown."""
    if kind == "yaml spec":
        target = "" if re.search("^source:", text, re.MULTILINE) else TARGET
        fields = "" if re.search("^fields:", text, re.MULTILINE) else FIELDS
        return HEAD + target + textwrap.indent(text, "  ") + fields
    return RESOURCE + textwrap.indent(text, " " * 8) if kind == "yaml metric" else text


BLOCKS = list(blocks())


def of(*kinds: str) -> pytest.MarkDecorator:
    """Return a parameter with the blocks of some kinds."""
    some = [block for block in BLOCKS if block.kind in kinds]
    assert some, kinds
    return pytest.mark.parametrize("block", some, ids=str)


def made(block: Block, mode: Mode = "default") -> Sources:
    """Return the sources of the document before a block."""
    return examples.compiled(block.document, mode)


def messages(block: Block) -> list[str]:
    """Return mistakes and warnings as they are shown."""
    shown = []
    for text in examples.problems(made(block)):
        _, _, message = text.partition(" ")
        shown.append(message.replace("spec.resources[0].metrics[0]", "metrics[0]"))
    return shown


def answer(block: Block) -> str:
    """Return what a block with an answer is to have."""
    if block.kind == "yaml converted":
        return converted(block)
    mode: Mode = "compat" if block.kind == "text compat" else "default"
    given = examples.parsed(block.objects)
    if block.kind == "text messages":
        found = messages(block)
    elif block.kind == "text rows":
        outcomes = examples.outcomes(made(block, mode), given)
        found = [row for _, outcome in outcomes for row in examples.rows(outcome)]
    else:
        found = examples.series(made(block, mode), given)
    return "".join(f"{line}\n" for line in found)


def converted(block: Block) -> str:
    """Return the MetricSources of a custom resource state document, without their comments."""
    text = convert(state_metrics.read(block.document), "databases")[0]
    assert examples.problems(examples.compiled(text)) == []
    return re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)


def test_each_block_is_of_a_kind_that_is_tested() -> None:
    """No snippet is only for show."""
    known = {"sh", "yaml source", "yaml spec", "yaml metric", "yaml objects", "yaml configmap"}
    assert {block.kind for block in BLOCKS} <= {*known, *ANSWERS, "yaml manifest"}


@of("yaml source", "yaml spec", "yaml metric")
def test_a_document_compiles_without_a_warning(block: Block) -> None:
    """Unless its messages are shown below it."""
    if not block.answers:
        assert examples.problems(made(block)) == []
        assert made(block).compiled


@pytest.mark.parametrize("name", SOURCE_PAGES)
def test_answers_are_what_comes_of_the_documents(name: str, request: pytest.FixtureRequest) -> None:
    """Messages without line and column; series, also in compat mode; rows; what is converted.

    ``--update-golden`` writes them.
    """
    answers = [
        f"```{block.kind}\n{answer(block)}```" if block.kind in ANSWERS else None
        for block in BLOCKS
        if block.page == name
    ]
    waiting = iter(answers)
    wanted = CODE.sub(lambda match: next(waiting) or match[0], page(name))
    if request.config.getoption("--update-golden"):
        PAGES[name].write_text(wanted)
    assert page(name) == wanted


@of("yaml configmap")
def test_a_configmap_is_found_and_compiles(block: Block) -> None:
    """By its label."""
    item = yaml.safe_load(block.text)
    key, _, value = SELECTOR.partition("=")
    assert item["metadata"]["labels"][key] == value
    for text in item["data"].values():
        found = examples.compiled(text)
        assert examples.problems(found) == []
        assert found.compiled


@of("yaml manifest")
def test_a_role_adds_to_the_rights_of_the_component(block: Block) -> None:
    """By the label that the component selects."""
    (selector,) = (
        role["aggregationRule"]["clusterRoleSelectors"][0]["matchLabels"]
        for role in yaml.safe_load_all(RIGHTS.read_text())
        if "aggregationRule" in role
    )
    assert yaml.safe_load(block.text)["metadata"]["labels"] == selector


@of("sh")
def test_a_command_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of ``xpjob sources`` over files of this repository; of others the options exist."""
    monkeypatch.chdir(ROOT)
    known = {option.variable for option in OPTIONS}
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        while words and (match := re.fullmatch(r"([A-Z_]+)=.*", words[0])):
            assert match[1] in known, match[1]
            words.pop(0)
        assert words[0] in ("kubectl", "xpjob"), line
        if words[0] == "xpjob":
            _run(words[1:])


def _run(words: list[str]) -> None:
    command, *rest = words
    if command != "sources":
        assert isinstance(cli.get_command(click.Context(cli), command), click.Command)
        return
    if any("-there" in word for word in rest):
        return
    result = CliRunner().invoke(commands.sources, rest)
    assert result.exit_code == 0, (rest, result.output)


def test_types_functions_and_operators_are_documented() -> None:
    """All of them, and no others."""
    text = section("metric source", "### Types")
    assert set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == {*TYPES, "state"}
    text = section("metric source", "## aggregations")
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert {*FUNCTIONS, *OPERATORS} <= set(names)


def test_paths_that_are_documented_compile() -> None:
    """In each notation."""
    rows = section("metric source", "### Paths").splitlines()
    texts = [path for row in rows if row.startswith("| ") for path in re.findall("`([^`]+)`", row)]
    assert len(texts) > 10
    for text in texts:
        assert (
            compile_segments(yaml.safe_load(text)) if text[0] == "[" else compile_path(text)
        ).steps


def test_the_readme_is_short() -> None:
    """The other pages have the details."""
    assert len(page("sources").splitlines()) <= 200
    assert set(SOURCE_PAGES) <= PAGES.keys()
