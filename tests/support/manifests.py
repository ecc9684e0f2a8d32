"""The manifests as kustomize builds them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.paths import K8S

OVERLAYS = tuple(sorted(path.parent.name for path in K8S.glob("overlays/*/kustomization.yaml")))
COMPONENTS = tuple(
    sorted(
        str(path.parent.relative_to(K8S / "components"))
        for path in K8S.glob("components/**/kustomization.yaml")
    )
)

Object = dict[str, Any]


@cache
def built(folder: Path) -> str:
    """Return what kustomize makes of a folder, as YAML. Raises with kustomize's own words."""
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # warnings of what is deprecated
    return done.stdout


def objects(folder: Path) -> list[Object]:
    """Return the objects that kustomize makes of a folder."""
    return [item for item in yaml.safe_load_all(built(folder)) if item]


def with_component(directory: Path, *names: str) -> Path:
    """Return a folder in ``directory`` with an overlay: the base with these components."""
    folder = directory / "-".join(names).replace("/", "-")
    folder.mkdir()
    # kustomize takes relative paths only.
    up = "../" * len(folder.resolve().parts[1:])
    root = up + str(K8S.resolve()).lstrip("/")
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{root}/base"],
        "components": [f"{root}/components/{name}" for name in names],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(document))
    return folder


def pick(items: list[Object], kind: str, name: str = "") -> Object:
    """Return the one object of this kind and name."""
    found = [o for o in items if o["kind"] == kind and name in ("", o["metadata"]["name"])]
    assert len(found) == 1, (kind, name, len(found))
    return found[0]


def pod_specs(items: list[Object]) -> dict[str, Object]:
    """Return the spec of every pod that would be made, by its owner's name."""
    found = {}
    for item in items:
        if item["kind"] == "Deployment":
            found[item["metadata"]["name"]] = item["spec"]["template"]["spec"]
        elif item["kind"] == "CronJob":
            job = item["spec"]["jobTemplate"]["spec"]
            found[item["metadata"]["name"]] = job["template"]["spec"]
    return found
