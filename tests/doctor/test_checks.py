"""xpjob doctor: what it finds, what it advises, and that its exit code is that of a run."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command import xpjob
from support.processes import free_port
from support.s3_server import S3, serve_s3
from support.stand_in import APP, CLAIM, KINDS, NETWORK, XR, StandIn, config_map, fill
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.kube.api import Api
from xpjob.kube.connect import connect
from xpjob.net.http import Timeouts
from xpjob.net.response import Response

Found = dict[str, dict[str, str]]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3]:
    """A bucket."""
    with serve_s3(tmp_path) as served:
        yield served


@pytest.fixture
def environ(stand_in: StandIn, gateway: str, s3: S3) -> dict[str, str]:
    """All that a run needs, in order."""
    fill(stand_in.cluster)
    return {
        **s3.environment(),
        "KUBECONFIG": str(stand_in.kubeconfig),
        "STORE_BACKEND": "s3",
        "PUSHGATEWAY_URL": gateway,
        "TERMINATION_LOG": "/nonexistent",
    }


def doctor(environ: dict[str, str], *arguments: str) -> tuple[int, Found]:
    """Return its exit code and what it found."""
    done = xpjob("doctor", "--output", "json", *arguments, **environ)
    findings: list[dict[str, str]] = json.loads(done.stdout)
    return done.returncode, {finding["check"]: finding for finding in findings}


def run(environ: dict[str, str], *arguments: str) -> int:
    """Return the exit code of a run in the same circumstances."""
    return xpjob("run", *arguments, **environ).returncode


def amiss(found: Found) -> set[str]:
    """Return what is not ok, but for the version of Debian's old Pushgateway."""
    return {
        name
        for name, finding in found.items()
        if finding["status"] != "ok" and "1.6.0" not in finding.get("advice", "")
    }


@pytest.mark.parametrize("gzipped", ["false", "true"])
def test_all_is_well(environ: dict[str, str], s3: S3, gzipped: str) -> None:
    """Every list, the gateway, the store; and the probe is gone again."""
    environ["S3_GZIP"] = gzipped
    code, found = doctor(environ)
    assert (code, amiss(found)) == (0, set())
    assert {f"list {kind.gvr}" for kind in (CLAIM, XR, APP, NETWORK)} <= set(found)
    assert "v1.36.0" in found["Kubernetes API"]["detail"]
    assert found["discovery"]["detail"] == f"{len(KINDS)} kinds can be listed"
    assert "conditionally" in found["store"]["detail"]
    asked = " ".join(method for method, _, _ in s3.requests)
    # Written with both conditions that hold, and both that do not; then what the server reports,
    # and the last run's report, a usage file, and the snapshot.
    assert asked == "PUT PUT GET HEAD PUT PUT PUT HEAD GET GET GET PUT PUT GET DELETE GET DELETE"
    assert run(environ) == 0


def test_an_old_gateway_is_reported(environ: dict[str, str]) -> None:
    """By its own version: before 1.6.0 it can take half a push for a whole one."""
    _, found = doctor(environ)
    version = subprocess.run(
        ["prometheus-pushgateway", "--version"], capture_output=True, text=True, check=True
    )
    reported = (version.stdout + version.stderr).split("version ")[1].split("+")[0].split(" ")[0]
    assert reported in found["Pushgateway"]["detail"]
    old = tuple(map(int, reported.split(".")[:2])) < (1, 6)
    assert (found["Pushgateway"]["status"] == "warning") is old


def test_the_table_is_for_people(environ: dict[str, str]) -> None:
    """With what to do beside each finding, and no secret anywhere."""
    done = xpjob("doctor", **environ, TEAM_ANNOTATION_KEY="example.org/team")
    assert done.returncode == 0
    assert "what to do" in done.stdout
    for secret in ("stand-in-token", environ["AWS_SECRET_ACCESS_KEY"]):
        assert secret not in done.stdout + done.stderr


