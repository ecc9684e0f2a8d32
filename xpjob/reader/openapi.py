"""What OpenAPI documents are put together from: schemas, contents and paths with parameters."""

from __future__ import annotations

from xpjob.reader.parameters import MAX_PARAMETERS, MAX_VALUE, Parameter
from xpjob.reader.render import Json

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
HEAD: Json = {"generatedAt": TEXT, "stale": FLAG, "cluster": TEXT}
"""What every answer from a snapshot says of it."""


def array_of(items: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def json_of(schema: str) -> Json:
    """Return the content of an answer in JSON."""
    return {"application/json": {"$ref": f"#/components/schemas/{schema}"}}


def tabular(schema: str) -> Json:
    """Return the content of an answer in JSON, NDJSON or CSV."""
    return {
        **json_of(schema),
        "application/x-ndjson": {"type": "string"},
        "text/csv": {"type": "string"},
    }


def text_of_any() -> Json:
    """Return the content of an answer in plain text."""
    return {"text/plain": {"type": "string"}}


def get(
    title: str,
    known: tuple[Parameter, ...] | None,
    content: Json,
    problems: tuple[int, ...],
    *,
    unready: bool = False,
) -> Json:
    """Return a path that takes these parameters; None means that it looks at none."""
    responses: Json = {
        "200": {
            "description": "The answer.",
            "content": {name: {"schema": schema} for name, schema in content.items()},
        }
    }
    if known is not None:
        responses["304"] = {"description": "The client has it already."}
    for status in problems:
        responses[str(status)] = {"description": _MEANING[status], "content": _PROBLEM}
    if unready:
        responses["503"] = {
            "description": "Not yet.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    listed = [_parameter(parameter) for parameter in known or ()]
    return {"get": {"summary": title, "parameters": listed, "responses": responses}}


_MEANING = {
    400: "A parameter or a value that does not exist; the problem lists those that do.",
    404: "There is no such record or table, and the problem lists what is called nearly so; or "
    "there is no dated snapshot, or no usage.",
    410: "The snapshot has changed since the page before.",
    413: "The request has a body.",
    414: "The query string is too long.",
    503: "There is no snapshot yet, or it can be answered only later.",
}


def _parameter(parameter: Parameter) -> Json:
    schema: Json = {"type": "string", "maxLength": MAX_VALUE}
    if parameter.values:
        schema = {"type": "string", "enum": parameter.values}
    if parameter.whole:
        schema = {"type": "integer", "minimum": parameter.whole[0], "maximum": parameter.whole[1]}
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    if parameter.repeatable:
        schema = {"type": "array", "items": schema, "maxItems": MAX_PARAMETERS}
    described: Json = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.help,
        "schema": schema,
    }
    if parameter.required:
        described["required"] = True
        schema["minLength"] = 1
    if parameter.repeatable:
        described |= {"style": "form", "explode": True}
    if parameter.example:
        described["example"] = [parameter.example] if parameter.repeatable else parameter.example
    return described


def object_of(properties: Json, more: Json | None = None) -> Json:
    """Return the schema of an object with all of these properties; it may have ``more``."""
    whole = {**properties, **(more or {})}
    return {"type": "object", "properties": whole, "required": list(properties)}


def list_of(name: str) -> Json:
    """Return the schema of a list of what goes by a name."""
    return array_of({"$ref": f"#/components/schemas/{name}"})
