"""ClusterConnections of ClusterPulse, and their Secrets, as clusters of a hub.

Secrets are read by name with ``get``; their content is only in memory, and given to the process
of the run for that cluster alone.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from msgspec import Struct, field

from xpjob.base.errors import (
    BadAnswerError,
    MisconfiguredError,
    SettingsError,
    XpjobError,
)
from xpjob.config import parsers
from xpjob.config.option import Config, load
from xpjob.config.secrets import Secret
from xpjob.kube.api import Api
from xpjob.kube.decode import decoder, document
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey, list_all
from xpjob.kube.mend import UNREADABLE
from xpjob.kube.objects import Metadata
from xpjob.kube.options import KubeOptions
from xpjob.net.threads import each
from xpjob.run.hub.members import Access, Groups, Member, environment
from xpjob.run.hub.options import HubOptions
from xpjob.run.identity import SharedNameError
from xpjob.run.plan import connected
from xpjob.store.base import is_cluster

GVR = Gvr("clusterpulse.io", "v1alpha1", "clusterconnections")
_TIMEOUTS = (5, 3600)

_log = logging.getLogger(__name__)


class _SameNameError(SharedNameError, MisconfiguredError):
    """Two ClusterConnections have one name."""


class _Reference(Struct):
    name: str = ""
    namespace: str = ""


class _Monitoring(Struct):
    timeout: int = 10


class _Spec(Struct, rename="camel"):
    endpoint: str = ""
    credentials_ref: _Reference = field(default_factory=_Reference)
    labels: dict[str, str] = field(default_factory=dict)
    monitoring: _Monitoring = field(default_factory=_Monitoring)
    collection_mode: str = "pull"


class _Connection(Struct):
    metadata: Metadata
    spec: _Spec = field(default_factory=_Spec)

    def __str__(self) -> str:
        return f"ClusterConnection {self.metadata.namespace}/{self.metadata.name}"


class _Secret(Struct):
    data: dict[str, str] | None = None


def connection_members(config: Config, shared: Mapping[str, str], groups: Groups) -> list[Member]:
    """Return the clusters of all ClusterConnections, by name.

    One that cannot be used is a member with an error. Raises the errors of the API of the hub's
    own cluster.
    """
    api = connected(config)
    key = ListKey(GVR, config[HubOptions].clusters_namespace)
    listed = list_all(api, key, decoder(_Connection), page_size=config[KubeOptions].page_size)
    connections = sorted(listed.items, key=lambda found: (found.metadata.name, str(found)))
    pulled = [found for found in connections if found.spec.collection_mode != "push"]
    for pushing in (found for found in connections if found.spec.collection_mode == "push"):
        extra = {"connection": str(pushing), "why": "collectionMode is push: run xpjob in it"}
        _log.info("ClusterConnection left out", extra=extra)
    counts = Counter(found.metadata.name.casefold() for found in pulled)
    insecure = config[HubOptions].clusters_insecure

    def member(connection: _Connection) -> Member:
        made = _described(connection, shared, groups)
        try:
            if counts[made.name.casefold()] > 1:
                raise _SameNameError(
                    f"{connection}: another one has the name {made.name!r} too; rename one"
                )
            if made.error:
                return made
            return replace(made, access=_access(api, connection, insecure))
        except XpjobError as error:
            return replace(made, error=error)

    return _distinct(each(member, pulled, config[KubeOptions].concurrency))


def _distinct(members: Sequence[Member]) -> list[Member]:
    """Return one member of each name: of several with one name, each has the same error."""
    return list({member.name.casefold(): member for member in members}.values())


def _described(connection: _Connection, shared: Mapping[str, str], groups: Groups) -> Member:
    """Return what a connection says of its cluster, without the way to reach it."""
    name, spec = connection.metadata.name, connection.spec
    seconds = min(max(spec.monitoring.timeout, _TIMEOUTS[0]), _TIMEOUTS[1])
    options = {"CONNECT_TIMEOUT_SECONDS": str(seconds)}
    member = Member(name, labels=spec.labels, options=options)
    if not is_cluster(name):
        text = f"{connection}: the name {name!r} cannot be a cluster's; give it another"
        return replace(member, error=MisconfiguredError(text))
    try:
        loaded = load({}, environment(shared, member, groups), groups)
    except SettingsError as error:
        text = f"{connection}: {'; '.join(error.problems)}"
        return replace(member, error=MisconfiguredError(text))
    return replace(member, config=loaded)


def _access(api: Api, connection: _Connection, insecure: Sequence[str]) -> Access:
    """Return how the cluster is reached. Raises an ``XpjobError`` that says what is missing."""
    spec = connection.spec
    endpoint = spec.endpoint if "://" in spec.endpoint else f"https://{spec.endpoint}"
    try:
        server = parsers.url(endpoint if spec.endpoint else "")
    except ValueError as error:
        raise MisconfiguredError(f"{connection}: spec.endpoint: {error}") from None
    if not server:
        raise MisconfiguredError(f"{connection}: spec.endpoint is empty; set the URL of its API")
    reference = spec.credentials_ref
    namespace = reference.namespace or connection.metadata.namespace
    if not reference.name:
        raise MisconfiguredError(
            f"{connection}: spec.credentialsRef has no name; name a Secret with token and ca.crt"
        )
    where = f"the Secret {namespace}/{reference.name} of {connection}"
    path = f"/api/v1/namespaces/{quote(namespace)}/secrets/{quote(reference.name)}"
    answer = api.get(path, {}, accept="application/json")
    try:
        data = document(answer.body, _Secret)[0].data or {}
    except UNREADABLE:  # its error would quote the content
        raise BadAnswerError(f"{where} cannot be read: it is not a Secret") from None
    token, ca = _text(data, "token", where).strip(), _text(data, "ca.crt", where)
    if not token:
        raise MisconfiguredError(f"{where} has no token; create it as a token of a service account")
    unverified = not ca and connection.metadata.name in insecure
    if not (ca or unverified) and server.startswith("https:"):
        raise MisconfiguredError(
            f"{where} has no ca.crt, and nothing was sent to {server}, because the server "
            f"could not be verified; add ca.crt, or name {connection.metadata.name} in "
            "CLUSTERS_INSECURE to send the token all the same"
        )
    return Access(server=server, token=Secret(token), ca=Secret(ca), insecure=unverified)


def _text(data: Mapping[str, str], key: str, where: str) -> str:
    try:
        return base64.b64decode(data.get(key, ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise MisconfiguredError(f"{where}: {key} is not base64 of a text") from None
