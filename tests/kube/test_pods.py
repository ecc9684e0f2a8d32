"""Pods are read with the fields that collectors need."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from xpjob.kube.decode import decoder
from xpjob.kube.pods import Pod
from xpjob.kube.unite import unite


class Image(Struct, rename="camel"):
    """What another collector reads of a container."""

    name: str = ""
    image: str = ""


class Images(Struct, rename="camel"):
    """What it reads of a spec."""

    containers: list[Image] | None = None


class PodOfAnother(Struct):
    """What it reads of a pod."""

    spec: Images | None = None


RESOURCES = '{"requests":{"cpu":"1"}}'
ITEM = f"""{{
  "metadata": {{"name": "web", "namespace": "shop", "creationTimestamp": null}},
  "spec": {{
    "nodeName": "n1", "priority": 10, "schedulingGates": [{{"name": "quota"}}],
    "tolerations": [{{"key": "gpu", "operator": "Exists"}}],
    "containers": [{{"name": "app", "image": "app:1", "resources": {RESOURCES}}}]
  }},
  "status": {{
    "phase": "Pending", "resources": null,
    "containerStatuses": [{{"name": "app", "resources": {RESOURCES}, "allocatedResources": {{}}}}],
    "extendedResourceClaimStatus": {{
      "resourceClaimName": "web-gpu",
      "requestMappings": [{{"containerName": "app", "resourceName": "example.org/gpu"}}]
    }}
  }}
}}"""


def test_resources_are_left_as_they_are_and_the_rest_is_read() -> None:
    """Alone, and when another collector reads other fields of the same pods."""
    wires: list[Any] = [Pod, unite([Pod, PodOfAnother])]
    for wire in wires:
        (pod,) = decoder(wire)(f'{{"items": [{ITEM}]}}'.encode()).items
        spec, status = pod.spec, pod.status
        assert bytes(spec.containers[0].resources) == RESOURCES.encode()
        assert bytes(status.container_statuses[0].resources) == RESOURCES.encode()
        assert bytes(status.resources) == b"null"
        assert bytes(status.allocated_resources) == bytes(spec.overhead) == b""
        assert (spec.node_name, spec.priority, status.phase) == ("n1", 10, "Pending")
        assert [gate.name for gate in spec.scheduling_gates] == ["quota"]
        assert (spec.tolerations[0].key, spec.tolerations[0].effect) == ("gpu", "")
        (mapping,) = status.extended_resource_claim_status.request_mappings
        assert (mapping.container_name, mapping.resource_name) == ("app", "example.org/gpu")


def test_a_pod_of_the_wrong_types_costs_only_those_values() -> None:
    """Of all pods of a page."""
    odd = json.loads(ITEM)
    odd["spec"]["containers"].append("not a container")
    odd["spec"]["priority"] = "high"
    odd["status"]["extendedResourceClaimStatus"] = []
    page = decoder(Pod)(f'{{"items": [{json.dumps(odd)}, {ITEM}]}}'.encode())
    assert page.malformed == 0
    first = page.items[0]
    assert first.spec
    assert first.status
    assert first.spec.priority is None
    assert first.status.extended_resource_claim_status is None
    assert json.loads(bytes((first.spec.containers or [])[0].resources)) == json.loads(RESOURCES)


def test_times_that_are_null_are_decoded_with_their_page() -> None:
    """The API server writes times that nobody knows as null; object by object a page takes long.

    Such as those of a container with the reason ContainerStatusUnknown.
    """
    times = {"startedAt": None, "finishedAt": None}
    unknown = {"terminated": {"reason": "ContainerStatusUnknown", **times}}
    statuses = [{"name": "app", "state": unknown}]
    condition = {"type": "Ready", "lastProbeTime": None, "lastTransitionTime": None}
    pod = {
        "metadata": {"name": "web", "creationTimestamp": None},
        "status": {
            "startTime": None,
            "conditions": [condition],
            "containerStatuses": statuses,
            "initContainerStatuses": statuses,
        },
    }
    found = msgspec.json.decode(json.dumps(pod), type=Pod)
    assert found.status
    assert found.status.container_statuses
    (each,) = found.status.container_statuses
    assert each.state
    assert each.state.terminated
    assert each.state.terminated.finished_at is None
