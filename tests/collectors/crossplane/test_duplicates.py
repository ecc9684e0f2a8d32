"""External names: what they are unique within, and what is not known of it."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.field_cases import case
from support.records import to_mr
from support.stand_in import managed
from xpjob.collectors.crossplane.duplicates import duplicates
from xpjob.collectors.crossplane.outside import Scope, scope_of, type_of
from xpjob.collectors.crossplane.records import ManagedResource
from xpjob.kube.discovery import Kind

SURE, POSSIBLE = "DuplicateExternalName", "PossibleDuplicateExternalName"
S3, S3_M = "s3.aws.upbound.io", "s3.aws.m.upbound.io"
CLUSTER_CONFIG = {"kind": "ClusterProviderConfig", "name": "default"}
EUROPE = {"region": "eu-west-1"}
ARN = "arn:aws:sns:eu-west-1:123456789012:orders"


def mr(
    name: str,
    outside: dict[str, Any] | None = None,
    *,
    kind: str = "Bucket",
    group: str = S3,
    namespace: str = "",
    external_name: str = "app",
    owner: str = "",
    **spec: Any,
) -> ManagedResource:
    """Return the record of an MR with this ``forProvider``."""
    annotations = {"crossplane.io/external-name": external_name}
    owned = {"apiVersion": "x/v1", "kind": "X", "name": "x", "uid": owner, "controller": True}
    item = managed(
        name,
        namespace,
        annotations=annotations,
        owned_by=owned if owner else None,
        spec={"forProvider": outside or {}, **spec},
    )
    item["metadata"]["uid"] = f"{group}-{kind}-{namespace}-{name}"
    return to_mr(item, Kind(group, "v1", "things", kind, bool(namespace), frozenset(("managed",))))


def told(*mrs: ManagedResource) -> list[tuple[str, str, str]]:
    """Return what is found: how sure, name, and the other's name."""
    found = duplicates(mrs)
    return [(SURE if each.certain else POSSIBLE, each.mr.name, each.other.name) for each in found]


