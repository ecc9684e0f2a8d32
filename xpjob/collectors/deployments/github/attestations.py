"""Which running digests have a provenance attestation that GitHub knows."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from xpjob.base import times
from xpjob.base.errors import BadAnswerError
from xpjob.collectors.deployments.github import answers
from xpjob.collectors.deployments.github.client import Client
from xpjob.collectors.deployments.github.state import Acknowledged, Attested

PER_REQUEST, PER_PAGE, MAX_PAGES = 1024, 100, 1000
KNOWN_FOR, UNKNOWN_FOR = timedelta(days=7), timedelta(hours=1)
"""How long an answer is believed: attestations are rarely deleted, and often made later."""
_DIGEST = re.compile(r"(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})")
_log = logging.getLogger(__name__)


class _Info(Struct):
    has_next: bool | None = None
    next: str | None = None


class _Page(Struct):
    attestations_subject_digests: Any = None
    page_info: _Info | None = None


def ask(
    client: Client, state: Acknowledged, digests: Iterable[str], remember: Callable[[], None]
) -> None:
    """Bring ``state.attested`` up to date for the digests that run, and no other.

    An attestation in a repository that the credentials must not read looks like none. That there is
    one does not mean that it was verified. Raises the errors of ``Client.post``.
    """
    running = {digest for digest in digests if _DIGEST.fullmatch(digest)}
    state.attested = {
        digest: known for digest, known in state.attested.items() if digest in running
    }
    now = client.clock.now()
    due = sorted(
        digest
        for digest in running
        if (before := state.attested.get(digest)) is None
        or (asked := times.read(before.at)) is None
        or now - asked >= (KNOWN_FOR if before.known else UNKNOWN_FOR)
    )
    for start in range(0, len(due), PER_REQUEST):
        part = due[start : start + PER_REQUEST]
        known = _known(client, part)
        at = times.rfc3339(client.clock.now())
        state.attested |= {digest: Attested(digest in known, at) for digest in part}
        remember()


def _known(client: Client, digests: list[str]) -> set[str]:
    """Return those of at most 1,024 digests that have an attestation, from all pages."""
    what = f"asking for the attestations of {len(digests)} digests"
    path = f"{client.org('attestations', 'bulk-list')}?per_page={PER_PAGE}"
    body = {"subject_digests": digests, "predicate_type": "provenance"}
    known: set[str] = set()
    after = ""
    for _ in range(MAX_PAGES):
        url = f"{path}&after={quote(after, safe='')}" if after else path
        page = answers.decoded(what, client.post(what, url, body, writes=False), _Page)
        known |= _attested(page.attestations_subject_digests)
        info = page.page_info
        if info is None or not info.has_next:
            return known
        if not info.next or info.next == after:
            break
        after = info.next
    raise BadAnswerError(f"{what}: the pages do not end, the cursor was {after!r} last")


def _attested(found: Any) -> set[str]:
    """Return the digests of an answer with attestations; GitHub's example has a list of maps."""
    maps = found if isinstance(found, list) else [found]
    return {
        digest
        for each in maps
        if isinstance(each, dict)
        for digest, attestations in each.items()
        if attestations
    }
