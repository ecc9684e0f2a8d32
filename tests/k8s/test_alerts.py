"""Every alert fires when it should and not before, as promtool computes it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.docs_pages import generated
from support.paths import COMPONENTS

RULES = COMPONENTS / "no-operator" / "xpjob-rules.yaml"
OPERATOR_RULE = COMPONENTS / "monitoring" / "prometheusrule.yaml"

MINUTES = 90
NOW = f"0+60x{MINUTES}"
"""A timestamp that is always the present: promtool's clock starts at 0, a sample each minute."""

_TARGET = 'job="xpjob-run", group="example.org", version="v1", resource="databases", namespace=""'
_CLAIMS = 'job="xpjob", kind="Database", namespace="team-a", composition="standard", team="a"'
_OLDEST = 'job="xpjob", class="managed", group="example.org", kind="Bucket", team="a"'
_PART = 'job="xpjob", kind="Provider", name="provider-aws", condition="Healthy"'
_MANY = 'job="xpjob", finding="TagWithSeveralDigests", namespace=""'
_MOVED = 'job="xpjob", finding="TagMoved", namespace=""'
_OLDEST_RECORD = 'deployment_records_oldest_pending_timestamp_seconds{job="xpjob-run"}'
_REJECTED = 'deployment_records_rejected{job="xpjob-run", cause='
_OF_HUB = 'xpjob_cluster_credentials_expiry_timestamp_seconds{job="xpjob-hub", credential='
_XRS = 'job="xpjob", kind="XDatabase", namespace="", composition="standard"'
_POOL = 'job="xpjob", label_group="node pool", label_group_value="workers"'
_TAINTED = 'job="xpjob", label_group="node pool", label_group_value="gpu"'
_SHOP = 'job="xpjob", namespace="shop"'
_OPERATOR = 'job="xpjob", namespace="infra", deployment="headless"'
_STATES = {
    **dict.fromkeys(("foreign", "missing", "noAddress", "wrongAddress", "stale"), 0),
    # Some have been there for long, and nobody minds.
    "served": 20,
    "redundant": 1,
    "hostNetwork": 1,
    "familyMissing": 0,
    "orphan": 2,
}
_OLM = 'job="xpjob", manager="olm", namespace="logging", operator="logging"'
_DEGRADED = 'clusterpulse_cluster_operator_degraded{job="xpjob", operator="dns"}'
_AVAILABLE = 'clusterpulse_cluster_operator_available{job="xpjob", operator="dns"}'
_EXPIRY = 'registry_certificate_expiry_timestamp_seconds{job="xpjob", registry="r"}'
_PUSHES = 'pushgateway_http_requests_total{job="xpjob-gateway", handler="push"'
_PENDING = 'job="xpjob", namespace="team-a", team="a"'

