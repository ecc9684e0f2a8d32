"""Runs that record with GitHub what they have stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.github import ORG, TOKEN, GitHub, github
from support.inventories import Inventory
from support.workloads import DEPLOYMENT, POD, REPLICA_SET, A, B, deployment, pod, reported
from xpjob.collectors.deployments.findings import NOT_ATTESTED
from xpjob.demo.cluster import Fault

NAME = "shop/web/app"


@pytest.fixture
def api(site: Inventory) -> Iterator[tuple[GitHub, dict[str, Any]]]:
    """A GitHub without records, and the options of a run against it."""
    with github() as (api, served):
        yield (
            api,
            {
                "github_org": ORG,
                "base_url": served.url,
                "logical_environment": "production",
                "github_cluster": "moda-1",
                "api_token_file": _token(site),
            },
        )


def _token(site: Inventory) -> str:
    file = site.directory / "token"
    file.write_text(TOKEN)
    return str(file)


def image(tag: str, digest: str) -> dict[str, Any]:
    """Return the image of a pod as the runtime reports it."""
    name = f"ghcr.io/shop/web:{tag}"
    return {"image": name, "image_id": reported(name, digest)}


def test_a_workload_is_recorded_from_its_first_run_to_its_end(
    site: Inventory, api: tuple[GitHub, dict[str, Any]]
) -> None:
    """A rollout is a change; a deletion ends the record when a second run confirms it."""
    system, given = api
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner, **image("v1", A)))
    site.collect(**given)
    assert system.deployed() == {NAME: A}
    site.put(pod("web-1", owner, **image("v1", A)), pod("web-2", owner, **image("v2", B)))
    site.collect(**given)
    assert system.deployed() == {NAME: B}
    site.put(pod("web-2", owner, **image("v2", B)))
    site.collect(**given)
    assert system.writes == 2
    site.put()
    for kind in (REPLICA_SET, DEPLOYMENT):
        for item in site.cluster.objects(kind):
            site.cluster.delete(kind, item["metadata"]["namespace"], item["metadata"]["name"])
    site.collect(**given)
    assert system.status(NAME) == "deployed"
    site.collect(**given)
    assert system.status(NAME) == "decommissioned"
    assert not site.last.report.partial


def test_a_list_that_fails_decommissions_nothing(
    site: Inventory, api: tuple[GitHub, dict[str, Any]]
) -> None:
    """Its rows are carried; nothing is sent for them."""
    system, given = api
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner, **image("v1", A)))
    site.collect(**given)
    site.put()
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/pods") else None
    for _ in range(3):
        site.collect(**given)
    assert system.deployed() == {NAME: A}
    assert system.writes == 1


def test_a_github_that_refuses_makes_the_run_partial(
    site: Inventory, api: tuple[GitHub, dict[str, Any]]
) -> None:
    """The snapshot is stored, and the metrics tell of it."""
    system, given = api
    _, owner = deployment(site.cluster, "web")
    site.put(pod("web-1", owner, **image("v1", A)))
    system.tokens.clear()
    rows = site.collect(**given)
    assert len(rows) == 1
    (outcome,) = [each for each in site.last.report.collectors if each.collector == "deployments"]
    assert not outcome.success
    assert "API_TOKEN" in outcome.error
    system.tokens.add(TOKEN)
    site.collect(**given)
    assert system.deployed() == {NAME: A}
    text = "".join(file.read_text() for file in site.directory.glob("*.prom"))
    assert "deptracker_post_record_ok 1.0" in text


def test_the_next_run_shows_which_images_have_no_attestation(
    site: Inventory, api: tuple[GitHub, dict[str, Any]]
) -> None:
    """In the table and as a finding; not any more when nobody asks."""
    system, given = api
    asking = {**given, "github_attestations": "true"}
    system.attested[A] = 1
    for name, tag, digest in (("web", "v1", A), ("api", "v2", B)):
        _, owner = deployment(site.cluster, name)
        site.cluster.apply(POD, pod(f"{name}-1", owner, **image(tag, digest)))

    def shown(**options: Any) -> dict[str, str]:
        return {row["workload"]: row["attestation"] for row in site.collect(**options)}

    assert shown(**asking) == {"web": "", "api": ""}, "GitHub is asked after the commit"
    assert shown(**asking) == {"web": "found", "api": "none"}
    (found,) = [each for each in site.stored()["findings"] if each["finding"] == NOT_ATTESTED]
    assert found["name"] == "ghcr.io/shop/web"
    assert f"{B} (shop/api)" in found["message"]
    assert A not in found["message"]
    text = (site.directory / "xpjob.prom").read_text()
    assert f'xpjob_deployment_findings{{finding="{NOT_ATTESTED}",namespace=""}} 1.0' in text
    assert shown(**given) == {"web": "", "api": ""}
