"""The API as a function of an HTTP API event: authorise, read, answer, and refuse alike."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.errors import InvalidInput
from course_backfill.work_context import working_on
from services.ingests_api.answer_sizes import fit
from services.ingests_api.api import Api
from services.ingests_api.arguments import CONTEXT, fill_arguments, refuse_large
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.guard import Guard
from services.ingests_api.ingest_requests import Available
from services.ingests_api.openapi import describe
from services.ingests_api.problems import problem_answer, refusal_of
from services.ingests_api.request_paths import routed_path
from services.ingests_api.resolver import Resolver
from services.ingests_api.routes.courses import CourseRoutes
from services.ingests_api.routes.dead_letters import DeadLetterRoutes
from services.ingests_api.routes.discoveries import DiscoveryRoutes
from services.ingests_api.routes.events import EventRoutes
from services.ingests_api.routes.failures import FailureRoutes
from services.ingests_api.routes.ingest_actions import IngestActionRoutes
from services.ingests_api.routes.ingests import IngestRoutes
from services.ingests_api.routes.locations import LocationRoutes
from services.ingests_api.routes.meta import MetaRoutes
from services.ingests_api.routes.reports import ReportRoutes
from services.ingests_api.routes.versions import VersionRoutes

logger = logging.getLogger(__name__)

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""On every answer: it is for whoever asked, and it is what it says it is."""


class IngestsApi:
    """Answers events from any number of threads; makes nothing before the first."""

    def __init__(self, api: Api) -> None:
        self._issuer = api.issuer
        self._available = Available(tuple(api.locations), api.callback_rules)
        self._of_thread = threading.local()
        routes = (
            IngestRoutes(api),
            IngestActionRoutes(api),
            EventRoutes(api),
            FailureRoutes(api),
            CourseRoutes(api),
            VersionRoutes(api),
            ReportRoutes(api),
            LocationRoutes(api),
            DeadLetterRoutes(api),
            DiscoveryRoutes(api),
            MetaRoutes(lambda: self.description),
        )
        self.endpoints: dict[tuple[str, str], Endpoint] = {
            endpoint.key: endpoint for one in routes for endpoint in one.endpoints()
        }
        self._guard = Guard(
            self.endpoints,
            scope_prefix=api.issuer.scope_prefix,
            is_described_to_all=api.is_described_to_all,
        )

    def __call__(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """The answer to an event of an HTTP API (payload 2.0)."""
        request_id = _request_id(event)
        with working_on(request_id=request_id):
            return self._answer(event, context, request_id)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return describe(self._new_resolver(), self._issuer)

    def _answer(
        self, event: Mapping[str, Any], context: LambdaContext, request_id: str
    ) -> dict[str, Any]:
        began = time.monotonic()
        resolver = self._resolver()
        resolver.context.clear()
        resolver.context |= {"request_id": request_id, CONTEXT: self._body_context()}
        known: dict[str, Any] = {}
        resolver.context["known"] = known
        answer = resolver.resolve(_routed(event, resolver), context)
        answer |= {
            "statusCode": int(answer["statusCode"]),
            "headers": HEADERS | answer["headers"],
        }
        known |= {
            "status": answer["statusCode"],
            "outcome": _outcome(answer["statusCode"]),
            "seconds": round(time.monotonic() - began, 3),
        }
        logger.info("request", extra=known)
        return answer

    def _resolver(self) -> Resolver:
        found: Resolver | None = getattr(self._of_thread, "resolver", None)
        if found is None:
            found = self._of_thread.resolver = self._new_resolver()
        return found

    def _new_resolver(self) -> Resolver:
        resolver = Resolver()
        resolver.use([fit, self._guard.authorise, refuse_large])
        for endpoint in self.endpoints.values():
            resolver.route(
                endpoint.path,
                endpoint.method,
                summary=endpoint.summary,
                description=endpoint.description or None,
                responses=endpoint.answers,
                tags=[endpoint.tag],
                operation_id=_operation_id(endpoint),
                middlewares=[*endpoint.before, fill_arguments],
            )(endpoint.handler)

        def refused(error: Exception) -> Response[str]:
            refusal = refusal_of(error, resolver.context["request_id"])
            return problem_answer(refusal, base=resolver.context["base"])

        resolver.exception_handler(Exception)(refused)
        return resolver

    def _body_context(self) -> dict[str, Any]:
        return {"available": self._available}


def _outcome(status: int) -> str:
    if status < HTTPStatus.BAD_REQUEST:
        return "succeeded"
    return "refused" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "failed"


def _routed(event: Mapping[str, Any], resolver: Resolver) -> dict[str, Any]:
    """The event with a path that the router can take apart, without the stage it came through."""
    request = dict(event.get("requestContext") or {})
    stage = f"/{request.get('stage')}"
    path = str(event.get("rawPath") or "/")
    has_stage = path == stage or path.startswith(f"{stage}/")
    resolver.context["base"] = stage if has_stage else ""
    request["stage"] = "$default"
    try:
        routed = routed_path(path.removeprefix(resolver.context["base"]) or "/")
    except InvalidInput as refusal:
        resolver.context["refused"] = refusal
        routed = "/"
    return {**event, "rawPath": routed, "requestContext": request}


def _request_id(event: Mapping[str, Any]) -> str:
    return str((event.get("requestContext") or {}).get("requestId") or uuid.uuid4())


def _operation_id(endpoint: Endpoint) -> str:
    words = [part for part in endpoint.path.split("/") if part and not part.startswith("<")]
    return "-".join((endpoint.handler.__name__, *words))
