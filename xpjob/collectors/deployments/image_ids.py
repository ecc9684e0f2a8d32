"""Find the digest of the image that a container runs: in its status, or pinned in its spec.

``imageID`` has no format of its own: it is what the container runtime reports. Only a repository
with a digest names what a registry has. A digest alone is the image's configuration: its value is
local to the node's platform, and no registry finds an image by it.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from xpjob.collectors.deployments.images import is_digest

From = Literal["registry", "spec", ""]
Why = Literal["notStarted", "configId", "unreadable", ""]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)
_RAW = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Digest(NamedTuple):
    """A digest, where it comes from, and if there is none, why.

    ``config_id`` is the digest of the image's configuration, if the runtime reports that.
    """

    digest: str
    origin: From
    why: Why = ""
    config_id: str = ""


def digest_of(image_id: str, pinned: str) -> Digest:
    """Return the digest of a container, from its ``imageID`` or else its spec.

    ``pinned`` is the digest in the spec's image, empty if there is none.
    """
    found = _reported(image_id)
    if not found.digest and pinned:
        return Digest(pinned, "spec", "", found.config_id)
    return found


def _reported(image_id: str) -> Digest:
    if not image_id:
        return Digest("", "", "notStarted")
    text = _SCHEME.sub("", image_id, count=1)
    name, at, digest = text.rpartition("@")
    if at:
        known = bool(name) and is_digest(digest)
        return Digest(digest, "registry") if known else Digest("", "", "unreadable")
    if _RAW.fullmatch(text):
        return Digest("", "", "configId", f"sha256:{text}")
    return Digest("", "", "configId", text) if is_digest(text) else Digest("", "", "unreadable")