HEALTHY = {
    'xpjob_last_success_timestamp_seconds{job="xpjob-run"}': NOW,
    'xpjob_last_run_timestamp_seconds{job="xpjob-run"}': NOW,
    'xpjob_last_run_success{job="xpjob-run"}': "1x90",
    'xpjob_last_run_duration_seconds{job="xpjob-run"}': "4x90",
    f"xpjob_target_success{{{_TARGET}}}": "1x90",
    'xpjob_collector_success{job="xpjob-run", collector="capacity"}': "1x90",
    'xpjob_malformed_namespace_configs{job="xpjob-run"}': "0x90",
    'push_time_seconds{job="xpjob"}': NOW,
    'push_time_seconds{job="xpjob-run"}': NOW,
    'push_failure_time_seconds{job="xpjob"}': "0x90",
    'push_failure_time_seconds{job="xpjob-run"}': "0x90",
    f'{_PUSHES}, code="200"}}': "0+2x90",
    f'{_PUSHES}, code="400"}}': "3x90",
    # Of somebody else's gateway.
    'pushgateway_http_requests_total{job="other", handler="push", code="400"}': "0+2x90",
    'xpjob_inventory_series{job="xpjob", family="crossplane_claims_total"}': "1x90",
    'xpjob_inventory_series{job="xpjob", family="crossplane_xr_total"}': "1x90",
    'xpjob_inventory_series{job="xpjob", family="xp_tracker_store_claims"}': "1x90",
    f"crossplane_claims_total{{{_CLAIMS}}}": "100x90",
    f"crossplane_claims_ready{{{_CLAIMS}}}": "95x90",
    f"crossplane_xr_total{{{_XRS}}}": "100x90",
    f"crossplane_xr_ready{{{_XRS}}}": "95x90",
    f"crossplane_oldest_deleting_seconds{{{_OLDEST}}}": "0x90",
    f"crossplane_platform_condition{{{_PART}}}": "1x90",
    f'capacity_fit_pods{{{_POOL}, shape="small"}}': "40x90",
    f'capacity_fit_pods_max{{{_POOL}, shape="small"}}': "80x90",
    # Nothing fits on nodes that are all tainted, which is meant, or too small for the shape.
    f'capacity_fit_pods{{{_TAINTED}, shape="small"}}': "0x90",
    f'capacity_fit_pods_max{{{_TAINTED}, shape="small"}}': "0x90",
    # Two of three that the only node can hold.
    f'capacity_fit_pods{{{_POOL}, shape="large"}}': "2x90",
    f'capacity_fit_pods_max{{{_POOL}, shape="large"}}': "3x90",
    f'capacity_pending_oldest_seconds{{{_PENDING}, reason="Unschedulable"}}': "60x90",
    f'capacity_pending_oldest_seconds{{{_PENDING}, reason="SchedulingGated"}}': "7200x90",
    'clusterpulse_node_ready{job="xpjob", node="a"}': "1x90",
    f"clusterpulse_operator_succeeded{{{_OLM}}}": "1x90",
    f"clusterpulse_operator_approval_required{{{_OLM}}}": "0x90",
    _DEGRADED: "0x90",
    _AVAILABLE: "1x90",
    'registry_up{job="xpjob", registry="r"}': "1x90",
    'registry_auth_ok{job="xpjob", registry="r"}': "-1x90",
    _EXPIRY: f"{30 * 86_400}x90",
    f"xpjob_deployment_findings{{{_MANY}}}": "0x90",
    f"xpjob_deployment_findings{{{_MOVED}}}": "0x90",
    _OLDEST_RECORD: "0x90",
    f'{_REJECTED}"unauthorized"}}': "0x90",
    # Images that are not built in repositories of GitHub.
    f'{_REJECTED}"not_found"}}': "5x90",
    **{
        f'xpjob_pod_services{{{_SHOP}, state="{state}"}}': f"{number}x90"
        for state, number in _STATES.items()
    },
    f"k8s_headless_service_operator_available{{{_OPERATOR}}}": "1x90",
    'xpjob_pod_services_complete_timestamp_seconds{job="xpjob"}': NOW,
    'up{job="xpjob-gateway", endpoint="metrics"}': "1x90",
    'up{job="xpjob-gateway", endpoint="http"}': "1x90",
    "xpjob_reader_snapshot_age_seconds": "30x90",
    'xpjob_cluster_up{job="xpjob-hub"}': "1x90",
    'xpjob_cluster_conflict{job="xpjob-hub"}': "0x90",
    # Of an hour, and renewed before; of a certificate, which is good for two weeks more.
    f'{_OF_HUB}"token"}}': "3600x45 6300x45",
    f'{_OF_HUB}"certificate"}}': "1209600x90",
}

