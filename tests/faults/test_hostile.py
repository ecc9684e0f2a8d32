"""Objects that tenants made to hurt, through a whole run: store, gateway, promtool, log, reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from support.command import ENV, xpjob
from support.processes import text
from support.snapshots import Snapshot010, view_of
from support.stand_in import CLAIM, READY, StandIn, claim
from xpjob.base.truncate import MAX_LABEL, MAX_MESSAGE, cut
from xpjob.demo.cluster import Fault
from xpjob.publish.exposition import registry
from xpjob.snapshot import documents

NASTY = '\x00\n\r\x1b[31m"\\{}\u202e\u2028<script>alert(1)</script>=1+1,\ufeff\U0001f600'
FORGED = '\n{"level": "ERROR", "message": "forged"}\n'

TIMES: list[Any] = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "soon", "2026-13-45"]
TIMES += ["9999-12-31T23:59:59-14:00", "2026-08-21T09:00:00", "1969-12-31T23:59:59Z", "9" * 5000]
TIMES += [5, None, [], ""]
ODD: list[Any] = [None, 5, [], "x"]


def hostile() -> list[dict[str, Any]]:
    """Return claims with everything that an API server lets tenants write, and more."""
    owners = {"example.org/creator": NASTY, "example.org/team": FORGED}
    items = [claim("nasty", annotations=owners)]
    for end in "ab":
        items.append(claim(f"long-{end}", annotations={"example.org/team": "x" * 262_144 + end}))
    long = {"reason": "r" * 100_000, "message": "m" * 1_000_000}
    conditions = [{"type": t, "status": "False", **long} for t in ("Ready", "Synced", "T" * 9999)]
    items.append({**claim("long-words"), "status": {"conditions": conditions}})
    for number, time in enumerate(TIMES):
        item = claim(f"time-{number}")
        item["metadata"] |= {"creationTimestamp": time, "deletionTimestamp": time}
        condition = {"type": "Ready", "status": "False", "reason": NASTY, "message": FORGED}
        item["status"] = {"conditions": [{**condition, "lastTransitionTime": time}]}
        items.append(item)
    many = [{"type": f"T{n}", "status": "True", "reason": "x"} for n in range(10_000)]
    of_all_kinds: list[Any] = [many, [*READY, *READY], None, [None, 5, "x"], {}, "Ready"]
    for number, conditions in enumerate(of_all_kinds):
        items.append({**claim(f"conditions-{number}"), "status": {"conditions": conditions}})
    for status in ODD:
        items.append({**claim(f"status-{status}"), "status": status})
    items.append({**claim("composition"), "spec": {"compositionRef": {"name": "c" * 5000}}})
    return items


# Deeper than Python 3.11 decodes, and than 3.13 does.
DEEP = tuple(
    b'{"metadata": {"name": "deep-%d"}, "spec": ' % n + b'{"a":' * n + b"1" + b"}" * n + b"}"
    for n in (1_200, 20_000)
)
UNREADABLE = (
    b'{"metadata": {"labels": {}}}',
    b'{"spec": {}}',
    b"null",
)
SURROGATE = b'{"metadata": {"name": "sur\\ud800rogate", "namespace": "team-a"}}'


@pytest.fixture
def environ(stand_in: StandIn, tmp_path: Path, gateway: str) -> dict[str, str]:
    """A platform whose claims are hostile."""
    written = [json.dumps(item).encode() for item in hostile()]
    items = b",".join([*written, *DEEP, *UNREADABLE, SURROGATE])
    body = b'{"items": [' + items + b'], "metadata": {"continue": ""}}'
    stand_in.cluster.fault = lambda path, _: (
        Fault(200, body) if path.endswith(CLAIM.resource) else None
    )
    return {
        "KUBECONFIG": str(stand_in.kubeconfig),
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(tmp_path / "store"),
        "PUSHGATEWAY_URL": gateway,
        "CREATOR_ANNOTATION_KEY": "example.org/creator",
        "TEAM_ANNOTATION_KEY": "example.org/team",
        "EXTRA_LABELS": "owner=annotation:example.org/team",
    }


def test_hostile_objects_cost_nobody_anything(environ: dict[str, str], gateway: str) -> None:
    """Twice: the second run has them in its previous snapshot."""
    count = len(hostile()) + len(DEEP) + 1
    for _ in range(2):
        done = xpjob("run", **environ)
        assert done.returncode == 0, done.stderr
        body = Path(environ["STORE_DIR"], "snapshot.json").read_bytes()
        snapshot = documents.decode(body, Snapshot010, "store")
        assert len(snapshot.claims) == count
        assert len(body) < 200_000, "nobody fills the store"
        assert [t.malformed for t in snapshot.targets if t.class_ == "claim"] == [len(UNREADABLE)]
        page = text(f"{gateway}/metrics")
        families = text_string_to_metric_families(page)
        samples = [s for f in families for s in f.samples if s.name == "crossplane_claims_total"]
        assert sum(sample.value for sample in samples) == count
        teams = {sample.labels["team"] for sample in samples if len(sample.labels["team"]) > 100}
        assert len(teams) == 2, "two long values stay two"
        assert all(len(team) == MAX_LABEL for team in teams)
        assert NASTY in {sample.labels["creator"] for sample in samples}
        events = [json.loads(line) for line in done.stderr.split("\n")[:-1]]
        assert all(event["message"] != "forged" for event in events)
        assert len(UNREADABLE) in [event.get("malformed") for event in events]
    assert view_of(body).total["claim"] == count


def test_what_a_record_keeps_is_bounded(environ: dict[str, str]) -> None:
    """Words as labels are, with the same mark, and messages at a greater length."""
    assert xpjob("run", **environ).returncode == 0
    body = Path(environ["STORE_DIR"], "snapshot.json").read_bytes()
    claims = {found.name: found for found in documents.decode(body, Snapshot010, "store").claims}
    for name in ("long-a", "long-b"):
        (value,) = {claims[name].team, claims[name].extra["owner"]}
        assert value == cut("x" * 262_144 + name[-1], MAX_LABEL)
    words = claims["long-words"]
    assert words.reason == words.synced_reason == cut("r" * 100_000, MAX_LABEL)
    assert words.message == words.synced_message == cut("m" * 1_000_000, MAX_MESSAGE)
    assert words.failing == {cut("T" * 9999, MAX_LABEL): words.reason}
    assert claims["composition"].composition == cut("c" * 5000, MAX_LABEL)
    assert claims["nasty"].creator == NASTY


def test_promtool_agrees(environ: dict[str, str]) -> None:
    """No value breaks the exposition."""
    run = [sys.executable, "-m", "xpjob", "run", "--dry-run"]
    # Bytes: Python's text would make new lines of carriage returns.
    done = subprocess.run(run, env={**ENV, **environ}, capture_output=True, check=True)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=done.stdout, capture_output=True, check=False
    )
    assert b"error while linting" not in checked.stderr
    assert b"parse" not in checked.stderr


def test_the_text_log_cannot_be_forged(environ: dict[str, str], stand_in: StandIn) -> None:
    """Whatever an API server or a tenant says stays on the line that it is on."""
    said = json.dumps({"message": f"no{FORGED}{NASTY}"}).encode()
    stand_in.cluster.fault = lambda path, _: Fault(403, said) if "/v1/apps" in path else None
    told = xpjob("run", "--log-format", "text", **environ).stderr
    assert not [line for line in told.splitlines() if line.startswith('{"level"')]
    assert not {"\x1b", "\x00"} & set(told)
    done = xpjob("run", "--log-format", "json", **environ)
    assert all(json.loads(line)["message"] != "forged" for line in done.stderr.split("\n")[:-1])


def test_a_cut_label_is_the_same_in_every_run() -> None:
    """And names stay whole."""
    family = GaugeMetricFamily("a", "b", labels=["c"])
    for value in ("x" * MAX_LABEL, "y" * 300):
        family.add_metric([value], 1)
    exposed = generate_latest(registry([family])).decode()
    assert "x" * MAX_LABEL in exposed
    assert f"{'y' * (MAX_LABEL - 17)}~ff49938aeb9a2bf9" in exposed
