"""Which lists are made: of EndpointSlices no more than are needed."""

from __future__ import annotations

import pytest

from support.services import CONTROLLER, SERVICE, SLICE, endpoint_slice, service
from support.services_section import cluster_of, make, planned
from xpjob.base.errors import SettingsError
from xpjob.collectors.services.fold import MANAGED_BY, SERVICE_NAME
from xpjob.collectors.services.options import ServiceOptions
from xpjob.collectors.services.plan import MAX_SELECTOR, NOT_SELECTED
from xpjob.config.option import load
from xpjob.demo.cluster import Cluster
from xpjob.kube.lists import ListKey

LEFT = f"{MANAGED_BY}={CONTROLLER},{SERVICE_NAME} in "


def slices(cluster: Cluster, **more: object) -> list[str]:
    """Return the selectors of the lists of EndpointSlices."""
    keys, _ = planned(cluster, **more)
    return [key.label_selector for key in keys if key.gvr.resource == "endpointslices"]


def test_those_of_services_with_a_selector_are_left_out() -> None:
    """They are most of what there is."""
    cluster = cluster_of(
        {
            SERVICE: [
                service("web"),
                service("db", value=None, selector={"a": "b"}),
                service("api", value=None, cluster_ip="10.96.0.7", selector={"a": "b"}),
            ],
            SLICE: [
                endpoint_slice("web", "10.0.0.5"),
                endpoint_slice("db", "10.0.0.6", managed_by=CONTROLLER),
                endpoint_slice("api", "10.0.0.7", managed_by=CONTROLLER),
            ],
        }
    )
    assert slices(cluster) == [NOT_SELECTED]


def test_those_of_a_former_selector_are_added() -> None:
    """By the names of their Services."""
    cluster = cluster_of(
        {
            SERVICE: [service("web"), service("db")],
            SLICE: [endpoint_slice("web", "10.0.0.5", managed_by=CONTROLLER)],
        }
    )
    assert slices(cluster) == [NOT_SELECTED, f"{LEFT}(web)"]


def test_so_many_that_no_selector_can_name_them_are_listed_with_all() -> None:
    """One list instead of several."""
    names = [
        f"a-name-as-long-as-names-can-be-for-a-service-in-kubernetes-{n:04}" for n in range(80)
    ]
    assert sum(map(len, names)) > MAX_SELECTOR
    cluster = cluster_of(
        {
            SERVICE: [service(name) for name in names],
            SLICE: [endpoint_slice(name, "10.0.0.5", managed_by=CONTROLLER) for name in names],
        }
    )
    assert slices(cluster) == [""]


def test_of_many_services_few_with_slices_of_a_former_selector_are_named() -> None:
    """Planning asks for the labels of their EndpointSlices in parts."""
    names = [
        f"a-name-as-long-as-names-can-be-for-a-service-in-kubernetes-{n:04}" for n in range(80)
    ]
    cluster = cluster_of(
        {
            SERVICE: [service(name) for name in names],
            SLICE: [endpoint_slice(names[77], "10.0.0.5", managed_by=CONTROLLER)],
        }
    )
    assert slices(cluster) == [NOT_SELECTED, f"{LEFT}({names[77]})"]


@pytest.mark.parametrize("resource", ["services", "endpointslices"])
def test_if_planning_cannot_look_all_are_listed(resource: str) -> None:
    """What was not seen may be there; a server before 1.21 cannot select headless Services."""
    cluster = cluster_of(
        {
            SERVICE: [service("web")],
            SLICE: [endpoint_slice("web", "10.0.0.5", managed_by=CONTROLLER)],
        }
    )

    def refused(key: ListKey) -> bool:
        return key.gvr.resource == resource

    assert slices(cluster, refused=refused) == [""]
    _, remarks = planned(cluster, refused=refused)
    assert len(remarks) == 1
    assert "all EndpointSlices are listed" in remarks[0]


def test_without_rights_on_endpoints_only_an_explanation_is_lost() -> None:
    """The run is complete."""
    cluster = cluster_of({SERVICE: [service("web")]})

    def refused(key: ListKey) -> bool:
        return key.gvr.resource == "endpoints"

    _, remarks = planned(cluster, refused=refused)
    assert len(remarks) == 1
    assert "GET /api/v1/endpoints: refused" in remarks[0]
    made = make(cluster, unplanned=refused)
    assert made.states == {("Service", "web"): "orphan"}
    assert [each.outcome.error for each in made.listed] == [""] * len(made.listed)


def test_each_namespace_has_its_lists() -> None:
    """And the operator's Deployment one more, by its name."""
    keys, _ = planned(cluster_of({}), namespace="a,b", service_operator="infra/headless")
    found = [(key.gvr.resource, key.namespace) for key in keys]
    kinds = ("pods", "services", "endpointslices", "statefulsets")
    assert found == [*((k, n) for n in "ab" for k in kinds), ("deployments", "infra")]
    assert keys[-1].field_selector == "metadata.name=headless"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pod_annotation", "not a key"),
        ("namespace", "Team_A"),
        ("service_operator", "headless"),
        ("service_operator", "a/b/c"),
        ("service_grace_seconds", "-1"),
    ],
)
def test_bad_options_are_refused(name: str, text: str) -> None:
    """With what is expected."""
    with pytest.raises(SettingsError, match="expected"):
        load({name: text}, {}, (ServiceOptions,))


def test_of_several_namespaces_one_that_planning_cannot_read_is_listed_whole() -> None:
    """The others are not."""
    cluster = cluster_of(
        {
            SERVICE: [service("web", namespace=name) for name in "abc"],
            SLICE: [
                endpoint_slice("web", "10.0.0.5", namespace=name, managed_by=CONTROLLER)
                for name in "ac"
            ],
        }
    )

    def refused(key: ListKey) -> bool:
        return key.namespace == "a" and key.gvr.resource == "services"

    keys, remarks = planned(cluster, namespace="a,b,c", refused=refused)
    found = [(k.namespace, k.label_selector) for k in keys if k.gvr.resource == "endpointslices"]
    assert found == [
        ("a", ""),
        ("b", NOT_SELECTED),
        ("c", NOT_SELECTED),
        ("c", f"{LEFT}(web)"),
    ]
    assert len(remarks) == 1
