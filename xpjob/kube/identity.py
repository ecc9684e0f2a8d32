"""Which cluster this is: the uid of its namespace kube-system, or else the address of its API."""

from __future__ import annotations

import logging

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.kube.api import Api
from xpjob.kube.decode import document
from xpjob.kube.mend import UNREADABLE
from xpjob.kube.objects import Metadata

PATH = "/api/v1/namespaces/kube-system"
_ACCEPT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_LONGEST = 300

_log = logging.getLogger(__name__)


class Identity(Struct, frozen=True, rename="camel"):
    """Identity of a cluster. ``uid`` is empty without the right to read it."""

    uid: str = ""
    server: str = ""

    def __str__(self) -> str:
        return self.uid or self.server

    def differs(self, other: Identity | None) -> bool:
        """Return whether these are two clusters. Addresses are compared if a uid is not known."""
        if other is None:
            return False
        if self.uid and other.uid:
            return self.uid != other.uid
        return bool(self.server and other.server) and self.server != other.server

    def completed(self, known: Identity | None) -> Identity:
        """Return this with the uid that is known from before, if it lacks it."""
        return Identity(self.uid or (known.uid if known else ""), self.server)


def identity_of(text: str) -> Identity | None:
    """Return the identity that a text, a uid or an address, stands for; None for none."""
    if not text:
        return None
    return Identity(server=text) if "://" in text else Identity(uid=text)


class _Namespace(Struct):
    metadata: Metadata


def identify(api: Api) -> Identity:
    """Return the identity of the cluster of an API. Never raises an ``XpjobError``."""
    server, uid = api.server[:_LONGEST], ""
    try:
        uid = document(api.get(PATH, {}, accept=_ACCEPT).body, _Namespace)[0].metadata.uid
    except (XpjobError, *UNREADABLE) as error:
        _log.info(
            "cluster known by the address of its API: its namespace kube-system cannot be read",
            extra={"error": str(error)},
        )
    return Identity(uid[:_LONGEST], server)
