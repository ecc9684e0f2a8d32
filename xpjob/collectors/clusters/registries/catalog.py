"""The catalog of a registry: how many repositories it has, where that is told."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urljoin

import msgspec
from msgspec import Struct

from xpjob.base.errors import DeadlineError, XpjobError
from xpjob.collectors.clusters.registries.client import Client, same_origin
from xpjob.collectors.clusters.registries.result import Catalog

SCOPE = "registry:catalog:*"
_PAGE = 1000
_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*\brel\s*=\s*\"?next\"?", re.IGNORECASE)
_REFUSED = (401, 403, 404, 405)


class Counted(NamedTuple):
    """The number of repositories; None if it is not known, ``catalog`` says why."""

    repositories: int | None
    catalog: Catalog


class _Page(Struct):
    repositories: list[str] | None = None


def count(client: Client, authorization: str) -> Counted:
    """Count repositories page by page. Raises ``DeadlineError``; other failures are outcomes."""
    most = client.registry.max_repositories
    url = f"{client.registry.endpoint}/v2/_catalog?n={min(_PAGE, most)}"
    found, seen = 0, {url}
    while True:
        try:
            answer = client.get(url, authorization)
            if answer.status in _REFUSED:
                return Counted(None, "refused")
            if answer.status != 200:
                return Counted(None, "failed")
            found += len(msgspec.json.decode(answer.body, type=_Page).repositories or ())
        except DeadlineError:
            raise
        except (XpjobError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Counted(None, "failed")
        following = _NEXT.search(answer.headers.get("Link", ""))
        if found > most or (following and found == most):
            return Counted(None, "more")
        if following is None:
            return Counted(found, "complete")
        try:
            url = urljoin(url, following[1])
        except ValueError:
            return Counted(None, "failed")
        if url in seen or not same_origin(url, client.registry.endpoint):
            return Counted(None, "failed")
        seen.add(url)
