"""What an external name is unique within, and which kinds stand for the same type outside.

A name is unique for a type within an account, a region, a zone, a parent. Providers have these in
``spec.forProvider``, under names of their own: ``region``, ``vpcId``, ``resourceGroupName``. What
is read of them is one short text, the scope: the fields that certainly identify, and a hash of
those that may:

    region=eu-west-1,vpcId=vpc-1~1f3a9c02

Names such as ARNs say themselves what they are unique within, so they have no scope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import NamedTuple, TypeVar
from zlib import crc32

import msgspec
from msgspec import Raw, Struct

from xpjob.kube.mend import UNREADABLE

# Stems of fields, without Id, Name and the like, whose values are part of the identity.
_CONTAINERS = """
    region zone location datacenter project account subscription tenant organization org
    compartment site team space workspace environment folder parent host type recordType set
    namespace resourceGroup network virtualNetwork vnet vpc hostedZone dnsZone managedZone
    privateZone privateDnsZone domain bucket container cluster database server schema catalog
    dataset collection instance app application stack api restApi function topic queue table
    userPool identityPool directory repository registry realm vault keyVault storageAccount
    fileSystem loadBalancer listener gateway routeTable distribution backend mount
"""
# Fields of one word that are settings or secrets. Others of one word may be a parent's name.
_SETTINGS = """
    acl color comment content count credential credentials data description enabled encoding
    engine format image labels language mode password plan policy protocol runtime secret size
    sku state status tags tier timeout token ttl value version visibility