def between(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Return what is found of two MRs that differ so."""
    found = told(mr("one", one), mr("two", other))
    return found[0][0] if found else ""


def test_cp03_things_of_one_name_in_different_places_are_no_duplicates() -> None:
    """Two regions, two zones, two networks."""
    assert case("CP03").linked().told() == set()


def test_cp03_in_one_place_they_are() -> None:
    """Region, zone and network are the same."""
    some = case("CP03")
    for resource in some.resources:
        one, two = resource["items"]
        two["spec"]["forProvider"] = one["spec"]["forProvider"]
    assert {finding for finding, _, _ in some.linked().told()} == {SURE}


@pytest.mark.parametrize(
    "field",
    [
        *("region", "zone", "location", "project", "projectId", "accountId", "type", "namespace"),
        *("zoneId", "hostedZoneId", "managedZone", "vpcId", "network", "resourceGroupName"),
        *("bucket", "cluster", "clusterName", "database", "instance", "restApiId", "userPoolId"),
        *("repository", "realmId", "keyVaultId", "storageAccountName", "setIdentifier"),
        *("loadBalancerArn", "parent", "vpcIdRef"),
    ],
)
def test_what_a_name_is_unique_within(field: str) -> None:
    """Different values: two things. The same: one. One unknown: possibly one."""
    one, two = ({"name": value} if "Ref" in field else value for value in ("a", "b"))
    assert between({field: one}, {field: two}) == ""
    assert between({field: one}, {field: one}) == SURE
    assert between({field: one}, {}) == POSSIBLE
    more = {"mount": "m"}
    assert between({**more, field: one}, {field: one, **more}) == SURE
    assert between({**more, field: one}, {field: two, **more}) == ""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"kmsKeyId": "a"}, {"kmsKeyId": "b"}, POSSIBLE),  # a parent, or a setting
        ({"shelf": "a"}, {"shelf": "b"}, POSSIBLE),
        ({"shelfRef": {"name": "a"}}, {"shelfRef": {"name": "b"}}, POSSIBLE),
        ({"vpcId": "vpc-1"}, {"vpcIdRef": {"name": "a"}}, POSSIBLE),  # not resolved yet
        ({"vpcId": "vpc-1", "vpcIdRef": {"name": "a"}}, {"vpcId": "vpc-1"}, SURE),
        ({"vpcIdSelector": {"matchLabels": {"a": "b"}}}, {"vpcId": "vpc-1"}, POSSIBLE),
        ({"description": "a", "tags": {"x": "y"}}, {"description": "b"}, SURE),
        ({"imageTagMutability": "MUTABLE"}, {"imageTagMutability": "IMMUTABLE"}, SURE),
        ({"ttl": 1, "versioning": [{}]}, {"ttl": 2}, SURE),
        ({"name": "app"}, {}, SURE),  # the external name itself
        ({"projectId": 1}, {"projectId": 2}, ""),
        ({"region": None}, {"region": ""}, SURE),
        ({"region": "a,b=c~d"}, {"region": "a,b=c~e"}, ""),
    ],
)
def test_what_may_identify(one: dict[str, Any], other: dict[str, Any], expected: str) -> None:
    """What is not known to be a setting makes a duplicate only possible."""
    assert between(one, other) == expected == between(other, one)


def test_a_reference_within_the_same_composition() -> None:
    """``matchControllerRef`` means another object in each tree."""
    fields = {"vpcIdSelector": {"matchControllerRef": True}}
    one, two, three = (
        mr(n, fields, owner=o) for n, o in (("1", "tree-a"), ("2", "tree-b"), ("3", "tree-a"))
    )
    assert told(one, two) == [(POSSIBLE, "2", "1")]
    assert told(one, three) == [(SURE, "3", "1")]


def test_objects_of_kubernetes() -> None:
    """The manifest says which object it is; releases of Helm have a namespace."""

    def manifest(**changes: str) -> dict[str, Any]:
        metadata = {"name": "app", "namespace": "a", **changes}
        return {"manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}}

    assert between(manifest(), manifest()) == SURE
    assert between(manifest(), manifest(namespace="b")) == ""
    assert between(manifest(), manifest(name="b")) == ""


@pytest.mark.parametrize(
    "policies",
    [["Observe"], ["Observe", "LateInitialize"], ["LateInitialize"]],
)
def test_what_only_observes_is_no_duplicate(policies: list[str]) -> None:
    """Whatever else it may do, it does not create, update or delete."""
    watching = mr("two", managementPolicies=policies)
    assert told(mr("one"), watching) == told(watching, mr("one")) == []
    for acting in (["*"], ["Observe", "Update"], ["Create"], ["Observe", "Delete"]):
        assert told(mr("one"), mr("two", managementPolicies=acting)) != []


def test_both_generations_of_a_provider_are_one() -> None:
    """The group is not what a name is unique within."""
    legacy = mr("one", EUROPE)
    modern = mr("two", EUROPE, group=S3_M, namespace="a", providerConfigRef=CLUSTER_CONFIG)
    # The legacy group sorts after the modern one.
    assert told(legacy, modern) == [(SURE, "one", "two")]
    assert told(legacy, msgspec.structs.replace(modern, scope="region=us-east-1")) == []
    assert told(legacy, msgspec.structs.replace(modern, kind="BucketPolicy")) == []
    # The account of a namespace's own provider config is not known.
    own = mr("two", EUROPE, group=S3_M, namespace="a", providerConfigRef={"name": "default"})
    own = msgspec.structs.replace(own, provider_config="ProviderConfig/default")
    assert told(legacy, own) == [(POSSIBLE, "one", "two")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((S3, "Bucket"), ("s3.aws.crossplane.io", "Bucket"), SURE),
        ((S3, "Bucket"), ("s3.aws.jet.crossplane.io", "Bucket"), SURE),
        (("rds.aws.upbound.io", "Instance"), ("database.aws.crossplane.io", "RDSInstance"), SURE),
        (("sql.gcp.upbound.io", "DatabaseInstance"), ("database.gcp.crossplane.io", "X"), ""),
        (("mq.aws.upbound.io", "Broker"), ("compute.aws.crossplane.io", "MQBroker"), POSSIBLE),
        (("eks.aws.upbound.io", "Cluster"), ("rds.aws.upbound.io", "Cluster"), ""),
        (("eks.aws.upbound.io", "Cluster"), ("rds.aws.crossplane.io", "DBCluster"), ""),
        ((S3, "Bucket"), (S3, "BucketPolicy"), ""),
        ((S3, "Bucket"), ("storage.gcp.upbound.io", "Bucket"), ""),
    ],
)
def test_one_thing_under_two_kinds(
    one: tuple[str, str], other: tuple[str, str], expected: str
) -> None:
    """During a migration from one provider to another."""
    pair = (mr(n, EUROPE, group=g, kind=k) for n, (g, k) in (("1", one), ("2", other)))
    assert [finding for finding, _, _ in told(*pair)] == [expected] * bool(expected)


def test_a_name_that_says_it_all() -> None:
    """ARNs and the like need no account, no region and no parent."""
    one = mr("one", EUROPE, external_name=ARN)
    config = {"name": "other"}
    two = mr("two", {"region": "x"}, external_name=ARN, providerConfigRef=config)
    assert told(one, two) == [(SURE, "two", "one")]
    assert told(one, mr("two", EUROPE, kind="BucketPolicy", external_name=ARN)) == []
    assert one.scope == ""


def test_of_many_each_is_told_once() -> None:
    """Of the first by name, in whatever order they were listed."""
    some = [mr(name, EUROPE) for name in "dbca"]
    assert told(*some) == [(SURE, "d", "a"), (SURE, "b", "a"), (SURE, "c", "a")]


def test_scopes_are_short_and_have_no_secrets() -> None:
    """Long values are hashed; passwords and tokens are not read."""
    long = mr("one", {"region": "x" * 5000, "zone": "a"}).scope
    assert len(long) < 50
    assert mr("one", {"password": "a"}).scope == mr("one", {"passwordSecretRef": {}}).scope == ""
    assert mr("one", EUROPE, external_name="").scope == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(["region", "vpcId", "vpcIdRef", "zoneSelector", "manifest", "name", "x"])


@given(JSON | st.dictionaries(KEYS, JSON))
def test_anything_may_be_in_it(outside: Any) -> None:
    """Whatever a provider has in ``forProvider`` costs nothing but the scope."""
    raw = msgspec.Raw(json.dumps(outside).encode())
    scope = scope_of("app", raw, "uid")
    assert not Scope.of(scope).contradicts(Scope.of(scope))
    assert scope == scope_of("app", raw, "uid")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_group_and_kind_have_a_type(group: str, kind: str) -> None:
    """Also those of nobody's provider."""
    assert type_of(group, kind).is_same(type_of(group, kind))


FIELDS = st.fixed_dictionaries(
    {}, optional={k: st.sampled_from("ab") for k in ("region", "vpcId", "kmsKeyId")}
)
MRS = st.lists(
    st.tuples(
        FIELDS,
        st.sampled_from([(S3, ""), (S3_M, "n"), ("s3.aws.crossplane.io", ""), (S3, "n")]),
        st.sampled_from(["Bucket", "BucketPolicy"]),
        st.sampled_from(["app", ARN]),
        st.sampled_from([["*"], ["Observe"]]),
    ),
    max_size=8,
)


@given(MRS, st.randoms(use_true_random=False))
def test_duplicates_do_not_depend_on_the_order(made: list[Any], random: Any) -> None:
    """Each pair has at most one finding, and findings do not contradict each other."""
    some = [
        mr(str(n), f, group=g, namespace=ns, kind=k, external_name=e, managementPolicies=p)
        for n, (f, (g, ns), k, e, p) in enumerate(made)
    ]
    found = list(duplicates(some))
    pairs = [frozenset((each.mr.name, each.other.name)) for each in found]
    assert len(set(pairs)) == len(pairs)
    for one, other, certain in found:
        assert one.kind == other.kind
        assert one.external_name == ARN or not Scope.of(one.scope).contradicts(
            Scope.of(other.scope)
        )
        assert not certain or one.external_name == ARN or one.scope == other.scope
        assert "Observe" not in one.management_policies + other.management_policies
    shuffled = random.sample(some, len(some))
    assert sorted(told(*shuffled)) == sorted(told(*some))


def test_many_of_one_name_take_no_time() -> None:
    """Twenty thousand subnets called default, each in a network of its own."""
    made = [mr("s", {**EUROPE, "vpcId": "v", "shelf": "x"})] * 20_000
    some = [
        msgspec.structs.replace(one, name=f"s{n:05}", uid=str(n), scope=f"region=a,vpcId={n}~{n}")
        for n, one in enumerate(made)
    ]
    start = time.process_time()
    assert told(*some) == []
    shared = [msgspec.structs.replace(one, scope=f"region=a~{n}") for n, one in enumerate(some)]
    assert len(told(*shared)) == len(shared) - 1
    assert time.process_time() - start < 5
