"""RFC 9457: errors as problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from xpjob.reader.answer import Answer
from xpjob.reader.render import Body


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    facts: Mapping[str, object] | None = None,
) -> Answer:
    """Return an error as people and machines can read it.

    ``code`` names the kind of problem; ``facts`` are further members, such as what exists.
    """
    document = {
        "type": f"urn:xpjob:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        **(facts or {}),
    }
    if not detail:
        document["detail"] = HTTPStatus(status).phrase
    named = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Answer(
        Body.of(msgspec.json.encode(document) + b"\n"), {**named, **(headers or {})}, status
    )
