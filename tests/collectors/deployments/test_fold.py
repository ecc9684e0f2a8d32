"""Pods of a list: every kind of container is found, and none of the pods is kept."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.inventories import Inventory, brief
from support.toy_rows import PodList
from support.workloads import DAEMON_SET, LISTED, A, B, C, D, container, deployment, owned, pod
from xpjob.collectors.deployments import wire
from xpjob.collectors.deployments.annotations import PREFIX
from xpjob.collectors.deployments.collector import Deployments
from xpjob.collectors.deployments.fold import FoldedPods, PodReader
from xpjob.kube import pods as shared
from xpjob.kube.objects import OwnerRef
from xpjob.kube.unite import unite


def test_every_kind_of_container_has_a_row(site: Inventory) -> None:
    """Containers, init containers, sidecars, ephemeral containers and image volumes."""
    _, owner = deployment(site.cluster, "web")
    mount = {"name": "data", "volumeStatus": {"image": {"imageRef": f"reg.example/data@{D}"}}}
    site.put(
        pod(
            "web-1",
            owner,
            spec={
                "initContainers": [
                    container("setup", "reg.example/setup:1"),
                    container("proxy", "reg.example/proxy:1", restartPolicy="Always"),
                ],
                "ephemeralContainers": [container("debug", "reg.example/debug:1")],
                "volumes": [
                    {"name": "data", "image": {"reference": "reg.example/data:1"}},
                    {"name": "app", "image": {"reference": f"reg.example/late:1@{C}"}},
                    {"name": "other", "emptyDir": {}},
                ],
            },
            status={
                "containerStatuses": [
                    {
                        "name": "app",
                        "imageID": f"ghcr.io/shop/web@{A}",
                        "volumeMounts": [mount, {"name": "app"}],
                    }
                ],
                "initContainerStatuses": [
                    {"name": "proxy", "imageID": f"reg.example/proxy@{B}"},
                    {"name": "setup", "imageID": f"reg.example/setup@{C}"},
                ],
                "ephemeralContainerStatuses": [
                    {"name": "debug", "imageID": f"docker-pullable://reg.example/debug@{D}"}
                ],
            },
        )
    )
    rows = site.collect()
    assert brief(rows, "container", "containerKind", "digest", "digestFrom") == [
        ("app", "container", A, "registry"),
        ("app", "imageVolume", C, "spec"),  # a volume may have the name of a container
        ("data", "imageVolume", D, "registry"),
        ("debug", "ephemeral", D, "registry"),
        ("proxy", "sidecar", B, "registry"),
        ("setup", "init", C, "registry"),
    ]
    assert brief(site.collect(), "container", "since") == brief(rows, "container", "since")


def test_pods_and_nodes_are_counted(site: Inventory) -> None:
    """A pod that is on no node counts as one; two on one node are on one node."""
    agent = site.cluster.apply(DAEMON_SET, owned(DAEMON_SET, "agent"))
    nodes = ("one", "one", "two", "")
    site.put(*(pod(f"agent-{n}", agent, node=node) for n, node in enumerate(nodes)))
    assert brief(site.collect(), "pods", "nodes") == [(4, 2)]


def test_pods_that_are_alike_are_one_entry() -> None:
    """However many there are, and in whatever order they come."""
    agent = owned(DAEMON_SET, "agent")
    items = [pod(f"agent-{n}", agent, node=f"node-{n % 50}") for n in range(500)]
    items += [pod("agent-x", agent, image_id="")]
    read = msgspec.convert(items, list[wire.Pod])
    results = []
    for seed in range(3):
        random.Random(seed).shuffle(read)
        reader = PodReader()
        for start in range(0, len(read), 100):
            reader.page(read[start : start + 100])
        results.append(sorted(reader.result(), key=lambda folded: folded.pods))
    assert results[0] == results[1] == results[2]
    assert [(folded.pods, len(folded.nodes)) for folded in results[0]] == [(1, 1), (500, 50)]
    # Shards exchange them as JSON.
    body = msgspec.json.encode(results[0])
    assert msgspec.json.decode(body, type=list[FoldedPods]) == results[0]


def test_one_list_of_pods_serves_all_that_read_pods(site: Inventory) -> None:
    """Each page is asked for once, with the fields of both."""
    _, owner = deployment(site.cluster, "web")
    site.put(*(pod(f"web-{n}", owner, node=f"node-{n}") for n in range(6)))
    result = site.run(PodList(), Deployments())
    assert (list(result.errors), result.report.partial) == ([], False)
    assert site.asked() == ["/api/v1/pods"] * 2
    stored = site.stored()
    assert len(stored["podList"]) == stored["deployments"][0]["pods"] == 6
    paths = [path for path, _ in site.cluster.requests]
    assert all(paths.count(kind.path()) == 1 for kind in LISTED[1:])


def test_the_fields_unite_with_those_of_other_readers() -> None:
    """No field is read as another type than in the shared structs."""
    united = unite([shared.Pod, wire.Pod])
    assert set(united.__struct_fields__) == {"metadata", "spec", "status"}


_PODS = st.builds(
    wire.Pod,
    st.builds(
        wire.Metadata,
        st.sampled_from("xy"),
        st.sampled_from(["a", "b"]),
        annotations=st.sampled_from([None, {"other": "1"}, {f"{PREFIX}tier": "1"}]),
        owner_references=st.sampled_from(
            [
                *(None, [OwnerRef("apps/v1", "ReplicaSet", name="web", controller=False)]),
                *([OwnerRef(kind="Job", name=name, uid=name, controller=True)] for name in "jk"),
            ]
        ),
    ),
    st.builds(
        wire.PodSpec,
        st.sampled_from(["", "n"]),
        st.sampled_from(["Always", "Never"]),
        *(
            st.sampled_from([None, *([wire.Container("c", image, again)] for image in "12")])
            for again in ("", "Always", "")
        ),
        st.sampled_from([None, [wire.Volume("v")], [wire.Volume("v", wire.ImageSource("i"))]]),
    ),
    st.builds(
        wire.PodStatus,
        st.sampled_from(["Running", "Failed"]),
        *(
            st.sampled_from([None, *([wire.ContainerStatus("c", each, mounts)] for each in "12")])
            for mounts in (
                [wire.MountStatus("v", wire.VolumeStatus(wire.MountedImage("m")))],
                *(None, None),
            )
        ),
    ),
)


@given(st.lists(_PODS, max_size=8))
def test_a_pod_is_counted_alike_whatever_pods_are_before_it(pods: list[wire.Pod]) -> None:
    """One after the other, or each on a page of its own."""
    together, alone = PodReader(), PodReader()
    together.page([each for each in pods for _ in range(2)])
    for each in pods:
        alone.page([each])
        alone.page([each])
    assert together.result() == alone.result()
