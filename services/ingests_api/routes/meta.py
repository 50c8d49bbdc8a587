"""Routes about the API itself: whether it answers, and what it is like."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from aws_lambda_powertools.event_handler import Request, Response

from course_backfill.display import ShownStatus
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.display import ShownHealth
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.openapi import documentation_page, served_below

TAG = "About"

# The page carries its own scripts and styles, and may talk to nobody but this API.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class MetaRoutes:
    """Answers about the API; `document` gives its description."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        described = answers({200: ("The description.", None)}, refusals=())
        described[200]["content"] = {"application/json": {"schema": {"type": "object"}}}
        page = answers({200: ("The page.", None)}, refusals=())
        page[200]["content"] = {"text/html": {"schema": {"type": "string"}}}
        healthy = answers({200: ("It answers.", ShownHealth)})
        return [
            Endpoint(
                method="GET",
                path="/health",
                handler=self.health,
                tag=TAG,
                summary="Whether the API answers; asks for no token",
                answers={status: healthy[status] for status in (200, 413, 422, 500)},
            ),
            Endpoint(
                method="GET",
                path="/openapi.json",
                handler=self.openapi,
                tag=TAG,
                summary="This description",
                answers=described,
            ),
            Endpoint(
                method="GET",
                path="/docs",
                handler=self.docs,
                tag=TAG,
                summary="This description as a page",
                answers=page,
            ),
        ]

    def health(self) -> Answer:
        """Says that it is there."""
        return json_answer(ShownHealth(status=ShownStatus(id="ok")))

    def openapi(self, request: Request) -> Answer:
        """The OpenAPI document."""
        return Response(
            status_code=HTTPStatus.OK,
            content_type="application/json",
            body=orjson.dumps(self._served(request)).decode(),
        )

    def docs(self, request: Request) -> Answer:
        """A page for people."""
        return Response(
            status_code=HTTPStatus.OK,
            content_type="text/html; charset=utf-8",
            body=documentation_page(self._served(request)),
            headers={"Content-Security-Policy": PAGE_POLICY},
        )

    def _served(self, request: Request) -> dict[str, Any]:
        return served_below(self._document(), request.context["base"])
