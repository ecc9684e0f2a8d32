"""GitHub's own OpenAPI document: what a request and an answer must look like."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from openapi_schema_validator import OAS30Validator

from support.paths import CACHE
from support.scripted import Asked, Told

DOCUMENT = CACHE / "github" / "api.github.com.json"
_JSON = "application/json"


@functools.cache
def document() -> Any:
    """Return the document. It is large: once for each process."""
    assert DOCUMENT.exists(), f"scripts/test puts GitHub's OpenAPI document at {DOCUMENT}"
    return msgspec.json.decode(DOCUMENT.read_bytes())


def operation(method: str, path: str) -> tuple[Any, dict[str, str]]:
    """Return an operation, and the values of the parameters of its path.

    Raises ``AssertionError`` if the document has none.
    """
    parts = path.split("/")
    fitting = [
        (sum(part[:1] != "{" for part in template), template)
        for template in _templates(method.lower(), len(parts))
        if all(one[:1] == "{" or one == other for one, other in zip(template, parts, strict=True))
    ]
    assert fitting, f"GitHub's API has no {method} {path}"
    template = max(fitting)[1]  # the most literal one
    values = zip(template, parts, strict=True)
    named = {one.strip("{}"): unquote(other) for one, other in values if one[:1] == "{"}
    return _operation(method.lower(), "/".join(template)), named


@functools.cache
def _templates(method: str, parts: int) -> list[list[str]]:
    paths = document()["paths"]
    templates = [path.split("/") for path, operations in paths.items() if method in operations]
    return [template for template in templates if len(template) == parts]


@functools.cache
def _operation(method: str, path: str) -> Any:
    return _resolved(document()["paths"][path][method])


def _resolved(node: Any) -> Any:
    """Return a part of the document with its references followed."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            target = document()
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            return _resolved(target)
        return {key: _resolved(value) for key, value in node.items() if key != "examples"}
    return [_resolved(each) for each in node] if isinstance(node, list) else node


def request_faults(asked: Asked) -> list[str]:
    """Return how a request breaks the document; also a field or parameter that it does not have."""
    url = urlsplit(asked.path)
    found, named = operation(asked.method, url.path)
    given = {**named, **dict(parse_qsl(url.query))}
    parameters = {each["name"]: each["schema"] for each in found["parameters"]}
    faults = [f"parameter {name} does not exist" for name in given if name not in parameters]
    for name, text in given.items():
        schema = parameters.get(name, {})
        value = int(text) if schema.get("type") == "integer" and text.isdigit() else text
        faults += _faults(value, schema)
    if asked.body:
        faults += schema_faults(asked.method, url.path, msgspec.json.decode(asked.body))
        if asked.headers.get("content-type") != _JSON:
            faults.append("the content type is not JSON")
    elif found.get("requestBody", {}).get("required"):
        faults.append("the body is missing")
    return faults


def schema_faults(method: str, path: str, body: Any) -> list[str]:
    """Return how the body of a request breaks the document."""
    schema = operation(method, path)[0]["requestBody"]["content"][_JSON]["schema"]
    return [*_faults(body, schema), *_unknown(body, schema)]


def answer_faults(asked: Asked, told: Told) -> list[str]:
    """Return how an answer breaks the document, if it describes one of this status with a body."""
    found, _ = operation(asked.method, urlsplit(asked.path).path)
    schema = found["responses"].get(str(told.status), {}).get("content", {}).get(_JSON)
    # Messages are not as they are described; and {} is a document that nobody reads.
    if schema is None or told.status >= 400 or told.body == b"{}":
        return []
    return _faults(msgspec.json.decode(told.body), schema["schema"])


def _faults(value: Any, schema: Any) -> list[str]:
    validator = OAS30Validator(schema)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def _unknown(value: Any, schema: Any) -> list[str]:
    """Return fields that the document does not have: GitHub ignores them, so they do nothing."""
    if isinstance(value, list):
        items = schema.get("items", {})
        return [fault for each in value for fault in _unknown(each, items)]
    if not isinstance(value, dict) or "additionalProperties" in schema:
        return []
    known = schema.get("properties", {})
    return [
        *(f"field {name} does not exist" for name in value if name not in known),
        *(fault for name in value for fault in _unknown(value[name], known.get(name, {}))),
    ]
