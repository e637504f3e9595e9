"""The OpenAPI 3.1 document, made of the table of routes and the types in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracker import __version__
from tracker.web import examples, query
from tracker.web.problems import MEDIA_TYPE, TITLES, Problem
from tracker.web.routes import Route, Text

YAML: Final = "application/yaml"
JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = """What the tracker counts, alerts and defines.

* **Tokens.** Every request needs `Authorization: Bearer trk_…`, made by `tracker token create`. A token in an address
  is refused.
* **Numbers** carry `value`, `basis`, `sources`, `at`, `age_ms`, and how many posts are `known` and `unknown`. `null` is
  unknown and never zero. Shares are decimals written as text; money is in minor units of its `currency`.
* **Instants** are integers: milliseconds since the epoch, UTC. Parameters take RFC 3339 as well.
* **Lists** give `items` and `next`; ask for the next page with `cursor=<next>` and the same filters, until `next` is
  null.
* **Errors** are problem details (RFC 9457) that name each bad field. 503 and 429 say in `Retry-After` when to come
  back.
* **Copies.** Answers to GET have an `ETag`; send it back as `If-None-Match` and get 304 while nothing but ages changed.
"""
_TAGS: Final = {
    "campaigns": "Campaigns and their numbers",
    "creators": "Creators, their accounts and posts",
    "posts": "Single posts",
    "alerts": "Alerts, silences and rules",
    "commerce": "Links and orders",
    "definitions": "What was agreed, and how the tracker is operated",
    "operation": "The pipeline itself",
    "live": "What changes, as it changes",
    "exports": "Tables to take away",
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The document as plain data."""
    types = {row.answer for row in routes if row.answer is not None}
    types |= {row.body for row in routes if row.body not in (None, Text)}
    ordered = sorted({*types, Problem}, key=lambda each: each.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    known = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in routes:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, known)
    paths["/v1/stream"] = {"get": _stream()}
    used = {"live", *(row.tag for row in routes)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Campaign tracker", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `tracker token create`."}
            },
            "responses": {_problem_name(status): _problem(status, known[Problem]) for status in TITLES},
            "headers": {
                "RequestId": {"description": "The request's id, also found in the log.", "schema": {"type": "string"}},
                "ETag": {"description": "Names this very answer, ages aside.", "schema": {"type": "string"}},
            },
        },
    }


def _operation(row: Route, known: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": _operation_id(row),
        "tags": [row.tag],
        "summary": row.summary,
        "description": f"{row.description}\n\nLeast role: {row.role}.{_REACHES[row.reach]}".strip(),
        "parameters": [*_path_parameters(row), *_query_parameters(row)],
        "responses": _responses(row, known),
    }
    if row.body is not None:
        said["requestBody"] = _body(row, known)
    return said


_REACHES: Final = {
    "campaign": " A token that is limited to campaigns gets 404 for others.",
    "filtered": " A token that is limited to campaigns sees what is of these.",
    "installation": " A token that is limited to campaigns gets 403.",
    "self": "",
}


def _operation_id(row: Route) -> str:
    parts = row.path.removeprefix("/v1/").replace(":", "/").replace("-", "_").split("/")
    return "_".join([row.method.lower(), *(part.strip("{}") for part in parts)])


def _path_parameters(row: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(row.choices.get(name))}
        for name in row.parameters
    ]


def _path_schema(choices: tuple[str, ...] | None) -> dict[str, Any]:
    return {"type": "string", "minLength": 1} if choices is None else {"type": "string", "enum": choices}


def _query_parameters(row: Route) -> list[dict[str, Any]]:
    shape = msgspec.json.schema(row.query)
    fields = shape["$defs"][row.query.__name__]
    required = set(fields.get("required", ()))
    return [
        _query_parameter(name, schema, required=name in required)
        for name, schema in fields.get("properties", {}).items()
    ]


def _query_parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    some = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    shown = some[0] if len(some) == 1 else {"anyOf": some}
    default = schema.get("default")
    if name in query.INSTANTS:
        shown = {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 253402300799999},
                {"type": "string", "format": "date-time"},
            ],
            "description": "ms since the epoch, or RFC 3339 with an offset",
        }
    elif default is not None:
        shown = {**shown, "default": default}
    shown = {key: value for key, value in shown.items() if key != "description"} | {}
    said = {"name": name, "in": "query", "required": required, "schema": shown}
    described = next((each["description"] for each in (schema, *some) if "description" in each), None)
    return said if described is None else {**said, "description": described}


