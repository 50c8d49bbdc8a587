"""Answers: JSON and CSV, and what each route is said to answer with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse, OpenAPIResponseHeader

from course_backfill.shown import Shown
from services.ingests_api.problems import CONTENT_TYPE, ShownProblem

Answer = Response[str]

CSV = "text/csv"
ALWAYS = (401, 403, 413, 422, 500, 503)
"""Any route may be refused so: an unknown parameter is wrong, a body may be too large anywhere."""

_LOCATED = {201, 202, 307}
_LOCATION: OpenAPIResponseHeader = {
    "description": "Where it is.",
    "schema": {"type": "string", "format": "uri-reference"},
}
_REFUSALS = {
    400: "The path, the query or the body cannot be read.",
    401: "No valid bearer token.",
    403: "The token lacks the scope.",
    404: "There is nothing of that name.",
    409: "The present state forbids it; `ingest` is what is in the way.",
    413: "The body is over 64 KB.",
    415: "The body is not said to be JSON.",
    422: "The request is wrong; `errors` names everything that is.",
    500: "Something unforeseen; it was logged.",
    503: "Something that the API needs is away; trying again helps.",
}


def json_answer(
    shown: Shown, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """The document as JSON."""
    return Response(
        status_code=status,
        content_type="application/json",
        body=shown.to_json().decode(),
        headers=dict(headers or {}),
    )


def csv_answer(text: str, *, name: str, next_page: str | None = None) -> Answer:
    """A table as a file; `next_page` is the path of the rest, if there is any."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if next_page:
        headers["Link"] = f'<{next_page}>; rel="next"'
    return Response(
        status_code=200, content_type=f"{CSV}; charset=utf-8", body=text, headers=headers
    )


def wants_csv(accept: str | None) -> bool:
    """Whether an Accept header would rather have CSV than JSON."""
    weights = {"text/csv": 0.0, "application/json": 0.0}
    for part in (accept or "").lower().split(","):
        media_type, _, parameters = part.partition(";")
        quality = re.search(r"q=([01](?:\.[0-9]*)?)", parameters)
        if media_type.strip() in weights:
            weights[media_type.strip()] = float(quality.group(1)) if quality else 1.0
    return weights["text/csv"] > weights["application/json"]


def answers(
    told: Mapping[int, tuple[str, Any]], *, refusals: tuple[int, ...] = (), csv: bool = False
) -> dict[int, OpenAPIResponse]:
    """Status → what is answered: a description, and the type of the JSON or None for no body."""
    described: dict[int, OpenAPIResponse] = {}
    for status, (description, model) in told.items():
        # Without any content, Powertools would describe some.
        described[status] = {"description": description, "content": {}}
        if model is not None:
            described[status]["content"] = {"application/json": {"model": model}}
        if status in _LOCATED:
            described[status]["headers"] = {"Location": _LOCATION}
        if csv:
            described[status]["content"][CSV] = {"schema": {"type": "string"}}
    for status in sorted({*refusals, *ALWAYS}):
        described[status] = {
            "description": _REFUSALS[status],
            "content": {CONTENT_TYPE: {"model": ShownProblem}},
        }
    return described