def test_it_lists_nothing_and_pushes_nothing(environ: dict[str, str], stand_in: StandIn) -> None:
    """Only discovery, what a plan needs to know, and reviews of rights are asked for."""
    doctor(environ)
    revisions = "/apis/pkg.crossplane.io/v1/providerrevisions"
    assert set(stand_in.paths()) <= {"/version", "/apis", "/api/v1/configmaps", revisions}


def test_one_refused_list_is_a_warning(environ: dict[str, str], stand_in: StandIn) -> None:
    """A run gets over it, but not a strict one."""
    stand_in.cluster.allows = lambda gvr: gvr != CLAIM.gvr
    claims = f"/apis/{CLAIM.group}/{CLAIM.version}/{CLAIM.resource}"
    stand_in.cluster.fault = lambda path, _: Fault(403) if path == claims else None
    code, found = doctor(environ)
    assert (code, amiss(found)) == (0, {f"list {CLAIM.gvr}"})
    assert "grant get and list" in found[f"list {CLAIM.gvr}"]["advice"]
    assert run(environ) == 0
    assert doctor(environ, "--strict")[0] == run(environ, "--strict") == 3


def test_what_is_wrong_elsewhere_is_a_warning(environ: dict[str, str], tmp_path: Path) -> None:
    """A registry that is away costs a run nothing, and somebody should look at it."""
    path = tmp_path / "registries.json"
    path.write_text('{"registries": [{"name": "r", "endpoint": "http://127.0.0.1:1"}]}')
    environ |= {"COLLECTORS": "crossplane,clusters", "REGISTRIES_FILE": str(path)}
    code, found = doctor(environ)
    check = found["registry r"]
    assert (code, check["status"]) == (0, "warning")
    assert (
        check["detail"] == "unreachable: GET http://127.0.0.1:1/v2/: [Errno 111] Connection refused"
    )
    assert check["advice"] == "check the endpoint, and that a network policy allows it"


def test_no_rights_at_all(environ: dict[str, str], stand_in: StandIn) -> None:
    """Is what a run ends with 4 for."""
    stand_in.cluster.allows = lambda gvr: gvr.group == ""
    groups = tuple(f"/apis/{kind.group}/" for kind in KINDS)
    stand_in.cluster.fault = lambda path, _: Fault(403) if path.startswith(groups) else None
    code, found = doctor(environ)
    assert code == run(environ) == 4
    assert found["targets"]["status"] == "failed"