def _body(row: Route, known: dict[Any, Any]) -> dict[str, Any]:
    if row.body is Text:
        example = {"examples": {"example": {"value": row.body_example}}}
        schema = {
            "type": ["object", "null"],
            "description": "Sections of definitions, as GET /v1/definitions gives them.",
        }
        return {
            "required": True,
            "description": "A file of definitions, as `tracker apply` reads it (JSON is YAML too).",
            "content": {YAML: {"schema": schema, **example}, JSON: {"schema": schema}},
        }
    assert row.body is not None
    content: dict[str, Any] = {"schema": known[row.body]}
    if row.body_example is not None:
        content["examples"] = {"example": {"value": row.body_example}}
    return {"required": needs_body(row), "content": {JSON: content}}


def needs_body(row: Route) -> bool:
    """Whether a request without a body is refused: not where every field has a default."""
    return row.body is Text or (
        row.body is not None and any(field.required for field in msgspec.structs.fields(row.body))
    )


def _responses(row: Route, known: dict[Any, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    answers: dict[str, Any] = {}
    if row.method == "GET":
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
        answers["304"] = {"description": "As you have it (If-None-Match)", "headers": headers}
    said: dict[str, Any] = {"description": row.summary, "headers": headers}
    if row.answer is not None:
        content: dict[str, Any] = {"schema": known[row.answer]}
        if row.example is not None:
            content["examples"] = {"example": {"value": row.example}}
        said["content"] = {row.media: content}
        if row.yaml:
            said["content"][YAML] = {"schema": known[row.answer]}
    elif row.media != JSON:
        said["content"] = {media: {"schema": {"type": "string"}} for media in (row.media, *row.medias)}
    answers[str(row.status)] = said
    for status in statuses(row):
        answers[str(status)] = {"$ref": f"#/components/responses/{_problem_name(status)}"}
    return dict(sorted(answers.items()))


def statuses(row: Route) -> list[int]:
    """The problems that a route may answer with."""
    found = {400, 401, 429, 500, 503, *row.errors}
    if row.role != "viewer" or row.reach == "installation":
        found.add(403)
    if row.reach == "campaign":
        found.add(404)
    if row.body is not None:
        found |= {408, 413, 415, 422}
    return sorted(found)


def _problem_name(status: int) -> str:
    return TITLES[status].title().replace(" ", "")


def _problem(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status == 401:
        headers["WWW-Authenticate"] = {"required": True, "schema": {"type": "string"}}
    if status in (429, 503):
        headers["Retry-After"] = {"required": True, "schema": {"type": "string"}, "description": "seconds"}
    content: dict[str, Any] = {"schema": schema}
    if status == 400:
        content["examples"] = {"example": {"value": examples.PROBLEM}}
    return {"description": TITLES[status], "headers": headers, "content": {MEDIA_TYPE: content}}


_STREAM_ERRORS: Final = (400, 401, 404, 429, 503)


def _stream() -> dict[str, Any]:
    """The live stream. It is served beside the table of routes: its answer does not end."""
    return {
        "operationId": "get_stream",
        "tags": ["live"],
        "summary": "Campaigns' numbers and alerts, as they change (Server-Sent Events)",
        "description": (
            "Events `hello`, `campaign`, `alert`, `stale`, `lost`; resumed by `Last-Event-ID`. docs/how-to/"
            "follow-live-numbers.md describes them.\n\nLeast role: viewer." + _REACHES["filtered"]
        ),
        "parameters": [
            {
                "name": "campaign",
                "in": "query",
                "description": "Only this campaign's; may be repeated.",
                "schema": {"type": "array", "items": {"type": "string"}},
            },
            {
                "name": "kinds",
                "in": "query",
                "description": "One or both, with a comma between.",
                "schema": {"type": "string", "enum": ["campaign", "alert", "campaign,alert", "alert,campaign"]},
            },
            {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **{str(status): {"$ref": f"#/components/responses/{_problem_name(status)}"} for status in _STREAM_ERRORS},
        },
    }
