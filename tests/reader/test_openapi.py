"""The OpenAPI document is true: schemathesis asks, and the answers are as it says."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from support.forest import finding, forest
from support.reader import make_reader
from support.reader_sample import FakeStore, at, report, snapshot
from support.sampling import looking
from support.toy_tables import nodes, toy_snapshot
from support.toy_teams import orders, team_snapshot
from support.usage_files import closed, days, objects, store_day
from xpjob.collectors.crossplane.reader import parameters
from xpjob.config.option import Config
from xpjob.reader.options import ReaderOptions
from xpjob.store.options import StoreOptions


def _schema(store: FakeStore) -> schemathesis.BaseSchema:
    store_options = StoreOptions(store_backend="s3", s3_bucket="b")
    # The name that schemathesis gives to the service.
    config = Config.of(store_options, ReaderOptions(reader_hosts=("testserver",)))
    reader = make_reader(store, config)
    reader.snapshots.refresh()
    return schemathesis.openapi.from_asgi("/openapi.json", reader.client.app)


def _platform() -> FakeStore:
    store = FakeStore()
    store.save(forest(findings=[finding("shop-instance")]))
    store.keep(snapshot(generated_at=at(hours=3)))
    store.save(report())
    for day in days("2026-11-15", 6):
        store_day(store, closed(day, objects("payments", 3600)))
    return store


def _toy() -> FakeStore:
    store = FakeStore()
    store.save(toy_snapshot())
    store.keep(toy_snapshot(2, generated_at=at(hours=3), rows={"nodes": nodes()[1:]}))
    return store


def _teams() -> FakeStore:
    store = FakeStore()
    store.save(team_snapshot())
    store.keep(team_snapshot(2, generated_at=at(hours=3), rows={"orders": orders()[1:]}))
    store.save(report())
    return store


schema, toy, teams = _schema(_platform()), _schema(_toy()), _schema(_teams())


@schema.exclude(path_regex="^/tables/(xrs|mrs)").parametrize()
@looking(400)
def test_answers_are_as_documented(case: schemathesis.Case[Any]) -> None:
    """Whatever is asked: never a 500, only documented statuses, types and shapes."""
    _check(case)


@toy.include(path_regex="^/(tables|schema)").parametrize()
@looking(100)
def test_tables_are_as_documented(case: schemathesis.Case[Any]) -> None:
    """With columns of every type, and some that are called as parameters."""
    _check(case)


@teams.include(path_regex="^/(teams|search|findings|changes|runs)").parametrize()
@looking(200)
def test_all_tables_are_as_documented(case: schemathesis.Case[Any]) -> None:
    """Teams, searches, findings, changes and runs."""
    _check(case)


def _check(case: schemathesis.Case[Any]) -> None:
    answer = case.call()
    # A team that does not exist is refused, and which exist only the snapshot knows.
    excluded: list[Any] = [positive_data_acceptance]
    if answer.status_code == 414:
        # That is a refusal too, though the check knows it not as one.
        excluded += [negative_data_rejection, unsupported_method]
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
