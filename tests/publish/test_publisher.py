"""Publishers, against a real Pushgateway and the file system."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from support.gateways import to
from support.processes import text
from support.records import to_claim
from support.samples import report, snapshot
from support.snapshots import inventory
from support.stand_in import claim
from xpjob.base.errors import DeadlineError, NotFoundError, TransientError, XpjobError
from xpjob.base.truncate import MAX_LABEL
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.net.deadline import Deadline
from xpjob.publish import exposition
from xpjob.publish.publisher import publishers
from xpjob.publish.textfile import Textfile

HOSTILE = ['say "hi"', "back\\slash", "two\nlines", "nul\x00", "🦄", "rtl‮", "x" * 4096, "\\n", ""]


def inventory_of(*teams: str) -> CollectorRegistry:
    """Return the inventory of one claim for each team."""
    claims = [
        msgspec.structs.replace(to_claim(claim(f"db-{n}")), team=team)
        for n, team in enumerate(teams)
    ]
    return exposition.registry(inventory(snapshot(claims=claims)))


def outcome(**changes: Any) -> CollectorRegistry:
    """Return the outcome of a run."""
    return exposition.registry(exposition.outcome(report(**changes)))


def samples(url: str) -> dict[tuple[str, str], dict[str, float]]:
    """Return what the gateway exposes: (job, family) to team or family to value."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for family in text_string_to_metric_families(text(f"{url}/metrics")):
        for sample in family.samples:
            key = (sample.labels.get("job", ""), sample.name)
            found.setdefault(key, {})[
                sample.labels.get("team") or sample.labels.get("family") or ""
            ] = sample.value
    return found


def test_what_is_gone_from_the_cluster_is_gone_from_the_gateway(gateway: str) -> None:
    """One PUT replaces the whole group."""
    to(gateway).publish_inventory(inventory_of("payments", "search"))
    assert set(samples(gateway)["xpjob", "crossplane_claims_total"]) == {"payments", "search"}
    to(gateway).publish_inventory(inventory_of("payments"))
    assert set(samples(gateway)["xpjob", "crossplane_claims_total"]) == {"payments"}


def test_every_family_declares_its_series(gateway: str) -> None:
    """So that a push that was cut off can be seen."""
    to(gateway).publish_inventory(inventory_of("payments", "search"))
    found = samples(gateway)
    declared = found["xpjob", "xpjob_inventory_series"]
    assert declared["crossplane_claims_total"] == 2
    there = Counter(
        sample.name
        for family in text_string_to_metric_families(text(f"{gateway}/metrics"))
        for sample in family.samples
    )
    assert declared["crossplane_time_to_ready_seconds_bucket"] == 13
    for family, count in declared.items():
        assert there[family] == count, family


def test_the_outcome_never_touches_the_inventory(gateway: str) -> None:
    """Neither its series nor the time of its push."""
    to(gateway).publish_inventory(inventory_of("payments"))
    before = samples(gateway)
    to(gateway).publish_outcome(outcome(success=False), whole=True)
    after = samples(gateway)
    assert after["xpjob", "push_time_seconds"] == before["xpjob", "push_time_seconds"]
    assert after["xpjob", "crossplane_claims_total"] == before["xpjob", "crossplane_claims_total"]
    assert after["xpjob-run", "xpjob_last_run_success"] == {"": 0}


def test_what_an_outcome_does_not_know_stays(gateway: str) -> None:
    """A run without its store must not say that no run ever succeeded."""
    to(gateway).publish_outcome(outcome(), whole=True)
    to(gateway).publish_outcome(
        outcome(last_success_at="", counters=None, success=False), whole=False
    )
    found = samples(gateway)
    assert found["xpjob-run", "xpjob_last_success_timestamp_seconds"][""] > 1e9
    assert found["xpjob-run", "xp_tracker_poll_duration_seconds_count"] == {"": 0}
    assert found["xpjob-run", "xpjob_last_run_success"] == {"": 0}


