"""Problems: every refusal as an `application/problem+json` document (RFC 9457)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from aws_lambda_powertools.event_handler import Response
from pydantic import ConfigDict, Field

from course_backfill.errors import (
    Conflict,
    CourseBackfillError,
    InvalidInput,
    KnownOutage,
    NotFound,
    ObjectCold,
    Problem,
)
from course_backfill.failures import ADVICE, LONGEST_DETAIL
from course_backfill.redaction import redacted
from course_backfill.shown import Shown
from services.ingests_api.json_bodies import MalformedJson

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
KINDS = "urn:course-backfill:problem:"
RETRY_AFTER_SECONDS = 5


class ShownFault(Shown):
    """One thing wrong with a request: where (a JSON pointer into the body, `?name` for a query
    parameter, a header's name) and what was expected."""

    pointer: str
    detail: str


class ShownBusyIngest(Shown):
    """The ingest that is in the way."""

    type: str = "Ingest"
    id: str
    url: str


class ShownProblem(Shown):
    """Why a request was not done, after RFC 9457. `errors` names everything wrong at once."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str = Field(description=f"{KINDS}, and what kind of problem it is")
    title: str
    status: int
    detail: str | None = None
    errors: list[ShownFault] | None = None
    ingest: ShownBusyIngest | None = None
    request_id: str | None = Field(default=None, description="To be quoted when reporting it.")


@dataclass(eq=False)
class Refusal(Exception):
    """A request that cannot be done, as it will be told."""

    status: HTTPStatus
    kind: str
    detail: str | None = None
    errors: Sequence[Problem] = ()
    ingest: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None


def refusal_of(error: Exception, request_id: str) -> Refusal:
    """How an error is told; what nobody foresaw is logged, and told without details."""
    if isinstance(error, Refusal):
        return error
    for kind_of_error, (status, kind) in _FORESEEN.items():
        if isinstance(error, kind_of_error):
            return Refusal(status, kind, *_told(error))
    return _unforeseen(error, request_id)


_FORESEEN = {
    InvalidInput: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    MalformedJson: (HTTPStatus.BAD_REQUEST, "malformed-json"),
    NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    Conflict: (HTTPStatus.CONFLICT, "conflict"),
    ObjectCold: (HTTPStatus.CONFLICT, "conflict"),
    KnownOutage: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
}


def _told(error: Exception) -> tuple[str, Sequence[Problem], str | None, Mapping[str, str]]:
    """Detail, faults, the ingest in the way, and headers."""
    match error:
        case InvalidInput(problems=problems):
            return "The request has problems; errors names each.", problems, None, {}
        case MalformedJson():
            return f"The body is not well-formed JSON: {error}", (), None, {}
        case Conflict(ingest=ingest):
            return redacted(str(error), limit=LONGEST_DETAIL), (), ingest, {}
        case ObjectCold():
            # The API itself reads manifest files alone; content is looked at before it is linked.
            advice = ADVICE["manifest-cold"]
            return f"{redacted(str(error), limit=LONGEST_DETAIL)}. {advice}", (), None, {}
        case KnownOutage():
            logger.warning("outage: %s", redacted(str(error)))
            return redacted(str(error)), (), None, {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case _:
            return redacted(str(error), limit=LONGEST_DETAIL), (), None, {}


def problem_answer(refusal: Refusal, *, base: str = "") -> Response[str]:
    """The document; `base` is the path that the API's own paths lie below."""
    busy = refusal.ingest and ShownBusyIngest(
        id=refusal.ingest, url=f"{base}/ingests/{refusal.ingest}"
    )
    problem = ShownProblem(
        type=KINDS + refusal.kind,
        title=refusal.status.phrase,
        status=refusal.status,
        detail=refusal.detail,
        errors=[ShownFault(pointer=one.pointer, detail=one.detail) for one in refusal.errors]
        or None,
        ingest=busy or None,
        request_id=refusal.request_id,
    )
    document: dict[str, Any] = problem.model_dump(mode="json", by_alias=True, exclude_none=True)
    headers = dict(refusal.headers)
    if busy:
        headers["Link"] = f'<{busy.url}>; rel="related"'
    return Response(
        status_code=refusal.status,
        content_type=CONTENT_TYPE,
        body=orjson.dumps(document).decode(),
        headers=headers,
    )


def _unforeseen(error: Exception, request_id: str) -> Refusal:
    # The stack without the values: an exception's text may hold a signed URL or a password.
    logger.error(
        "request failed: %s",
        redacted(f"{type(error).__name__}: {error}"),
        extra={
            "request_id": request_id,
            "stack": "".join(traceback.format_tb(error.__traceback__)),
        },
    )
    is_named = isinstance(error, CourseBackfillError)
    detail = (
        f"{redacted(str(error))}: an operator has to look into it"
        if is_named
        else "Something unforeseen went wrong. It was logged under this request's id."
    )
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "unforeseen", detail, request_id=request_id)
