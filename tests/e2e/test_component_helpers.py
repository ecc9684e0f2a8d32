"""Quantities, and what pods ask for, are what Kubernetes' own code computes, to the nano unit."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from harness import component_helpers

from support import recorded, sample_pods
from xpjob.kube.quantity import NANO, milli, units
from xpjob.kube.request_rules import Rules

pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="needs Go"),
    pytest.mark.timeout(600),  # the first time, each version is built
]
versions = pytest.mark.parametrize("version", component_helpers.MODFILES)
COUNT = 10_000


@versions
def test_quantities_are_those_of_the_api_machinery(version: str) -> None:
    """Exactly, and rounded up to thousandths and units; and the same texts are invalid."""
    random = Random(17)
    texts = [*recorded.QUANTITIES, *(sample_pods.quantity(random) for _ in range(COUNT))]
    theirs = component_helpers.ask(version, ["quantities"], texts)
    wrong = []
    for text, expected in zip(texts, theirs, strict=True):
        ours = recorded.parsed(text)
        if expected is None:
            # Texts without any digit are 0 here, and only some of them there.
            alike = ours is None or (
                ours == 0 and not re.search("[0-9]", re.split("[eE]", text)[0])
            )
        else:
            alike = ours == nano(expected) and rounded_alike(ours, expected)
        if not alike:
            wrong.append((text, ours, expected))
    assert wrong == []


@pytest.mark.parametrize(
    ("version", "options", "rules"),
    [(version, *each) for version, every in recorded.OPTIONS.items() for each in every],
)
def test_pods_ask_for_what_the_scheduler_computes(
    version: str, options: tuple[str, ...], rules: Rules
) -> None:
    """Requests and limits of odd pods, under each set of rules that a version can apply."""
    random = Random(version)
    pods = [sample_pods.pod(random, mapped=version != "0.36") for _ in range(COUNT)]
    theirs = component_helpers.ask(version, ["pods", *options], pods)
    wrong = []
    for pod, expected in zip(pods, theirs, strict=True):
        for kind, ours in recorded.asked(pod, rules).items():
            exact = {name: nano(value) for name, value in expected[kind].items()}
            rounded = all(rounded_alike(ours[name], each) for name, each in expected[kind].items())
            if ours != exact or not rounded:
                wrong.append((kind, pod, ours, exact))
    assert wrong[:3] == []


@versions
def test_the_recorded_answers_are_those_of_the_version(
    version: str, pytestconfig: pytest.Config
) -> None:
    """``--update-golden`` records them anew, for the fast tests."""
    random = Random(version)
    pods = [sample_pods.pod(random, mapped=version != "0.36") for _ in range(100)]
    answers = {
        " ".join(options): [
            {kind: {n: nano(v) for n, v in each[kind].items()} for kind in each}
            for each in component_helpers.ask(version, ["pods", *options], pods)
        ]
        for options, _ in recorded.OPTIONS[version]
    }
    document = {"release": component_helpers.release(version), "pods": pods, "answers": answers}
    path = recorded.path(version)
    if pytestconfig.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))
    assert recorded.load(version) == json.loads(json.dumps(document))


def nano(value: dict[str, Any]) -> int:
    """Return an exact decimal in units of 10^-9."""
    exact = Fraction(value["exact"]) * NANO
    assert exact.denominator == 1
    return int(exact)


def rounded_alike(ours: int, theirs: dict[str, Any]) -> bool:
    """Return whether both round up alike; theirs wrap at 2^63, and are wrong below 0."""
    if not 0 <= ours < 2**63 * (NANO // 1000):
        return True
    return (milli(ours), units(ours)) == (theirs["milli"], theirs["units"])
