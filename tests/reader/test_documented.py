"""The reader's page of the documentation: its commands run, and it names all there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from support.docs_pages import page
from support.forest import finding, forest
from support.reader import Reader
from support.reader_sample import FakeStore, at, claim, report, snapshot
from support.usage_files import closed, objects, store_day
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane.reader import parameters
from xpjob.collectors.crossplane.reader.rows import FIELDS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config, options
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.reader.options import ReaderOptions
from xpjob.store.options import StoreOptions

PAGE = page("reader", "crossplane in the reader", "capacity")
RECORDS = page("crossplane")
BLOCKS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if "localhost:8080" in block
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][:60])
def test_the_commands_run(block: str) -> None:
    """Each as it stands, but for the port; with output, and without an error."""
    store = FakeStore()
    store.save(forest(claims=snapshot(many=150).claims, findings=[finding("alone")]))
    store.save(report())
    well = claim("billing", team="checkout", namespace="team-b")
    store.keep(snapshot(generated_at=at(hours=3), claims=[well]))
    store_day(store, closed("2026-10-05", objects("checkout", 3600)))
    app = create_app(
        store, Config.of(StoreOptions(store_backend="s3", s3_bucket="b")), COLLECTORS, EXTENSIONS
    )
    app.state.snapshots.refresh()
    with Background(app, listen("127.0.0.1", 0)) as server:
        address = server.url.removeprefix("http://")
        script = block.replace("localhost:8080", address).replace("curl -s ", "curl -sf ")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for part in [block and script] if "while" in script else script.splitlines():
            lines = script if "$since" in script else part
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", lines],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PATH": path},
            )
            assert done.returncode == 0, (lines, done.stderr)
            assert done.stdout.strip(), lines
    if "$since" in script:
        assert done.stdout.strip() == "304"


def test_every_endpoint_parameter_key_and_metric_is_named(reader: Reader) -> None:
    """So that nothing has to be found out by trying."""
    for route in reader.client.app.routes:  # type: ignore[attr-defined]
        if isinstance(route, Route) and route.name != "asset":
            assert f"| `{route.path}` |" in PAGE, route.path
    words = set(re.findall(r"[A-Za-z]+", PAGE))
    known = {
        p.name
        for p in (
            *(*parameters.BOOKKEEPING, *parameters.SUMMARY, *parameters.TREE),
            *(*parameters.FINDINGS_QUERY, *parameters.DIFF),
        )
    }
    assert known <= words
    assert set(FIELDS) <= set(re.findall(r"[A-Za-z]+", RECORDS))
    for option in options(ReaderOptions):
        default = f"`{option.default}`" if option.default else ""
        assert f"| `{option.variable}` | `{option.flag}` | {default} |" in PAGE
    reader.get("/bookkeeping")
    for name, kind in re.findall(
        r"^# TYPE (\S+) (\w+)$", reader.get("/metrics").text, re.MULTILINE
    ):
        if not name.endswith("_created"):
            assert f"| `{name}` | {kind} |" in PAGE, name
