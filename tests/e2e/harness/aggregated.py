"""An aggregated API server as a custom-metrics adapter is one, registered with its APIService."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from harness.cluster import Cluster
from harness.connection import Object
from harness.processes import wait_until

NAMESPACE = "custom-metrics"


@contextmanager
def subresource_api(
    cluster: Cluster, group: str, version: str, names: Sequence[str], files: Path
) -> Iterator[None]:
    """Serve a group version that has only subresources, without their parents.

    The API server makes up the parents in its aggregated discovery, with an empty kind and
    ``"verbs": null``. Returns when they are there. `names` are like "pods/http_requests".
    """
    service = group.replace(".", "-")
    authority = trustme.CA()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(group, version, names))
    server.socket = _tls(authority, f"{service}.{NAMESPACE}.svc", files).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    api_service = _api_service(group, version, service, server.server_address[1])
    api_service["spec"]["caBundle"] = base64.b64encode(authority.cert_pem.bytes()).decode()
    name = api_service["metadata"]["name"]
    try:
        cluster.namespace(NAMESPACE)
        cluster.apply(_service(service, server.server_address[1]), api_service)
        cluster.kubectl("wait", "--for=condition=Available", "--timeout=60s", "apiservice", name)
        wait_until("discovery has the group", lambda: bool(discovered(cluster, group)))
        yield
    finally:
        # Else the group would not answer discovery in the tests that follow.
        cluster.kubectl("delete", "apiservice", name, "--ignore-not-found")
        server.shutdown()
        thread.join()
        server.server_close()


def discovered(cluster: Cluster, group: str) -> list[Object]:
    """The resources of a group in the API server's own aggregated discovery."""
    kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    items = cluster.api.request("GET", "/apis", accept=kind)["items"]
    versions = [v for item in items if item["metadata"]["name"] == group for v in item["versions"]]
    return [resource for version in versions for resource in version.get("resources") or ()]


def _handler(group: str, version: str, names: Sequence[str]) -> type[BaseHTTPRequestHandler]:
    entry = {"groupVersion": f"{group}/{version}", "version": version}
    described = {"name": group, "versions": [entry], "preferredVersion": entry}
    documents = {
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [described]},
        f"/apis/{group}": {"kind": "APIGroup", "apiVersion": "v1", **described},
        f"/apis/{group}/{version}": {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}",
            "resources": [
                {
                    "name": name,
                    "singularName": "",
                    "namespaced": True,
                    "kind": "MetricValueList",
                    "verbs": ["get"],
                }
                for name in names
            ],
        },
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            document = documents.get(self.path.partition("?")[0])
            body = json.dumps(document or {"kind": "Status", "code": 404}).encode()
            self.send_response(200 if document else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the output of the tests clean."""

    return Handler


def _tls(authority: trustme.CA, host: str, files: Path) -> ssl.SSLContext:
    issued = authority.issue_cert(host)
    pair = files / f"{host}.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(pair))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return context


def _service(name: str, port: int) -> Object:
    """A Service that the API server reaches without a network of pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "type": "ExternalName",
            "externalName": "localhost",
            "ports": [{"port": port}],
        },
    }


def _api_service(group: str, version: str, service: str, port: int) -> Object:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": NAMESPACE, "name": service, "port": port},
        },
    }