CASES: dict[str, tuple[dict[str, str | None], int, set[str]]] = {
    # alert: what differs from HEALTHY (None: absent), the minute from which it fires, and
    # which others that are told of the same fire with it then
    "XpjobNoSuccessfulRun": (
        {'xpjob_last_success_timestamp_seconds{job="xpjob-run"}': "0+60x10 600x80"},
        15,
        set(),
    ),
    "XpjobNeverSucceeded": (
        {'xpjob_last_success_timestamp_seconds{job="xpjob-run"}': None},
        5,
        set(),
    ),
    "XpjobRunsFailing": ({'xpjob_last_run_success{job="xpjob-run"}': "1x10 0x80"}, 14, set()),
    "XpjobRunNearsInterval": (
        {'xpjob_last_run_duration_seconds{job="xpjob-run"}': "4x10 34x80"},
        16,
        set(),
    ),
    "XpjobTargetFailing": ({f"xpjob_target_success{{{_TARGET}}}": "1x10 0x80"}, 16, set()),
    "XpjobCollectorFailing": (
        {'xpjob_collector_success{job="xpjob-run", collector="capacity"}': "1x10 0x80"},
        16,
        set(),
    ),
    "XpjobTenantConfigMalformed": (
        {'xpjob_malformed_namespace_configs{job="xpjob-run"}': "0x10 2x80"},
        26,
        set(),
    ),
    "XpjobPushRefused": (
        {
            'push_time_seconds{job="xpjob"}': "0+60x10 600x80",
            'push_failure_time_seconds{job="xpjob"}': f"0x10 660+60x{MINUTES - 11}",
        },
        13,
        set(),
    ),
    "XpjobRequestsToGatewayFail": (
        {f'{_PUSHES}, code="400"}}': "3x10 4+1x79"},
        16,
        set(),
    ),
    "XpjobSeriesMissing": (
        {'xpjob_inventory_series{job="xpjob", family="crossplane_claims_total"}': "1x10 2x80"},
        16,
        set(),
    ),
    "XpjobGatewayEmpty": ({'push_time_seconds{job="xpjob"}': "0+60x10 stale"}, 16, set()),
    "XpjobGatewayAway": ({'up{job="xpjob-gateway", endpoint="metrics"}': "1x10 0x80"}, 14, set()),
    "XpjobReaderAway": ({'up{job="xpjob-gateway", endpoint="http"}': "1x10 stale"}, 14, set()),
    "XpjobSnapshotOld": ({"xpjob_reader_snapshot_age_seconds": "30x10 90+60x79"}, 17, set()),
    "XpjobClusterDown": ({'xpjob_cluster_up{job="xpjob-hub"}': "1x10 0x80"}, 16, set()),
    "XpjobClusterConflict": ({'xpjob_cluster_conflict{job="xpjob-hub"}': "0x10 1x80"}, 12, set()),
    "XpjobClusterCredentialsExpire": ({f'{_OF_HUB}"certificate"}}': "600000x90"}, 60, set()),
    "CrossplaneClaimReadinessLow": (
        {f"crossplane_claims_ready{{{_CLAIMS}}}": "95x10 85x80"},
        26,
        set(),
    ),
    "CrossplaneClaimReadinessCritical": (
        {f"crossplane_claims_ready{{{_CLAIMS}}}": "95x10 40x80"},
        21,
        set(),
    ),
    "CrossplaneXrReadinessLow": ({f"crossplane_xr_ready{{{_XRS}}}": "95x10 85x80"}, 26, set()),
    "CrossplaneXrReadinessCritical": (
        {f"crossplane_xr_ready{{{_XRS}}}": "95x10 40x80"},
        21,
        set(),
    ),
    "CrossplaneDeletionStuck": (
        {f"crossplane_oldest_deleting_seconds{{{_OLDEST}}}": "0x5 0+60x85"},
        72,
        set(),
    ),
    "CrossplanePlatformPartUnhealthy": (
        {f"crossplane_platform_condition{{{_PART}}}": "1x10 0x80"},
        26,
        set(),
    ),
    "CapacityAlmostFull": (
        {f'capacity_fit_pods{{{_POOL}, shape="small"}}': "40x10 2x80"},
        41,
        set(),
    ),
    "PodsPendingLong": (
        {
            f'capacity_pending_oldest_seconds{{{_PENDING}, reason="Unschedulable"}}': (
                "60x10 901+60x79"
            )
        },
        16,
        set(),
    ),
    "NodeOverfull": (
        {'capacity_overfull{job="xpjob", node="a", resource="cpu"}': "_x10 0.17x80"},
        25,
        set(),
    ),
    "NodeNotReady": (
        {'clusterpulse_node_ready{job="xpjob", node="a"}': "1x10 -1x80"},
        21,
        set(),
    ),
    "OperatorNotSucceeded": (
        {f"clusterpulse_operator_succeeded{{{_OLM}}}": "1x10 0x80"},
        26,
        set(),
    ),
    "OperatorUpgradeWaits": (
        {f"clusterpulse_operator_approval_required{{{_OLM}}}": "0x10 1x80"},
        71,
        set(),
    ),
    "ClusterOperatorDegraded": ({_AVAILABLE: "1x10 0x80"}, 21, set()),
    "RegistryDown": (
        {'registry_up{job="xpjob", registry="r"}': "1x10 0x80"},
        16,
        set(),
    ),
    "RegistryCredentialsWrong": (
        {'registry_auth_ok{job="xpjob", registry="r"}': "1x10 0x80"},
        21,
        set(),
    ),
    # From the eleventh minute on it expires within two weeks.
    "RegistryCertificateExpires": ({_EXPIRY: f"{14 * 86_400 + 630}x90"}, 71, set()),
    "ImageTagWithSeveralDigests": (
        {f"xpjob_deployment_findings{{{_MANY}}}": "0x5 1x85"},
        66,
        set(),
    ),
    "ImageTagMoved": ({f"xpjob_deployment_findings{{{_MOVED}}}": "0x10 2x80"}, 16, set()),
    "DeploymentRecordsPendingLong": ({_OLDEST_RECORD: "0x10 600x80"}, 76, set()),
    "DeploymentRecordsRejected": ({f'{_REJECTED}"unauthorized"}}': "0x10 2x80"}, 71, set()),
    "HeadlessServiceForeign": (
        {f'xpjob_pod_services{{{_SHOP}, state="foreign"}}': "0x10 1x80"},
        12,
        set(),
    ),
    "HeadlessServicesBad": (
        {f'xpjob_pod_services{{{_SHOP}, state="wrongAddress"}}': "0x10 2x80"},
        14,
        set(),
    ),
    "HeadlessServiceCreationErrorRateHigh": (
        {f'xpjob_pod_services{{{_SHOP}, state="missing"}}': "0x10 5x80"},
        21,
        {"HeadlessServicesBad"},
    ),
    "HeadlessServiceOrphansGrow": (
        {f'xpjob_pod_services{{{_SHOP}, state="orphan"}}': "2x10 3+1x79"},
        21,
        set(),
    ),
    "HeadlessServiceOperatorDown": (
        {f"k8s_headless_service_operator_available{{{_OPERATOR}}}": "1x10 0x80"},
        16,
        set(),
    ),
    "HeadlessServicesUnknown": (
        {'xpjob_pod_services_complete_timestamp_seconds{job="xpjob"}': "0+60x10 600x80"},
        18,
        set(),
    ),
    "CrossplaneManyNotReady": (
        {f"crossplane_claims_ready{{{_CLAIMS}}}": "95x10 75x80"},
        41,
        {"CrossplaneClaimReadinessLow"},
    ),
}


