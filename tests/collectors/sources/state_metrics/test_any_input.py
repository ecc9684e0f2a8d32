"""Whatever a document or an object says, it costs no more than itself."""

from __future__ import annotations

import contextlib
import json
import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.state_metrics import (
    InvalidDocumentError,
    Samples,
    compiled,
    exposed,
    outcome,
    problems,
)
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics.config import Mode

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["[a=1]", "[x]", "*", "a*", "0", "k=v", "Gauge", "info", "stateSet", "2E999"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
LINE = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    r'(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\[n"\\])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\[n"\\])*")*\})?'
    r" (NaN|[+-]Inf|-?[0-9.]+(e[+-][0-9]+)?)"
)


@pytest.mark.parametrize("seed", range(30))
def test_default_mode_exposes_valid_and_distinct_series(seed: int) -> None:
    """For documents and objects that exercise every construct."""
    samples = Samples(Random(seed))
    for _ in range(10):
        config, objects = samples.question()
        with contextlib.suppress(InvalidDocumentError):
            lines = exposed(config, objects)
            assert [line for line in lines if not LINE.fullmatch(line)] == []
            series = [line.rpartition(" ")[0] for line in lines]
            assert len(set(series)) == len(series)


def everything() -> Shape:
    """Return the shape of all of an object."""
    shape = Shape()
    shape.take()
    return shape


@pytest.mark.parametrize("mode", ["default", "compat"])
@pytest.mark.parametrize("seed", range(20))
def test_reading_only_parts_changes_nothing(seed: int, mode: Mode) -> None:
    """Objects that are decoded into their shape give what whole objects give."""
    samples = Samples(Random(seed))
    for _ in range(5):
        config, objects = samples.question()
        with contextlib.suppress(InvalidDocumentError):
            source = compiled(config, mode)
            parts = outcome(source, objects)
            whole = outcome(source, objects, shape=everything())
            assert repr(parts) == repr(whole)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a value, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    below = [
        each for key in keys if isinstance(value[key], dict | list) for each in places(value[key])
    ]
    return [*((value, key) for key in keys), *below]


@pytest.mark.parametrize("seed", range(20))
def test_sources_that_share_a_list_do_not_notice_each_other(seed: int) -> None:
    """Their shapes are one."""
    samples = Samples(Random(seed))
    for _ in range(5):
        questions = [samples.question() for _ in range(3)]
        objects = [item for _, some in questions for item in some]
        sources = []
        for config, _ in questions:
            with contextlib.suppress(InvalidDocumentError):
                sources.append(compiled(config))
        for source in sources:
            shape = Shape()
            for other in sources:
                other.declare(0, shape)
            assert repr(outcome(source, objects, shape=shape)) == repr(outcome(source, objects))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_value_anywhere_in_a_document_is_read_or_a_mistake(data: st.DataObject) -> None:
    """Nothing else is raised, and every problem has a line."""
    config, objects = Samples(Random(data.draw(st.integers(0, 1000)))).question()
    at, key = data.draw(st.sampled_from(places(config)))
    at[key] = data.draw(VALUES)
    text = json.dumps(config)
    mode: Mode = data.draw(st.sampled_from(["default", "compat"]))
    assert all(each.line for each in problems(text, mode))
    with contextlib.suppress(InvalidDocumentError):
        exposed(text, objects, mode)


@given(st.text(max_size=200) | VALUES.map(json.dumps))
def test_any_text_is_a_document_or_a_mistake(text: str) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(InvalidDocumentError):
        compiled(text)


@given(st.integers(0, 100), st.lists(VALUES, max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_object_is_taken(seed: int, values: list[Any]) -> None:
    """Nothing is raised, and every object is counted."""
    config, _ = Samples(Random(seed)).question()
    objects = [{"metadata": value, "spec": value, "status": value} for value in values]
    for mode in ("default", "compat"):
        with contextlib.suppress(InvalidDocumentError):
            source = compiled(config, mode)
            tally = outcome(source, objects).tally
            assert tally.objects == len(objects) * len(source.targets)
            assert len(tally.examples) <= 5
