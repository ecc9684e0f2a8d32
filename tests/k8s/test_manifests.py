"""The manifests say what they should; whether the API server takes them is tested in tests/e2e."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support.capacity_section import planned
from support.manifests import (
    COMPONENTS,
    OVERLAYS,
    built,
    objects,
    pick,
    pod_specs,
    with_component,
)
from support.paths import K8S, ROOT
from support.services_section import cluster_of
from support.services_section import planned as planned_services
from xpjob import __version__
from xpjob.base.errors import SettingsError
from xpjob.collectors.clusters.lists import COUNTED, OPTIONAL
from xpjob.collectors.deployments.higher import KINDS
from xpjob.collectors.deployments.owners import LISTED
from xpjob.commands.groups import GROUPS, OPTIONS
from xpjob.config.option import load
from xpjob.run.hub import hub
from xpjob.run.hub.options import HubOptions
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.run.shard import Shard

BASE = objects(K8S / "base")
EVERYTHING = [K8S / "base", *(K8S / "overlays" / name for name in OVERLAYS)]
AMAZONS = {"AWS_EC2_METADATA_DISABLED"}


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_images_are_pinned(folder: Path) -> None:
    """By a version, ours by that of this very code, in every container."""
    specs = pod_specs(objects(folder)).values()
    images = {
        container["image"]
        for spec in specs
        for container in [*spec["containers"], *spec.get("initContainers", [])]
    }
    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in images), images
    assert f"ghcr.io/xpjob/xpjob:{__version__}" in images


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_can_be_added_to_the_base(name: str, tmp_path: Path) -> None:
    """On its own."""
    assert len(objects(with_component(tmp_path, name))) >= len(BASE) - 1


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_everything_is_in_crossplanes_namespace(folder: Path) -> None:
    """And the namespace itself is not ours to make, or to remove."""
    for item in objects(folder):
        assert item["kind"] != "Namespace"
        if not item["kind"].startswith("ClusterRole"):
            assert item["metadata"]["namespace"] == "crossplane-system", item["metadata"]


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_labels_are_those_that_kubernetes_recommends(folder: Path) -> None:
    """On objects of the base and on their pods."""
    for item in objects(folder):
        labels = item["metadata"].get("labels", {})
        if "xpjob-s3" not in item["metadata"]["name"] and "trial" not in item["metadata"]["name"]:
            assert labels["app.kubernetes.io/name"] == "xpjob", item["metadata"]["name"]
            assert labels["app.kubernetes.io/part-of"] == "xpjob"


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_only_the_job_has_a_token(folder: Path) -> None:
    """Of the service account; what is reached over the network holds none."""
    for owner, spec in pod_specs(objects(folder)).items():
        assert spec["automountServiceAccountToken"] is (owner == "xpjob"), owner
    for item in objects(folder):
        if item["kind"] == "ServiceAccount":
            assert item["automountServiceAccountToken"] is False


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_containers_are_confined(folder: Path) -> None:
    """No root, nothing to write to but volumes, bounds on what they take."""
    for spec in pod_specs(objects(folder)).values():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            for bound in ("requests", "limits"):
                assert set(container["resources"][bound]) == {"cpu", "memory"}


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_every_pod_has_network_policies(folder: Path) -> None:
    """That name both directions, so that what is not named is refused."""
    items = objects(folder)
    for owner in pod_specs(items):
        pod = next(i for i in items if i["kind"] != "Service" and i["metadata"]["name"] == owner)
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        covered = {
            direction
            for item in items
            if item["kind"] == "NetworkPolicy"
            and item["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
            == component
            for direction in item["spec"]["policyTypes"]
        }
        assert covered == {"Ingress", "Egress"}, owner


def test_a_run_fits_into_its_interval() -> None:
    """It is ended before the next is due, and what it may wait for fits into that."""
    cron = pick(BASE, "CronJob")["spec"]
    job = cron["jobTemplate"]["spec"]
    config = pick(BASE, "ConfigMap")["data"]
    interval = int(config["POLL_INTERVAL_SECONDS"])
    assert (cron["schedule"], interval) == ("* * * * *", 60)
    assert 0 < cron["startingDeadlineSeconds"] < interval
    assert job["activeDeadlineSeconds"] < interval
    longest = float(config["REQUEST_TIMEOUT_SECONDS"]) + float(config["PUSH_TIMEOUT_SECONDS"])
    assert longest < job["activeDeadlineSeconds"]


def test_exit_codes_that_are_final_are_not_retried() -> None:
    """Those of xpjob's own errors, in its own container only."""
    job = pick(BASE, "CronJob")["spec"]["jobTemplate"]["spec"]
    ignore, fail = job["podFailurePolicy"]["rules"]
    assert ignore == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    (container,) = job["template"]["spec"]["containers"]
    assert fail == {
        "action": "FailJob",
        "onExitCodes": {"containerName": container["name"], "operator": "In", "values": [2, 4]},
    }


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_the_configuration_is_one_that_xpjob_takes(folder: Path) -> None:
    """Every variable exists, and the whole is without a mistake; the base lacks a bucket."""
    items = objects(folder)
    name = pod_specs(items)["xpjob"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    config = pick(items, "ConfigMap", name)["data"]
    known = {option.variable for option in OPTIONS}
    assert set(config) - known <= AMAZONS
    if config["S3_BUCKET"]:
        load({}, config, GROUPS)
    else:
        with pytest.raises(SettingsError, match="S3_BUCKET: is not set"):
            load({}, config, GROUPS)


def test_the_service_is_the_one_that_is_pushed_to() -> None:
    """By name and port; and it selects the gateway's pod."""
    service = pick(BASE, "Service")
    url = pick(BASE, "ConfigMap")["data"]["PUSHGATEWAY_URL"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert url == f"http://{service['metadata']['name']}:{ports['metrics']}"
    pod = pick(BASE, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pod.items()
    assert set(ports) == {"metrics", "http"}


@pytest.mark.parametrize("folder", EVERYTHING, ids=lambda path: path.name)
def test_roles_name_no_secrets(folder: Path) -> None:
    """And nothing but get and list, and one namespace; others fill in the aggregated role."""
    for item in objects(folder):
        for rule in item.get("rules") or []:
            assert set(rule["verbs"]) <= {"get", "list"}
            assert "*" not in rule["apiGroups"]
            if "" in rule["apiGroups"] and rule["resources"] != ["configmaps"]:
                # One namespace by name, whose uid identifies the cluster.
                assert (rule["resources"], rule["verbs"]) == (["namespaces"], ["get"])
                assert rule["resourceNames"] == ["kube-system"]


def test_a_collectors_component_grants_what_it_lists(tmp_path: Path) -> None:
    """Get and list, on the resources of its plan, to the account of the job."""
    items = objects(with_component(tmp_path, "collectors/capacity"))
    (rule,) = pick(items, "ClusterRole", "xpjob-capacity")["rules"]
    plan = planned(namespace_team_key="example.org/team")
    assert set(rule["resources"]) == {each.key.gvr.resource for each in plan.subscriptions}
    assert (rule["apiGroups"], rule["verbs"]) == ([""], ["get", "list"])
    binding = pick(items, "ClusterRoleBinding", "xpjob-capacity")
    assert binding["roleRef"]["name"] == "xpjob-capacity"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "xpjob", "namespace": "crossplane-system"}
    ]


def test_the_component_of_deployments_grants_what_it_lists(tmp_path: Path) -> None:
    """Get and list on pods, and on every kind that the collector looks for owners in."""
    items = objects(with_component(tmp_path, "collectors/deployments"))
    granted: set[tuple[str, str]] = set()
    for rule in pick(items, "ClusterRole", "xpjob-deployments")["rules"]:
        assert rule["verbs"] == ["get", "list"]
        (group,) = rule["apiGroups"]
        granted |= {(group, resource) for resource in rule["resources"]}
    listed = {(group, resource) for (group, _), resource in LISTED.items()}
    higher = {(group, resource) for group, some in KINDS.items() for resource in some}
    assert granted == {("", "pods"), ("", "replicationcontrollers"), *listed, *higher}
    binding = pick(items, "ClusterRoleBinding", "xpjob-deployments")
    assert binding["roleRef"]["name"] == "xpjob-deployments"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "xpjob", "namespace": "crossplane-system"}
    ]


