"""Pods are read with the fields that collectors need."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw, Struct

from xpjob.kube.decode import decoder
from xpjob.kube.objects import Condition
from xpjob.kube.pods import Pod, PodStatus, conditions_of
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
    "nodeName": "n1",
    "containers": [{{"name": "app", "image": "app:1", "resources": {RESOURCES}}}]
  }},
  "status": {{
    "phase": "Pending", "resources": null,
    "containerStatuses": [{{"name": "app", "resources": {RESOURCES}, "allocatedResources": {{}}}}],
    "conditions": [{{"type": "Ready", "reason": "Busy"}}, {{"type": "PodScheduled"}}]
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
        assert (spec.node_name, status.phase) == ("n1", "Pending")
        assert [each.reason for each in conditions_of(status)] == ["Busy", ""]


def test_a_pod_of_the_wrong_types_costs_only_those_values() -> None:
    """Of all pods of a page."""
    odd = json.loads(ITEM)
    odd["spec"]["containers"].append("not a container")
    odd["spec"]["nodeName"] = 1
    odd["status"]["startTime"] = []
    page = decoder(Pod)(f'{{"items": [{json.dumps(odd)}, {ITEM}]}}'.encode())
    assert page.malformed == 0
    first = page.items[0]
    assert first.spec
    assert first.status
    assert first.spec.node_name == ""
    assert first.status.start_time is None
    assert json.loads(bytes((first.spec.containers or [])[0].resources)) == json.loads(RESOURCES)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ("", []),
        ("null", []),
        ("1", []),
        ("[]", []),
        ('[{"type": "Ready", "reason": null, "message": 1}]', [Condition("Ready")]),
        ('[1, {"type": "Ready"}, null]', [Condition("Ready")]),
        ('[{"type": "Ready", "message": "\\ud800"}]', [Condition("Ready", message="?")]),
        (f'[{{"type": "Ready", "more": {"[" * 5000}{"]" * 5000}}}]', [Condition("Ready")]),
    ],
    ids=["absent", "null", "no list", "none", "a value", "an entry", "no Unicode", "deep"],
)
def test_conditions_of_the_wrong_types_cost_only_those_values(
    conditions: str, found: list[Condition]
) -> None:
    """They are decoded when they are asked for; where nothing mentions a type there are none."""
    status = PodStatus(conditions=Raw(conditions.encode()))
    assert list(conditions_of(status)) == found
    assert list(conditions_of(status, b"Ready")) == found
    assert list(conditions_of(status, b"PodScheduled")) == []


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
