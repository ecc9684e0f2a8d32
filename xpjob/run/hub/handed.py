"""Hand the way to reach a cluster to the process of its run, without a secret on disk.

What is not in files of the user's own is in files in memory (memfd): only processes that inherit
their descriptors can read them, and nothing is left behind, however a process ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xpjob.base import patience
from xpjob.base.errors import SettingsError
from xpjob.run.hub.members import Access


@dataclass(slots=True)
class Handed:
    """A kubeconfig, the context in it, and the descriptors that a process needs to read it."""

    kubeconfig: str
    context: str
    descriptors: list[int] = field(default_factory=list)

    def environ(self) -> dict[str, str]:
        """Return the variables that name them."""
        return {"KUBECONFIG": self.kubeconfig, "KUBE_CONTEXT": self.context}


@contextmanager
def handed(access: Access) -> Iterator[Handed]:
    """Yield what the run for a cluster is given.

    Raises ``SettingsError`` without memfd, and if the file of a token or CA cannot be read.
    """
    for key, path in (("tokenFile", access.token_file), ("caFile", access.ca_file)):
        if path:
            _check(key, path)
    made = Handed(access.kubeconfig, access.context)
    try:
        if access.server:
            made.kubeconfig = _kubeconfig(access, made.descriptors)
        yield made
    finally:
        for descriptor in made.descriptors:
            os.close(descriptor)


def _check(key: str, path: str) -> None:
    """Raise ``SettingsError`` for a file that is missing: later errors would not name the key."""

    def read() -> bytes:
        with Path(path).open("rb") as file:
            return file.read(1)

    try:
        if patience.within(patience.SECONDS, read):
            return
        problem = "is empty; write the credentials into it"
    except TimeoutError:
        problem = (
            f"cannot be read: no answer within {patience.SECONDS:g} s; check whether the file "
            "system hangs"
        )
    except OSError as error:
        problem = f"cannot be read: {error.strerror}; correct the path, or mount the file"
    raise SettingsError([f"CLUSTERS: {key} {path} {problem}"])


def _kubeconfig(access: Access, descriptors: list[int]) -> str:
    def in_memory(content: str) -> str:
        if not hasattr(os, "memfd_create"):
            raise SettingsError(
                ["CLUSTERS: clusters with a server need Linux (memfd); name a kubeconfig instead"]
            )
        descriptor = os.memfd_create("xpjob")
        descriptors.append(descriptor)
        left = content.encode()
        while left:
            left = left[os.write(descriptor, left) :]
        return f"/proc/self/fd/{descriptor}"

    cluster: dict[str, object] = {"server": access.server}
    if access.insecure:
        cluster["insecure-skip-tls-verify"] = True
    elif access.ca:
        cluster["certificate-authority"] = in_memory(access.ca.reveal())
    elif access.ca_file:
        cluster["certificate-authority"] = access.ca_file
    token = in_memory(access.token.reveal()) if access.token else access.token_file
    name = "hub"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"tokenFile": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return in_memory(json.dumps(document))