def test_the_component_of_sources_grants_documents_and_what_is_aggregated(tmp_path: Path) -> None:
    """Its files are where METRIC_SOURCES says; what sources count is granted by labelled roles."""
    items = objects(with_component(tmp_path, "collectors/sources"))
    role = pick(items, "ClusterRole", "xpjob-sources")
    (selector,) = role["aggregationRule"]["clusterRoleSelectors"]
    documents = pick(items, "ClusterRole", "xpjob-sources-documents")
    assert selector["matchLabels"].items() <= documents["metadata"]["labels"].items()
    granted = {
        (group, resource)
        for rule in documents["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert granted == {("", "configmaps"), ("clusterpulse.io", "metricsources")}
    assert {verb for rule in documents["rules"] for verb in rule["verbs"]} == {"get", "list"}
    pod = pick(items, "CronJob", "xpjob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (path,) = [env["value"] for env in container["env"] if env["name"] == "METRIC_SOURCES"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "sources"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "sources"]
    assert (mount["mountPath"], mount["readOnly"]) == (path, True)
    assert volume["configMap"] == {"name": "xpjob-sources"}


def test_the_component_of_services_grants_what_it_lists(tmp_path: Path) -> None:
    """Get and list, on the resources of its plan, and on Endpoints, which planning reads."""
    items = objects(with_component(tmp_path, "collectors/services"))
    granted: set[tuple[str, str]] = set()
    for rule in pick(items, "ClusterRole", "xpjob-services")["rules"]:
        assert rule["verbs"] == ["get", "list"]
        (group,) = rule["apiGroups"]
        granted |= {(group, resource) for resource in rule["resources"]}
    keys, _ = planned_services(cluster_of({}), service_operator="infra/headless")
    listed = {(key.gvr.group, key.gvr.resource) for key in keys}
    assert granted == {*listed, ("", "endpoints")}
    binding = pick(items, "ClusterRoleBinding", "xpjob-services")
    assert binding["roleRef"]["name"] == "xpjob-services"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "xpjob", "namespace": "crossplane-system"}
    ]


def test_the_component_of_clusters_grants_what_it_lists(tmp_path: Path) -> None:
    """Get and list on what is listed or counted, and on no other kind."""
    items = objects(with_component(tmp_path, "collectors/clusters"))
    granted: set[tuple[str, str]] = set()
    for rule in pick(items, "ClusterRole", "xpjob-clusters")["rules"]:
        assert rule["verbs"] == ["get", "list"]
        (group,) = rule["apiGroups"]
        granted |= {(group, resource) for resource in rule["resources"]}
    counted = {(gvr.group, gvr.resource) for gvr in COUNTED}
    optional = {(kind.group, kind.resource) for kind in OPTIONAL}
    assert granted == {("", "nodes"), ("", "pods"), *counted, *optional}
    binding = pick(items, "ClusterRoleBinding", "xpjob-clusters")
    assert binding["roleRef"]["name"] == "xpjob-clusters"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "xpjob", "namespace": "crossplane-system"}
    ]


