"""The OpenAPI document is true: schemathesis asks, and the answers are as it says."""

from __future__ import annotations

from typing import Any

import schemathesis
from fuzzing import looking
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from reader.conftest import make_reader
from reader.forest import finding, forest
from reader.sample import FakeStore, at, report, snapshot
from xpjob.reader import parameters


def _schema() -> schemathesis.BaseSchema:
    store = FakeStore()
    store.save(forest(findings=[finding("shop-instance")]))
    store.keep(snapshot(generated_at=at(hours=3)))
    store.save(report())
    reader = make_reader(store)
    reader.snapshots.refresh()
    return schemathesis.openapi.from_asgi("/openapi.json", reader.client.app)


schema = _schema()


@schema.parametrize()
@looking(400)
def test_answers_are_as_documented(case: schemathesis.Case[Any]) -> None:
    """Whatever is asked: never a 500, only documented statuses, types and shapes."""
    answer = case.call()
    # A team that does not exist is refused, and which exist only the snapshot knows.
    excluded: list[Any] = [positive_data_acceptance]
    if answer.status_code == 414:
        # That is a refusal too, though the check knows it not as one.
        excluded.append(negative_data_rejection)
    case.validate_response(answer, excluded_checks=excluded)


def test_every_parameter_is_documented_once() -> None:
    """The document and the check read the same table."""
    described = schema.raw_schema["paths"]["/bookkeeping"]["get"]["parameters"]
    assert [item["name"] for item in described] == [p.name for p in parameters.BOOKKEEPING]
    described = schema.raw_schema["paths"]["/bookkeeping/summary"]["get"]["parameters"]
    assert [item["name"] for item in described] == [p.name for p in parameters.SUMMARY]
    described = schema.raw_schema["paths"]["/bookkeeping/tree"]["get"]["parameters"]
    assert [item["name"] for item in described] == [p.name for p in parameters.TREE]
    described = schema.raw_schema["paths"]["/bookkeeping/diff"]["get"]["parameters"]
    assert [item["name"] for item in described] == [p.name for p in parameters.DIFF]
