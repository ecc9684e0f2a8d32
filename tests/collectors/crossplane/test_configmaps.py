"""What tenants may name, and that it costs nobody else anything."""

from __future__ import annotations

import logging

import pytest

from support.planning import plan, told
from support.runs import Runs
from support.stand_in import CLAIM, StandIn, config_map
from xpjob.collectors.crossplane.configmaps import MAX_GVRS
from xpjob.demo.cluster import CONFIGMAP
from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunReport


def unknown(count: int, first: int = 0) -> str:
    """Return that many GVRs that the API does not have."""
    return ",".join(f"{CLAIM.group}/v1/{CLAIM.resource}{n}" for n in range(first, first + count))


@pytest.mark.parametrize(("claims", "xrs"), [(MAX_GVRS, 1), (1, MAX_GVRS), (40_000, 0)])
def test_a_configmap_that_names_too_much_is_malformed(
    stand_in: StandIn, claims: int, xrs: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is looked for, and its tenant is told what to do; others have theirs."""
    data = {"CLAIM_GVRS": unknown(claims), "XR_GVRS": unknown(xrs, claims)}
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", **data))
    stand_in.cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=str(CLAIM.gvr)))
    with caplog.at_level(logging.WARNING):
        made = plan(stand_in, discovery="never")
    assert told(made) == [(CLAIM.resource, "team-b", "namespace")]
    assert (made.namespace_configs, made.malformed_configs, made.unlistable) == (1, 1, ())
    (said,) = [record for record in caplog.records if getattr(record, "configmap", "")]
    wanted = f"too many GVRs: {claims + xrs}, but at most {MAX_GVRS} are allowed per namespace"
    assert wanted in getattr(said, "error", "")


def test_a_namespace_has_no_more_by_having_several_configmaps(stand_in: StandIn) -> None:
    """What comes first by name is taken, and what fits beside it."""
    half = MAX_GVRS // 2
    for name, first, count in (("a", 0, half), ("b", half, half + 1), ("c", half, half)):
        config = config_map("team-a", name, CLAIM_GVRS=unknown(count, first) + ",,\n")
        stand_in.cluster.apply(CONFIGMAP, config)
    stand_in.cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=unknown(MAX_GVRS)))
    made = plan(stand_in, discovery="never")
    assert (made.namespace_configs, made.malformed_configs) == (3, 1)
    assert len(made.unlistable) == 2 * MAX_GVRS


def test_what_is_wrong_with_a_configmap_is_told_in_short(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """A megabyte of nonsense is no log line of a megabyte."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS="x" * 1_000_000))
    with caplog.at_level(logging.WARNING):
        assert plan(stand_in, discovery="never").malformed_configs == 1
    (said,) = [record for record in caplog.records if getattr(record, "configmap", "")]
    assert len(getattr(said, "error", "")) == 2_000


def test_what_is_near_is_looked_for_a_few_times(stand_in: StandIn) -> None:
    """It takes long among many kinds; the others are told to check the spelling."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS=unknown(50)))
    made = plan(stand_in, discovery="never", xr_gvrs=f"{CLAIM.group}/v1/{CLAIM.resource}")
    hints = ["did you mean" in str(item.error) for item in made.unlistable]
    assert hints == [True] * 10 + [False] * 41
    assert "check the spelling" in str(made.unlistable[-1].error)


def test_errors_of_what_nobody_names_any_more_are_forgotten(runs: Runs) -> None:
    """Once there are very many; the counter of what is still listed goes on."""
    runs.run()
    path = runs.directory / "run.json"
    report = documents.decode(path.read_bytes(), RunReport, "store")
    assert report.counters
    report.counters.poll_errors = {f"gone.org/v1/r{n}": 1 for n in range(999)}
    report.counters.poll_errors[str(CLAIM.gvr)] = 7
    path.write_bytes(documents.encode(report))
    runs.run()
    assert len(runs.snapshot()["counters"]["pollErrors"]) == 1000
    config = config_map("team-a", XR_GVRS=unknown(1))
    runs.stand_in.cluster.apply(CONFIGMAP, config)
    runs.run()
    assert runs.snapshot()["counters"]["pollErrors"] == {str(CLAIM.gvr): 7, unknown(1): 1}
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run") == 8