def test_a_text_file_that_hangs_is_given_up_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer is played."""
    over = threading.Event()
    monkeypatch.setattr("os.fsync", lambda _descriptor: over.wait(20))
    with (
        Deadline(0.2).running(),
        pytest.raises(DeadlineError, match=r"writing .*x\.prom: deadline exceeded"),
    ):
        Textfile(tmp_path / "x.prom").publish_inventory(inventory_of("payments"))
    over.set()


def test_clusters_have_groups_of_their_own(gateway: str) -> None:
    """One gateway serves many."""
    to(gateway, cluster_name="eu").publish_inventory(inventory_of("payments"))
    to(gateway, cluster_name="us", pushgateway_job="other").publish_inventory(
        inventory_of("search")
    )
    page = text(f"{gateway}/metrics")
    assert 'cluster="eu"' in page
    assert 'cluster="us"' in page
    assert set(samples(gateway)["other", "crossplane_claims_total"]) == {"search"}


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=30), min_size=1, max_size=8))
@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_tenants_write_arrives_as_it_is(gateway: str, teams: list[str]) -> None:
    """Quotes, newlines, backslashes, NUL, emoji; 4 KiB as its beginning, and still told apart."""
    to(gateway).publish_inventory(inventory_of(*teams))
    arrived = set(samples(gateway)["xpjob", "crossplane_claims_total"])
    assert {team for team in arrived if len(team) < MAX_LABEL} == {
        team for team in teams if len(team) < MAX_LABEL
    }
    assert len(arrived) == len(set(teams))


def test_promtool_accepts_the_exposition(gateway: str, tmp_path: Path) -> None:
    """Its one complaint, a gauge named _total, is about names that we must keep."""
    textfile = Textfile(tmp_path / "xpjob.prom")
    textfile.publish_inventory(inventory_of(*HOSTILE))
    textfile.publish_outcome(outcome(), whole=True)
    for path in (tmp_path / "xpjob.prom", tmp_path / "xpjob-run.prom"):
        with path.open("rb") as file:
            checked = subprocess.run(
                ["promtool", "check", "metrics"], stdin=file, capture_output=True, check=False
            )
        complaints = [
            line
            for line in checked.stderr.decode().splitlines()
            if line.strip() and 'non-counter metrics should not have "_total" suffix' not in line
        ]
        assert complaints == []


def test_the_gateways_own_words_are_shown(gateway: str) -> None:
    """They say which metric contradicts what it holds."""
    clash = CollectorRegistry()
    family = CounterMetricFamily("crossplane_claims", "Not a gauge.")
    family.add_metric([], 1)
    clash.register(type("Clash", (), {"collect": lambda _self: [family]})())
    to(gateway, pushgateway_job="other").publish_inventory(clash)
    with pytest.raises(XpjobError) as caught:
        to(gateway).publish_inventory(inventory_of("payments"))
    told = str(caught.value)
    assert f"to {gateway}/metrics/job/xpjob: 400: " in told
    assert "pushed metrics are invalid or inconsistent with existing metrics" in told
    assert "crossplane_claims_total" in told


def test_a_wrong_path_is_told(gateway: str) -> None:
    """People write /metrics into the URL."""
    with pytest.raises(NotFoundError, match="give it without /metrics"):
        to(f"{gateway}/gateway").publish_inventory(inventory_of("payments"))


def test_a_gateway_that_is_away_is_told() -> None:
    """After all tries."""
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9.*refused; check PUSHGATEWAY_URL"):
        to("http://127.0.0.1:9").publish_inventory(inventory_of("payments"))


def test_a_gateway_that_hangs_is_given_up() -> None:
    """The push has a deadline of its own."""
    connections = []
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:

        def accept() -> None:
            while True:
                try:
                    connections.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TransientError, match=r"no (complete )?answer within 0\.2 s"):
            to(url, push_timeout_seconds="0.2").publish_inventory(inventory_of("payments"))
        listener.shutdown(socket.SHUT_RDWR)
    assert len(connections) == 4
    for connection in connections:
        connection.close()


def test_a_text_file_is_replaced_whole(tmp_path: Path) -> None:
    """The two groups in two files."""
    textfile = Textfile(tmp_path / "xpjob.prom")
    textfile.publish_inventory(inventory_of("payments"))
    textfile.publish_inventory(inventory_of("search"))
    textfile.publish_outcome(outcome(), whole=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["xpjob-run.prom", "xpjob.prom"]
    assert 'team="search"' in (tmp_path / "xpjob.prom").read_text()
    assert 'team="payments"' not in (tmp_path / "xpjob.prom").read_text()
    assert "xpjob_last_run_success 1.0" in (tmp_path / "xpjob-run.prom").read_text()


def test_a_text_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The directory may have gone."""
    with pytest.raises(XpjobError, match="No such file or directory; check the directory"):
        Textfile(tmp_path / "gone" / "x.prom").publish_inventory(inventory_of("payments"))


def test_both_publishers_can_be_configured(tmp_path: Path) -> None:
    """Or none."""
    assert publishers(Config()) == ()
    given = {
        "pushgateway_url": "http://gateway:9091/",
        "publish": f"textfile:{tmp_path / 'xpjob.prom'}",
    }
    made = publishers(load(given, {}, GROUPS))
    assert [str(publisher) for publisher in made] == [
        "Pushgateway http://gateway:9091",
        f"text file {tmp_path / 'xpjob.prom'}",
    ]