def test_registries_are_mounted_into_the_job_only(tmp_path: Path) -> None:
    """Where the documentation says that they are, and the job may reach them."""
    items = objects(
        with_component(tmp_path, "collectors/clusters", "collectors/clusters-registries")
    )
    specs = pod_specs(items)
    (volume,) = specs["xpjob"]["volumes"]
    assert volume["secret"] == {"secretName": "xpjob-registries", "defaultMode": 0o440}
    assert specs["xpjob"]["securityContext"]["fsGroup"] == 65532
    (mount,) = specs["xpjob"]["containers"][0]["volumeMounts"]
    documented = (ROOT / "xpjob/collectors/clusters/REGISTRIES.md").read_text()
    assert f"secret generic {volume['secret']['secretName']} --from-file=" in documented
    assert f"REGISTRIES_FILE={mount['mountPath']}/registries.yaml" in documented
    assert "xpjob-registries" not in str(specs["xpjob-gateway"])
    own, base = (pick(items, "NetworkPolicy", name) for name in ("xpjob-registries", "xpjob-job"))
    assert own["spec"]["podSelector"] == base["spec"]["podSelector"]


def test_credentials_for_github_are_mounted_into_the_job_only(tmp_path: Path) -> None:
    """Where the documentation says that they are, readable for the job's user and no other."""
    items = objects(
        with_component(tmp_path, "collectors/deployments", "collectors/deployments-github")
    )
    specs = pod_specs(items)
    (volume,) = specs["xpjob"]["volumes"]
    assert volume["secret"] == {"secretName": "xpjob-github", "defaultMode": 0o440}
    assert specs["xpjob"]["securityContext"]["fsGroup"] == 65532
    (mount,) = specs["xpjob"]["containers"][0]["volumeMounts"]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    documented = (ROOT / "xpjob/collectors/deployments/GITHUB.md").read_text()
    assert f"secret generic {volume['secret']['secretName']} --from-file=key.pem" in documented
    for variable, file in (("GH_APP_PRIV_KEY_PATH", "key.pem"), ("API_TOKEN_FILE", "token")):
        assert re.search(rf"{variable}\W+{mount['mountPath']}/{file}`", documented)
    assert "xpjob-github" not in str(specs["xpjob-gateway"])