def rules() -> list[dict[str, Any]]:
    """Return every rule that is shipped."""
    document = yaml.safe_load(RULES.read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def firing(minute: int, alerts: set[str], rest: str = "") -> dict[str, Any]:
    """Return promtool's demand that exactly these alerts fire at that minute."""
    samples = [{"labels": f'{{alertname="{name}"{rest}}}', "value": 1} for name in sorted(alerts)]
    by = "alertname, cluster" if rest else "alertname"
    expr = f'count by ({by}) (ALERTS{{alertstate="firing"}})'
    return {"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}


def promtool(path: Path, series: dict[str, str], demands: list[dict[str, Any]]) -> None:
    """Let promtool evaluate the rules over these series and hold them against the demands."""
    listed = [{"series": name, "values": values} for name, values in series.items()]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": listed, "promql_expr_test": demands}],
    }
    # Of its own format, YAML, JSON is a part.
    (path / "test.yaml").write_text(json.dumps(document))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path / "test.yaml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_fires_on_a_healthy_platform(tmp_path: Path) -> None:
    """From the first minute to the last, 400s of long ago notwithstanding."""
    promtool(tmp_path, HEALTHY, [firing(minute, set()) for minute in (0, 5, 45, MINUTES)])


@pytest.mark.parametrize("alert", CASES)
def test_it_fires_then_and_not_before(alert: str, tmp_path: Path) -> None:
    """A minute before its time it does not; at its time it does, and no other alert with it."""
    changes, minute, others = CASES[alert]
    series = {k: v for k, v in {**HEALTHY, **changes}.items() if v is not None}
    promtool(tmp_path, series, [firing(minute - 1, others), firing(minute, {alert, *others})])


def test_of_two_clusters_the_failing_one_is_named(tmp_path: Path) -> None:
    """Clusters that share a Prometheus do not cover each other's trouble up."""
    broken = {
        'xpjob_last_success_timestamp_seconds{job="xpjob-run"}': "0x90",
        f"crossplane_claims_ready{{{_CLAIMS}}}": "5x90",
        'xpjob_inventory_series{job="xpjob", family="crossplane_xr_total"}': "7x90",
    }
    series = {}
    for cluster, values in (("good", HEALTHY), ("bad", {**HEALTHY, **broken})):
        for name, value in values.items():
            if name.startswith(("up", "pushgateway_")):
                series[name] = value
            else:
                series[name.replace("{", f'{{cluster="{cluster}", ', 1)] = value
    del series["xpjob_reader_snapshot_age_seconds"]
    for cluster in ("good", "bad"):
        series[f'xpjob_reader_snapshot_age_seconds{{cluster="{cluster}"}}'] = "30x90"
    alerts = {
        "XpjobNoSuccessfulRun",
        "XpjobSeriesMissing",
        "CrossplaneClaimReadinessLow",
        "CrossplaneClaimReadinessCritical",
        "CrossplaneManyNotReady",
    }
    promtool(tmp_path, series, [firing(40, alerts, ', cluster="bad"')])


def test_every_alert_has_a_case() -> None:
    """None is shipped untried."""
    assert {rule["alert"] for rule in rules()} == set(CASES)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """With a severity, a summary and a runbook line."""
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}


def test_every_alert_is_documented(request: pytest.FixtureRequest) -> None:
    """The table is generated: ``--update-golden`` writes it."""
    table = "| alert | severity | what it means | what to do |\n|---|---|---|---|\n"
    for rule in rules():
        said = rule["annotations"]
        summary = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"`\1`", said["summary"].rstrip("."))
        means = f"{summary}, for {rule['for']}"
        cells = (f"`{rule['alert']}`", rule["labels"]["severity"], means, said["runbook"])
        table += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    write = request.config.getoption("--update-golden")
    generated("k8s", "alerts", f"\n{table}\n", write=write)


def test_the_operators_rules_are_the_same() -> None:
    """PrometheusRule and plain file have the same groups."""
    operator = yaml.safe_load(OPERATOR_RULE.read_text())
    assert operator["spec"] == yaml.safe_load(RULES.read_text())
