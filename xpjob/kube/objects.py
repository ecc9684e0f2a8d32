"""Wire types that all Kubernetes objects share.

Field names are those of the API. The decoder skips everything else, above all managedFields.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from xpjob.base.truncate import MAX_MESSAGE, cut


class ObjectRef(Struct, rename="camel", gc=False):
    """A reference to another object, as in many specs."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


class OwnerRef(ObjectRef, rename="camel", gc=False):
    """An entry of ``metadata.ownerReferences``; it has no namespace."""

    uid: str = ""
    controller: bool | None = None


class Metadata(Struct, rename="camel", gc=False):
    """``metadata``; only the name is required."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerRef] | None = None


class Condition(Struct, rename="camel", gc=False):
    """An entry of ``status.conditions``."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int | None = None

    @property
    def text(self) -> str:
        """Return reason and message, cut."""
        return cut(": ".join(filter(None, (self.reason, self.message))), MAX_MESSAGE)


class ListMetadata(Struct, gc=False):
    """``metadata`` of a list page: the continue token, and the number of objects that follow."""

    continue_: str | None = msgspec.field(name="continue", default=None)
    remaining: int | None = msgspec.field(name="remainingItemCount", default=None)
