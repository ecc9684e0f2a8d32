"""The stand-in API: the part of a Kubernetes API that xpjob uses, served from a ``Cluster``.

Paged lists, both forms of discovery, tokens, and ``Status`` objects for errors. The formats are
those of a real kube-apiserver; the tests under tests/e2e compare them with one.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from xpjob.demo import selectors
from xpjob.demo.cluster import Cluster, Fault
from xpjob.demo.selectors import Json
from xpjob.kube import identity
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr
from xpjob.net.serving import Background, listen

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def create_app(cluster: Cluster) -> Starlette:
    """Return the API of a cluster as an app."""

    def answer(request: Request) -> Response:
        path, query = request.url.path, dict(request.query_params)
        cluster.requests.append((path, query))
        if fault := cluster.fault(path, query):
            return _instead(fault)
        if request.headers.get("Authorization") != f"Bearer {cluster.token}":
            return _status(401, "Unauthorized")
        if path == "/version":
            return _reply({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})
        accept = request.headers.get("Accept", "")
        if path == "/apis":
            kinds = [kind for kind in cluster.kinds if kind.group]
            return _groups(kinds, aggregated=cluster.aggregated and _AGGREGATED in accept)
        if path == "/api":
            return _groups(
                cluster.core(), aggregated=cluster.aggregated_core and _AGGREGATED in accept
            )
        if path == identity.PATH:
            return _reply({"metadata": {"name": "kube-system", "uid": cluster.uid}})
        parts = path.strip("/").split("/")
        if parts[0] == "apis" and len(parts) == 3:
            return _resources(cluster.kinds, parts[1], parts[2])
        if parts[0] == "api" and len(parts) == 2:
            return _resources(cluster.core(), "", parts[1])
        if found := _named(parts):
            return _object(cluster, *found)
        return _list(cluster, parts, query, metadata_only=_METADATA in accept)

    async def review(request: Request) -> Response:
        asked = (await request.json())["spec"]["resourceAttributes"]
        gvr = Gvr(asked["group"], asked["version"], asked["resource"])
        document = {"kind": "SelfSubjectAccessReview", "status": {"allowed": cluster.allows(gvr)}}
        return Response(json.dumps(document), 201, _JSON)

    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return Starlette(
        routes=[
            Route(reviews, review, methods=["POST"]),
            Route("/{path:path}", answer, methods=["GET"]),
        ]
    )


class Server(Background):
    """Serves an app on a free loopback port from a thread, within a ``with`` block."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
        super().__init__(app, listen("127.0.0.1", 0), config)