def test_the_job_may_reach_github_whatever_its_other_policy_says(tmp_path: Path) -> None:
    """The policy selects the pods that the base's selects; policies add up."""
    items = objects(with_component(tmp_path, "collectors/deployments-github"))
    own, base = (pick(items, "NetworkPolicy", name) for name in ("xpjob-github", "xpjob-job"))
    assert own["spec"]["podSelector"] == base["spec"]["podSelector"]
    assert own["spec"]["policyTypes"] == ["Egress"]
    assert own["spec"]["egress"] == [{"ports": [{"port": 443, "protocol": "TCP"}]}]


def test_the_variant_binds_to_crossplanes_own_role(tmp_path: Path) -> None:
    """And leaves no role of ours for claims behind."""
    items = objects(with_component(tmp_path, "crossplane-view"))
    binding = pick(items, "ClusterRoleBinding", "xpjob-crossplane-view")
    assert binding["roleRef"]["name"] == "crossplane-view"
    assert binding["subjects"][0]["name"] == "xpjob"
    assert [i["metadata"]["name"] for i in items if i["kind"] == "ClusterRole"] == [
        "xpjob-definitions",
        "xpjob-identity",
        "xpjob-tenants",
    ]


def test_persistence_can_be_had(tmp_path: Path) -> None:
    """For longer intervals: a volume that the gateway's user may write to."""
    items = objects(with_component(tmp_path, "gateway-persistence"))
    spec = pod_specs(items)["xpjob-gateway"]
    gateway = spec["containers"][0]
    assert gateway["name"] == "pushgateway"
    assert "--persistence.file=/data/pushgateway" in gateway["args"]
    claim = spec["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert pick(items, "PersistentVolumeClaim", claim)
    assert spec["securityContext"]["fsGroup"] == 65532


def test_the_trials_keys_are_the_same_on_both_sides() -> None:
    """The server's and the job's come from one Secret, by the name it has after hashing."""
    items = objects(K8S / "overlays" / "trial")
    specs = pod_specs(items)
    server = specs["xpjob-s3"]["containers"][0]["env"]
    secret = pick(items, "Secret")["metadata"]["name"]
    assert {e["valueFrom"]["secretKeyRef"]["name"] for e in server} == {secret}
    for owner, container in (("xpjob", 0), ("xpjob-gateway", 1)):
        refs = specs[owner]["containers"][container]["envFrom"]
        assert refs[1]["secretRef"]["name"] == secret
    data = pick(items, "ConfigMap")["data"]
    assert f"/data/buckets/{data['S3_BUCKET']}" in str(specs["xpjob-s3"]["initContainers"])


def test_every_shard_of_a_run_has_a_pod() -> None:
    """All at once; each knows its own number, and the run that it is a part of."""
    items = objects(K8S / "overlays" / "sharded")
    job = pick(items, "CronJob")["spec"]["jobTemplate"]["spec"]
    assert (job["completionMode"], job["backoffLimitPerIndex"]) == ("Indexed", 1)
    assert "backoffLimit" not in job  # it would count the tries of all pods together
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    (container,) = job["template"]["spec"]["containers"]
    index, shard, generation = container["env"]
    assert index["name"] == "JOB_COMPLETION_INDEX"
    assert "job-completion-index" in index["valueFrom"]["fieldRef"]["fieldPath"]
    assert generation["name"] == "SHARD_GENERATION"
    assert "controller-uid" in generation["valueFrom"]["fieldRef"]["fieldPath"]
    environ = {
        "SHARD": shard["value"].replace("$(JOB_COMPLETION_INDEX)", "0"),
        "SHARD_GENERATION": "4a6e6f8c-3b0e-4f57-9a51-0f3f5c1f6f0e",
        **pick(items, "ConfigMap")["data"],
        "S3_BUCKET": "inventory",
    }
    count = job["completions"]
    assert load({}, environ, GROUPS)[ShardOptions].shard == Shard(0, count)
    assert job["parallelism"] == count


def test_every_cluster_of_a_hub_has_a_pod(tmp_path: Path) -> None:
    """Each pod knows its number, and its clusters and their credentials are in one folder."""
    items = objects(with_component(tmp_path, "hub"))
    job = pick(items, "CronJob")["spec"]["jobTemplate"]["spec"]
    assert (job["completionMode"], job["backoffLimitPerIndex"]) == ("Indexed", 1)
    assert "backoffLimit" not in job
    actions = [rule["action"] for rule in job["podFailurePolicy"]["rules"]]
    assert actions == ["Ignore", "FailIndex"]  # one pod's clusters do not end the others
    pod = job["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > hub.GRACE
    (container,) = pod["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    config = load(
        {},
        {
            **pick(items, "ConfigMap")["data"],
            **environ,
            "S3_BUCKET": "inventory",
            "JOB_COMPLETION_INDEX": str(job["completions"] - 1),  # Kubernetes sets it
        },
        GROUPS,
    )
    options = config[HubOptions]
    assert (options.cluster_count, job["parallelism"]) == (job["completions"],) * 2
    assert options.cluster_index == job["completions"] - 1
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert str(options.clusters) == f"{mounted['clusters']}/clusters.yaml"
    assert mounted["temporary"] == "/tmp"
    # One round of runs fits into the time of the Job.
    assert config[RunOptions].run_deadline_seconds + 10 < job["activeDeadlineSeconds"]


def test_the_samples_are_what_the_job_looks_for() -> None:
    """A tenant's ConfigMap has the label and keys of the contract."""
    sample = yaml.safe_load((K8S / "samples" / "tenant.yaml").read_text())
    assert sample["metadata"]["labels"] == {"xp-tracker.kanzi.io/config": "gvrs"}
    assert set(sample["data"]) == {
        "CLAIM_GVRS",
        "XR_GVRS",
        "CREATOR_ANNOTATION_KEY",
        "TEAM_ANNOTATION_KEY",
    }


def test_no_manifest_carries_a_real_credential() -> None:
    """Only the trial has keys, and they say that they are none."""
    for folder in EVERYTHING:
        assert ("AWS_SECRET_ACCESS_KEY" in built(folder)) == (folder.name == "trial")
