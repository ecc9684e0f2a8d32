"""The kinds of the sample platform, and what its compositions compose."""

from __future__ import annotations

from xpjob.kube.discovery import Kind

GROUP = "platform.example.org"


def _kind(version: str, resource: str, kind: str, category: str, *, namespaced: bool) -> Kind:
    return Kind(GROUP, version, resource, kind, namespaced, frozenset({category}))


def _managed(group: str, resource: str, kind: str) -> Kind:
    namespaced = ".m." in group
    return Kind(group, "v1beta1", resource, kind, namespaced, frozenset({"managed"}))


CLAIMS = {
    kind: (
        _kind("v1alpha1", f"{kind.lower()}s", kind, "claim", namespaced=True),
        _kind("v1alpha1", f"x{kind.lower()}s", f"X{kind}", "composite", namespaced=False),
    )
    for kind in ("PostgreSQLInstance", "ObjectBucket", "MessageQueue")
}
"""Kinds of Crossplane's first generation: claim and XR."""
APP = _kind("v1", "apps", "App", "composite", namespaced=True)
NETWORK = _kind("v1", "networks", "Network", "composite", namespaced=False)
CACHE = _kind("v1", "caches", "Cache", "composite", namespaced=True)
"""An XR that apps compose."""

BUCKET = _managed("s3.aws.m.upbound.io", "buckets", "Bucket")
_CLUSTER = _managed("elasticache.aws.m.upbound.io", "clusters", "Cluster")
_INSTANCE = _managed("rds.aws.upbound.io", "instances", "Instance")
_SUBNETS = _managed("rds.aws.upbound.io", "subnetgroups", "SubnetGroup")
_OLD_BUCKET = _managed("s3.aws.upbound.io", "buckets", "Bucket")
_QUEUE = _managed("sqs.aws.upbound.io", "queues", "Queue")
_VPC = _managed("ec2.aws.upbound.io", "vpcs", "VPC")
_SQL = _managed("sql.gcp.upbound.io", "databaseinstances", "DatabaseInstance")
_GCP_BUCKET = _managed("storage.gcp.upbound.io", "buckets", "Bucket")
_TOPIC = _managed("pubsub.gcp.upbound.io", "topics", "Topic")
_GCP_NETWORK = _managed("compute.gcp.upbound.io", "networks", "Network")

COMPOSES: dict[tuple[str, str], tuple[tuple[str, Kind], ...]] = {
    ("PostgreSQLInstance", "aws"): (("subnets", _SUBNETS), ("instance", _INSTANCE)),
    ("PostgreSQLInstance", "gcp"): (("instance", _SQL),),
    ("ObjectBucket", "aws"): (("bucket", _OLD_BUCKET),),
    ("ObjectBucket", "gcp"): (("bucket", _GCP_BUCKET),),
    ("MessageQueue", "aws"): (("queue", _QUEUE),),
    ("MessageQueue", "gcp"): (("topic", _TOPIC),),
    ("App", "aws"): (("assets", BUCKET),),
    ("App", "gcp"): (("assets", BUCKET),),
    ("Network", "aws"): (("vpc", _VPC),),
    ("Network", "gcp"): (("network", _GCP_NETWORK),),
    ("Cache", "aws"): (("cluster", _CLUSTER),),
    ("Cache", "gcp"): (("cluster", _CLUSTER),),
}
"""The composed resources of an XR, by kind and flavour; the last one is the slowest."""

REVISION = Kind(
    "pkg.crossplane.io", "v1", "providerrevisions", "ProviderRevision", False, frozenset()
)
MANAGED = tuple(dict.fromkeys(kind for made in COMPOSES.values() for _, kind in made))
KINDS = (
    *(APP, NETWORK, CACHE, *(kind for pair in CLAIMS.values() for kind in pair)),
    *(*MANAGED, REVISION),
)


def provider_of(kind: Kind) -> str:
    """Return the provider that installs a managed kind, e.g. "provider-aws-s3"."""
    service, cloud, *_ = kind.group.split(".")
    return f"provider-{cloud}-{service}"