def write_kubeconfig(path: Path, url: str, token: str) -> Path:
    """Write a kubeconfig for a server; return its path."""
    named = {"cluster": "sample", "user": "sample"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sample",
        "clusters": [{"name": "sample", "cluster": {"server": url}}],
        "users": [{"name": "sample", "user": {"token": token}}],
        "contexts": [{"name": "sample", "context": named}],
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path


_JSON = {"Content-Type": "application/json"}


def _instead(fault: Fault) -> Response:
    headers = {**_JSON, **fault.headers}
    if not (fault.cut or fault.drip):
        return Response(fault.body, fault.status, headers)

    async def body() -> AsyncIterator[bytes]:
        pieces = [bytes([byte]) for byte in fault.body] if fault.drip else [fault.body]
        for piece in pieces:
            yield piece
            await asyncio.sleep(fault.drip)
        if fault.cut:
            raise ConnectionAbortedError

    return StreamingResponse(body(), fault.status, headers)


def _reply(document: Json, content_type: str = "application/json") -> Response:
    return Response(json.dumps(document), 200, {"Content-Type": content_type})


def _status(code: int, message: str, reason: str = "") -> Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return Response(
        json.dumps({**body, "message": message, "reason": reason or message, "code": code}),
        code,
        _JSON,
    )


def _groups(kinds: Sequence[Kind], *, aggregated: bool) -> Response:
    """Return the discovery document of the groups of these kinds; the core group has no name."""
    versions: dict[str, list[str]] = defaultdict(list)
    for kind in kinds:
        if kind.version not in versions[kind.group]:
            versions[kind.group].append(kind.version)
    if aggregated:
        items = [
            {
                "metadata": {"name": group} if group else {},
                "versions": [_aggregated(kinds, group, version) for version in named],
            }
            for group, named in versions.items()
        ]
        document = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2"}
        return _reply({**document, "metadata": {}, "items": items}, _AGGREGATED)
    if "" in versions:
        return _reply({"kind": "APIVersions", "versions": versions[""]})
    groups = []
    for group, named in versions.items():
        listed = [{"groupVersion": f"{group}/{v}", "version": v} for v in named]
        groups.append({"name": group, "versions": listed, "preferredVersion": listed[0]})
    return _reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


def _aggregated(kinds: Sequence[Kind], group: str, version: str) -> Json:
    resources = [
        {
            "resource": kind.resource,
            "responseKind": {"group": group, "version": version, "kind": kind.kind},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "singularResource": kind.kind.lower(),
            "verbs": ["get", "list", "watch"],
            "categories": sorted(kind.categories),
        }
        for kind in kinds
        if (kind.group, kind.version) == (group, version)
    ]
    return {"version": version, "freshness": "Current", "resources": resources}


def _resources(kinds: Sequence[Kind], group: str, version: str) -> Response:
    resources: list[Json] = []
    for kind in kinds:
        if (kind.group, kind.version) == (group, version):
            common = {"kind": kind.kind, "namespaced": kind.namespaced, "singularName": ""}
            verbs = ["get", "list", "watch"]
            categories = sorted(kind.categories)
            resources += [
                {"name": kind.resource, **common, "verbs": verbs, "categories": categories},
                {"name": f"{kind.resource}/status", **common, "verbs": ["get"]},
            ]
    if not resources:
        return _status(404, "404 page not found", "NotFound")
    document = {"kind": "APIResourceList", "apiVersion": "v1"}
    named = f"{group}/{version}" if group else version
    return _reply({**document, "groupVersion": named, "resources": resources})


def _named(parts: list[str]) -> tuple[Gvr, str, str] | None:
    """Return the resource, namespace and name of a path of one object; None if it is none."""
    group, rest = (parts[1], parts[2:]) if parts[0] == "apis" else ("", parts[1:])
    if len(rest) == 5 and rest[1] == "namespaces":
        return Gvr(group, rest[0], rest[3]), rest[2], rest[4]
    if len(rest) == 3 and rest[1] != "namespaces":
        return Gvr(group, *rest[:2]), "", rest[2]
    return None


def _object(cluster: Cluster, gvr: Gvr, namespace: str, name: str) -> Response:
    """Return one object."""
    kind = cluster.find(gvr)
    found = [
        item
        for item in (cluster.objects(kind, namespace) if kind else ())
        if item["metadata"]["name"] == name
    ]
    if not found or (kind and kind.namespaced != bool(namespace)):
        return _status(404, f'{gvr.resource}.{gvr.group} "{name}" not found', "NotFound")
    return _reply(found[0])


def _list(
    cluster: Cluster, parts: list[str], query: dict[str, str], *, metadata_only: bool
) -> Response:
    group, rest = (parts[1], parts[2:]) if parts[0] == "apis" else ("", parts[1:])
    namespace = ""
    if len(rest) == 4 and rest[1] == "namespaces":
        namespace, rest = rest[2], [rest[0], rest[3]]
    kind = cluster.find(Gvr(group, *rest)) if len(rest) == 2 else None
    if kind is None or (namespace and not kind.namespaced):
        return _status(404, "the server could not find the requested resource", "NotFound")
    try:
        by_label = selectors.labels(query.get("labelSelector", ""))
        by_field = selectors.fields(query.get("fieldSelector", ""), kind.resource)
    except ValueError as error:
        return _status(400, str(error), "BadRequest")
    page = cluster.page(
        kind,
        namespace,
        lambda item: by_label(item) and by_field(item),
        int(query.get("limit", "0")),
        query.get("continue", ""),
    )
    if page is None:
        return _status(410, "The provided continue parameter is too old", "Expired")
    items, token, remaining = page
    metadata: Json = {"continue": token, "resourceVersion": cluster.version()}
    if remaining:
        metadata["remainingItemCount"] = remaining
    if metadata_only:
        meta = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
        items = [{**meta, "metadata": item["metadata"]} for item in items]
        meta["kind"] = f"{meta['kind']}List"
        return _reply({**meta, "metadata": metadata, "items": items})
    prefix = f"{group}/" if group else ""
    version, name = prefix + kind.version, f"{kind.kind}List"
    if _built_in(group):
        return _reply({"kind": name, "apiVersion": version, "metadata": metadata, "items": items})
    return _reply({"apiVersion": version, "items": items, "kind": name, "metadata": metadata})


def _built_in(group: str) -> bool:
    """Return whether a group is one of Kubernetes itself: their lists begin with metadata."""
    return "." not in group or (group.endswith(".k8s.io") and group != "apiextensions.k8s.io")