"""
_CERTAIN_STEMS, _IGNORED = frozenset(_CONTAINERS.split()), frozenset(_SETTINGS.split())
_SUFFIX = re.compile(
    "(?:SelfLink|Identifier|Number|Link|Name|Fqdn|FQDN|Arn|ARN|Url|URL|Uri|URI|Id|ID)$"
)
_SELF_CONTAINED = re.compile(
    r"arn:|urn:|https?://|/subscriptions/|(?:projects|organizations|folders)/[^/]+/"
    r"|[a-z]{1,12}-[0-9a-f]{17}$|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
)
_LONGEST = 64
# First bytes of JSON.
_STRING = ord('"')
_SCALARS, _OBJECTS = frozenset(b'"-0123456789'), frozenset(b"{")
_TARGETS = ("Ref", "Selector")
_SEPARATORS = frozenset(",=~")
_MANIFEST, _BY_OWNER = "manifest", b"matchControllerRef"


class _Reference(Struct, gc=False):
    """``<field>Ref``."""

    name: str = ""


class _Metadata(_Reference, gc=False):
    namespace: str = ""


class _Manifest(Struct, rename="camel", gc=False):
    """An object within an ``Object`` of provider-kubernetes."""

    api_version: str = ""
    kind: str = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


_fields = msgspec.json.Decoder(dict[str, Raw])


def is_self_contained(external_name: str) -> bool:
    """Return whether a name is unique by itself, as ARNs are."""
    return _SELF_CONTAINED.match(external_name) is not None


def scope_of(external_name: str, for_provider: Raw, owner_uid: str) -> str:
    """Return the scope of an external name, from the raw ``spec.forProvider``."""
    if memoryview(for_provider).nbytes <= len(b"{}") or is_self_contained(external_name):
        return ""
    try:
        fields = _fields.decode(for_provider)
    except UNREADABLE:
        return ""
    certain: list[str] = []
    likely = 0
    same = b'"%b"' % external_name.encode("utf-8", "replace")
    for key, role in _identifying(tuple(fields)):
        text = bytes(fields[key])
        if text[0] not in role.starts or text == b'""':
            continue
        if role.certain:
            certain.append(f"{key}={_value(text, role)}")
        elif text != same:
            likely = crc32(text, crc32(role.name, likely))
            if role.is_target and _BY_OWNER in text:
                likely = crc32(owner_uid.encode(), likely)
    # Many have the same region and no more.
    return intern(",".join(certain) + (f"~{likely:08x}" if likely else ""))


class Scope(NamedTuple):
    """A scope that was read back: its certain fields, and the hash of the others."""

    certain: Mapping[str, str]
    likely: str

    @classmethod
    def of(cls, text: str) -> Scope:
        """Read a scope."""
        certain, _, likely = text.partition("~")
        pairs = (pair.partition("=") for pair in certain.split(",") if pair)
        return cls({key: value for key, _, value in pairs}, likely)

    def contradicts(self, other: Scope) -> bool:
        """Return whether both have a field with different values, so the names may be equal."""
        return any(other.certain.get(key, value) != value for key, value in self.certain.items())


class Type(NamedTuple):
    """What a kind stands for outside, as far as its name tells."""

    domain: str
    family: str
    service: str
    kind: str

    @property
    def noun(self) -> str:
        """Return the last word of the kind: Instance, of RDSInstance."""
        return _noun(self.kind)

    def is_same(self, other: Type) -> bool:
        """Return whether both are one type, in whatever generation or edition of a provider."""
        return self[1:] == other[1:]

    def may_be(self, other: Type) -> bool:
        """Return whether both may be one type, which another edition has under another name."""
        if self.domain == other.domain or (self.family, self.noun) != (other.family, other.noun):
            return False
        services = {self.service, other.service}
        return len(services) == 1 or bool(services & _GENERIC)


# Services of older providers that newer ones have split.
_GENERIC = frozenset(("", "cache", "compute", "database", "identity", "network", "notification"))
# Kinds that another edition of a provider has under another name, by (family, service, kind).
_RENAMED = {
    ("aws", "cache", "ReplicationGroup"): ("elasticache", "ReplicationGroup"),
    ("aws", "cache", "CacheCluster"): ("elasticache", "Cluster"),
    ("aws", "database", "RDSInstance"): ("rds", "Instance"),
    ("aws", "database", "DBSubnetGroup"): ("rds", "SubnetGroup"),
    ("aws", "rds", "DBInstance"): ("rds", "Instance"),
    ("aws", "rds", "DBCluster"): ("rds", "Cluster"),
    ("aws", "notification", "SNSTopic"): ("sns", "Topic"),
    ("aws", "route53", "HostedZone"): ("route53", "Zone"),
    ("aws", "route53", "ResourceRecordSet"): ("route53", "Record"),
    ("aws", "elbv2", "LoadBalancer"): ("elbv2", "LB"),
    ("gcp", "database", "CloudSQLInstance"): ("sql", "DatabaseInstance"),
    ("gcp", "iam", "ServiceAccount"): ("cloudplatform", "ServiceAccount"),
    ("azure", "", "ResourceGroup"): ("azure", "ResourceGroup"),
    ("azure", "compute", "AKSCluster"): ("containerservice", "KubernetesCluster"),
    ("azure", "cache", "Redis"): ("cache", "RedisCache"),
    ("azure", "database", "PostgreSQLServer"): ("dbforpostgresql", "Server"),
    ("azure", "database", "MySQLServer"): ("dbformysql", "Server"),
}
# Parts of groups that name a generation of a provider: s3.aws.m.upbound.io, s3.aws.jet....
_GENERATIONS = frozenset(("m", "jet", "tf", "upjet"))


@lru_cache(maxsize=4096)
def type_of(group: str, kind: str) -> Type:
    """Return what a kind stands for outside."""
    parts = [part for part in group.split(".") if part not in _GENERATIONS]
    family, domain = (parts[-3] if len(parts) > 2 else ""), ".".join(parts[-2:])
    service = ".".join(parts[:-3])
    service, kind = _RENAMED.get((family, service, kind), (service, kind))
    return Type(domain, family, service, kind)


@lru_cache(maxsize=4096)
def _noun(kind: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", kind)
    return words[-1] if words else kind


class _Role(NamedTuple):
    """What a field says. ``starts`` has the first bytes of the values that say anything."""

    name: bytes
    certain: bool
    starts: frozenset[int]

    @property
    def is_target(self) -> bool:
        """Return whether it is a reference or selector, from which a provider resolves a field."""
        return self.starts is _OBJECTS


@lru_cache(maxsize=1024)  # all objects of a kind have about the same
def _identifying(keys: tuple[str, ...]) -> list[tuple[str, _Role]]:
    """Return the fields that identify, or may; references only if they are not resolved."""
    found = []
    for key in sorted(keys):
        base = next((key.removesuffix(end) for end in _TARGETS if key.endswith(end)), key)
        certain = _identifies(base)
        if certain is None or (base != key and base in keys):
            continue
        # A selector does not say what it selects.
        certain = certain and not key.endswith("Selector")
        starts = _OBJECTS if base != key or key == _MANIFEST else _SCALARS
        found.append((key, _Role(key.encode("utf-8", "replace"), certain, starts)))
    return found


def _identifies(key: str) -> bool | None:
    """Return whether a field certainly identifies; None if it does not."""
    stem = _SUFFIX.sub("", key)
    if stem in _CERTAIN_STEMS or key == _MANIFEST:
        return True
    one_word = key.isalpha() and key.islower() and key not in _IGNORED
    return False if one_word or (stem and stem != key) else None


@lru_cache(maxsize=4096)  # few regions, zones and parents have many objects
def _value(text: bytes, role: _Role) -> str:
    """Return what a value says, shortened: of JSON that is a string, a number or an object."""
    if role.name == _MANIFEST.encode():
        found = _decoded(text, _Manifest, _Manifest())
        group = found.api_version.rpartition("/")[0]
        return _short("/".join((group, found.kind, found.metadata.namespace, found.metadata.name)))
    if role.is_target:
        return _short(_decoded(text, _Reference, _Reference()).name)
    return _short(_decoded(text, str, "") if text[0] == _STRING else text.decode())


T = TypeVar("T")


def _decoded(text: bytes, kind: type[T], default: T) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except UNREADABLE:
        return default


def _short(value: str) -> str:
    """Return a value that fits into a scope."""
    if len(value) > _LONGEST or not _SEPARATORS.isdisjoint(value):
        return f"#{crc32(value.encode('utf-8', 'replace')):08x}"
    return value