def test_rights_that_are_not_known_are_not_refused(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """Where the API does not say, no rights are advised."""
    stand_in.cluster.allows = lambda _gvr: bool(1 / 0)  # it answers 500
    code, found = doctor(environ)
    assert code != 4
    assert "targets" not in found
    check = found[f"list {CLAIM.gvr}"]
    assert (check["status"], "500" in check["detail"]) == ("warning", True)
    assert "grant" not in check.get("advice", "")


def test_rights_within_a_namespace(environ: dict[str, str]) -> None:
    """Are asked for there, where the scope is named."""
    _, found = doctor({**environ, "KUBE_NAMESPACE_SCOPE": "team-a"})
    assert f"list {CLAIM.gvr} in team-a" in found
    (configmaps,) = (what for what in found if what.startswith("list /v1/configmaps in team-a"))
    assert "in namespace team-a" in found[configmaps]["detail"]


def test_a_kind_that_does_not_exist(environ: dict[str, str]) -> None:
    """Is named with its variable."""
    gvrs = {"CLAIM_GVRS": "platform.example.org/v1alpha1/postgresqlinstance"}
    code, found = doctor({**environ, **gvrs})
    assert amiss(found) == {f"list {gvrs['CLAIM_GVRS']}"} | ({"targets"} & set(found))
    assert code == run({**environ, **gvrs})


def test_the_api_is_away(environ: dict[str, str], tmp_path: Path) -> None:
    """The rest is examined all the same."""
    config = json.loads(Path(environ["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{free_port()}"
    away = tmp_path / "away"
    away.write_text(json.dumps(config))
    code, found = doctor({**environ, "KUBECONFIG": str(away)})
    assert code == run({**environ, "KUBECONFIG": str(away)}) == 1
    assert found["Kubernetes API"]["status"] == "failed"
    assert "up and reachable" in found["Kubernetes API"]["advice"]
    assert found["store"]["status"] == "ok"


def test_an_expired_token(environ: dict[str, str], stand_in: StandIn) -> None:
    """Is what a run ends with 4 for."""
    stand_in.cluster.token = "a newer one"
    code, found = doctor(environ)
    assert code == run(environ) == 4
    assert "renew the token" in found["Kubernetes API"]["advice"]


def test_the_gateway_is_away(environ: dict[str, str]) -> None:
    """And the address is reported."""
    away = {**environ, "PUSHGATEWAY_URL": f"http://127.0.0.1:{free_port()}"}
    code, found = doctor(away)
    assert code == run(away) == 1
    assert away["PUSHGATEWAY_URL"] in found["Pushgateway"]["detail"]


def test_it_is_no_gateway(environ: dict[str, str], s3: S3) -> None:
    """Something else answers there."""
    other = {**environ, "PUSHGATEWAY_URL": s3.url}
    code, found = doctor(other)
    assert (code != 0, found["Pushgateway"]["status"]) == (True, "failed")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"S3_BUCKET": "another-one"}, "create the bucket"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9"}, "S3_ENDPOINT"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "give the job credentials"),
    ],
)
def test_the_store_cannot_be_used(
    environ: dict[str, str], changes: dict[str, str], expected: str
) -> None:
    """No bucket, no server, no keys: each with its own advice, and the code of a run."""
    changed = {k: v for k, v in {**environ, **changes}.items() if v}
    changed["AWS_EC2_METADATA_DISABLED"] = "true"
    code, found = doctor(changed)
    assert code == run(changed)
    assert code in (1, 4)
    assert expected in found["store"]["detail"] + found["store"]["advice"]


def test_a_store_in_a_directory(environ: dict[str, str], tmp_path: Path) -> None:
    """Is tried likewise, and left as it was."""
    directory = tmp_path / "store"
    code, found = doctor({**environ, "STORE_BACKEND": "directory", "STORE_DIR": str(directory)})
    assert (code, found["store"]["status"]) == (0, "ok")
    assert [path.name for path in directory.iterdir()] == [".lock"]


def test_history_is_tried_where_it_is_kept(environ: dict[str, str], s3: S3, tmp_path: Path) -> None:
    """With what a run does there; it is no part of a run that could fail it."""
    wanted = {**environ, "HISTORY_KEEP": "2"}
    code, found = doctor(wanted)
    assert (code, found["history"]["status"]) == (0, "ok")
    directory = {**wanted, "STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path / "store")}
    assert doctor(directory)[1]["history"]["status"] == "ok"
    assert [path.name for path in (tmp_path / "store").iterdir()] == [".lock"]
    s3.fault = lambda method, path, _: (
        (403, "AccessDenied") if method == "DELETE" and "/history/" in path else None
    )
    code, found = doctor(wanted)
    assert (code, found["history"]["status"]) == (0, "warning")
    assert "s3:DeleteObject" in found["history"]["advice"]
    assert "history" not in doctor(environ)[1]


def test_the_probe_is_under_the_clusters_key(environ: dict[str, str], s3: S3) -> None:
    """A role that is limited to this cluster's keys and usage files is enough."""
    assert doctor({**environ, "CLUSTER_NAME": "east"})[0] == 0
    objects = [path for _, path, _ in s3.requests if path.strip("/") != "inventory"]  # its lock
    own = re.compile(r"/inventory/xp-tracker/(east/[^/]+|usage/doctor-probe-\w+/east\.csv\.gz)")
    assert [path for path in objects if not own.fullmatch(path)] == []


def test_usage_files_that_cannot_be_written_are_a_warning(environ: dict[str, str], s3: S3) -> None:
    """The advice names the missing permission. With USAGE=off, usage files are not checked."""
    s3.fault = lambda method, path, _: (
        (403, "AccessDenied") if method == "PUT" and "/usage/" in path else None
    )
    code, found = doctor(environ)
    assert (code, found["usage files"]["status"]) == (0, "warning")
    assert "s3:PutObject" in found["usage files"]["advice"]
    assert "usage files" not in doctor({**environ, "USAGE": "off"})[1]


def test_no_store_and_no_gateway(environ: dict[str, str]) -> None:
    """Are allowed, and warned about."""
    bare = {**environ, "STORE_BACKEND": "memory", "PUSHGATEWAY_URL": ""}
    code, found = doctor(bare)
    assert code == run(bare) == 0
    assert amiss(found) == {"store", "Pushgateway"}


def test_clocks_that_differ(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By more than a few seconds are reported."""
    from xpjob.doctor import checks as module
    from xpjob.net.response import Response

    late: Any = Response(200, {"Date": "Fri, 21 Aug 2026 09:00:00 GMT"}, b"")
    (check,) = module._skew("clock", late)
    assert check.status == "warning"
    assert "NTP" in check.advice
    assert list(module._skew("clock", Response(200, {}, b""))) == []


def test_mistakes_in_the_configuration(environ: dict[str, str]) -> None:
    """Are all named at once, as for a run."""
    done = xpjob("doctor", **{**environ, "PAGE_SIZE": "many", "S3_BUCKET": ""})
    assert done.returncode == 2
    assert "PAGE_SIZE" in done.stderr
    assert "S3_BUCKET" in done.stderr


def test_malformed_config_maps_do_not_stop_it(environ: dict[str, str], stand_in: StandIn) -> None:
    """As they do not stop a run."""
    stand_in.cluster.apply(CONFIGMAP, config_map("team-a", CLAIM_GVRS="nonsense"))
    assert doctor(environ)[0] == 0


def test_a_review_that_is_none(stand_in: StandIn) -> None:
    """Some proxy's page is an error, not a no."""
    from xpjob.base.errors import XpjobError

    api = connect(str(stand_in.kubeconfig), "", Timeouts(), 1)
    assert api.may_list(CLAIM.gvr)
    stand_in.cluster.allows = lambda _gvr: "not a boolean"  # type: ignore[assignment,return-value]
    with pytest.raises(XpjobError, match="invalid SelfSubjectAccessReview"):
        api.may_list(CLAIM.gvr)


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ({"allowed": True, "denied": None, "reason": None}, True),
        ({"allowed": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_cp19_null_in_a_review_is_no_permission(
    monkeypatch: pytest.MonkeyPatch, status: object, allowed: bool
) -> None:
    """It is how Go writes what is not there."""
    body = json.dumps({"kind": "SelfSubjectAccessReview", "status": status}).encode()
    api = Api("http://127.0.0.1", None, None, Timeouts())  # type: ignore[arg-type]
    monkeypatch.setattr(Api, "_send", lambda *_args, **_given: Response(201, {}, body))
    assert api.may_list(CLAIM.gvr) is allowed


def test_the_last_run_is_explained(environ: dict[str, str], stand_in: StandIn) -> None:
    """What it kept of a run before, why, and what to do; that is not a failure."""
    assert "last run" not in doctor(environ)[1]
    assert run(environ) == 0
    assert "complete" in doctor(environ)[1]["last run"]["detail"]
    stand_in.cluster.kinds = tuple(kind for kind in KINDS if kind != NETWORK)
    stand_in.cluster.fault = lambda path, _: Fault(503) if path == CLAIM.path() else None
    assert run(environ) == 0
    code, found = doctor(environ)
    assert code == 0
    assert "partial" in found["last run"]["detail"]
    missing = found[f"rows of {NETWORK.gvr}"]
    assert "the API does not serve this kind any more" in missing["detail"]
    assert "removed on purpose" in missing["advice"]
    failed = found[f"rows of {CLAIM.gvr}"]
    assert "503" in failed["detail"]
    assert {missing["status"], failed["status"]} == {"warning"}
