"""What ConfigMaps of tenants, read or not, can and cannot do to the records of others."""

from __future__ import annotations

from support.runs import Runs, fail
from support.stand_in import APP, CLAIM, XR, config_map
from xpjob.base.errors import RefusedError
from xpjob.demo.cluster import CONFIGMAP, Fault


def name_in(runs: Runs, namespace: str, **data: str) -> None:
    """Let a tenant put GVRs or annotation keys into a ConfigMap."""
    runs.stand_in.cluster.apply(CONFIGMAP, config_map(namespace, **data))


def owners(runs: Runs) -> dict[str, tuple[str, str, str]]:
    """Return source, creator and team of each claim."""
    found = runs.snapshot()["claims"]
    return {c["name"]: (c["source"], c["creator"], c["team"]) for c in found}


def test_a_version_that_is_not_there_says_nothing_of_the_one_that_is(runs: Runs) -> None:
    """Lists of the latter that fail keep what they had, whatever a tenant has named."""
    name_in(
        runs,
        "team-a",
        CLAIM_GVRS=f"{CLAIM.group}/v9/{CLAIM.resource}",
        XR_GVRS=f"{XR.group}/v9/{XR.resource}",
    )
    runs.run()
    fail(runs, "postgresqlinstances", 503)
    result = runs.run()
    assert (result.errors, result.report.partial) == ([], True)
    assert (runs.value("crossplane_claims_total"), runs.value("crossplane_xr_total")) == (5, 9)
    assert len(runs.names()) == 5


def test_a_kind_that_is_not_there_is_not_the_inventory_that_is_gone(runs: Runs) -> None:
    """Where all else was refused nothing could be listed, and the last inventory stands."""
    name_in(runs, "team-a", XR_GVRS=f"{XR.group}/v9/nothings")
    runs.run()
    stored = runs.snapshot()

    def refused(path: str, _query: object) -> Fault | None:
        known = path in ("/apis", "/version") or "configmaps" in path
        return None if known else Fault(403)

    runs.stand_in.cluster.fault = refused
    result = runs.run()
    (error,) = result.errors
    assert isinstance(error, RefusedError)
    assert "nothing could be listed" in str(error)
    assert runs.snapshot() == stored
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


def test_xrs_that_an_unreadable_configmap_has_named_are_kept_everywhere(runs: Runs) -> None:
    """A tenant names XRs of all namespaces, so it is in all of them that they are not known."""
    name_in(runs, "team-a", XR_GVRS=str(APP.gvr))

    def run() -> None:
        scope = "team-a,team-b"
        runs.run(kube_namespace_scope=scope, discovery="never", claim_gvrs=str(CLAIM.gvr))

    run()
    before = {xr["namespace"] for xr in runs.snapshot()["xrs"]}
    assert before == {"team-a", "team-b"}
    fail(runs, "team-a/configmaps", 503)
    run()
    assert {xr["namespace"] for xr in runs.snapshot()["xrs"]} == before
    assert all(xr["carriedSince"] for xr in runs.snapshot()["xrs"])
    assert runs.value("crossplane_xr_total") == 2


def test_owners_stay_while_the_configmap_that_says_so_cannot_be_read(runs: Runs) -> None:
    """Other keys would make other owners of them; the lists themselves are fresh."""
    name_in(runs, "team-a", CLAIM_GVRS=str(CLAIM.gvr), TEAM_ANNOTATION_KEY="example.org/creator")
    runs.run()
    before = owners(runs)
    assert before["db-1"] == ("namespace", "person-1", "person-1")
    runs.stand_in.cluster.delete(CLAIM, "team-a", "db-0")
    fail(runs, "/configmaps", 503)
    for _ in range(2):
        runs.run()
        assert owners(runs) == {name: own for name, own in before.items() if name != "db-0"}
        assert not any(claim["carriedSince"] for claim in runs.snapshot()["claims"])
        assert runs.value("crossplane_claims_total", team="person-1") == 1
