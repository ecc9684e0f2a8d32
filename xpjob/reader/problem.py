"""RFC 9457: errors as problem details, and one table from errors to them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xpjob.reader.flights import UnavailableError
from xpjob.reader.parameters import QueryError
from xpjob.reader.render import Body
from xpjob.reader.responses import Answer


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


async def _query_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, QueryError):
        raise error
    return problem(error.status, error.code, str(error), facts=error.facts)


async def _unavailable(_request: Request, error: Exception) -> Response:
    if not isinstance(error, UnavailableError):
        raise error
    return problem(503, error.code, str(error), {"Retry-After": str(error.retry_after)})


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 404:
        routes = (route for route in request.app.routes if isinstance(route, Route))
        paths = sorted(route.path for route in routes if route.include_in_schema)
        return problem(404, "not-found", "there is no such page", facts={"known": paths})
    if error.status_code == 405:
        return problem(405, "method-not-allowed", "the reader only reads: GET or HEAD", headers)
    code = "no-snapshot" if error.status_code == 503 else "error"
    return problem(error.status_code, code, error.detail, headers)


HANDLERS = {
    QueryError: _query_error,
    UnavailableError: _unavailable,
    HTTPException: _http_error,
}
"""What the service makes of each error."""
