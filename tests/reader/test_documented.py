"""The README's section on the reader: its commands run, and it names everything there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from reader.conftest import Reader
from reader.forest import finding, forest
from reader.sample import FakeStore, at, claim, report, snapshot
from xpjob.collectors.crossplane.reader.rows import FIELDS
from xpjob.config.settings import OPTIONS, READER, Settings
from xpjob.reader import parameters
from xpjob.reader.app import create_app
from xpjob.reader.assets import PATHS
from xpjob.reader.server import Background, listen

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
README = README[README.index("## The reader") :]
BLOCKS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
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
    app = create_app(store, Settings(store_backend="s3", s3_bucket="b"))
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
        if isinstance(route, Route) and route.path not in PATHS:
            assert f"| `{route.path}` |" in README, route.path
    words = set(re.findall(r"[A-Za-z]+", README))
    known = {
        p.name
        for p in (
            *(*parameters.BOOKKEEPING, *parameters.SUMMARY, *parameters.TREE, *parameters.FOUND),
            *parameters.DIFF,
        )
    }
    assert known <= words
    assert set(FIELDS) <= words
    for option in OPTIONS:
        if option.group == READER:
            default = f"`{option.default}`" if option.default else ""
            assert f"| `{option.variable}` | `{option.flag}` | {default} |" in README
    reader.get("/bookkeeping")
    for name, kind in re.findall(
        r"^# TYPE (\S+) (\w+)$", reader.get("/metrics").text, re.MULTILINE
    ):
        if not name.endswith("_created"):
            assert f"| `{name}` | {kind} |" in README, name
