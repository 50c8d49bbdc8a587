"""Dead letters: what no worker could do and why, and sending it again."""

from __future__ import annotations

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Request
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from course_backfill.dead_letters import DeadLetterState
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownDeadLetter, ShownRedriven, ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.ingest_requests import Asked
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    Cursor,
    Id,
    IngestQuery,
    Limit,
    ServiceName,
    ServiceQuery,
)

TAG = "Dead letters"

StateQuery = Annotated[
    Literal["dead", "redriven"] | None,
    Query(description="Those that are dead, as if absent, or those that were sent again, by whom."),
]


class RedriveRequest(Asked):
    """Which dead letters to send again: these, a service's, or an ingest's; one of the three."""

    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=1_000)] | None = None
    service: ServiceName | None = None
    ingest: Id | None = None


class DeadLetterRoutes:
    """Answers for dead letters."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        return [
            Endpoint(
                method="GET",
                path="/dead-letters",
                handler=self.listing,
                tag=TAG,
                summary="List dead letters, newest first",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownDeadLetter])}, refusals=(400, 422)
                ),
            ),
            Endpoint(
                method="POST",
                path="/dead-letters/redrive",
                handler=self.redrive,
                tag=TAG,
                summary="Send dead letters again",
                description="At most 1,000 at a time. One of an ingest that has ended is harmless.",
                answers=answers(
                    {200: ("What became of each.", ShownResults[ShownRedriven])},
                    refusals=(400, 413, 415, 422),
                ),
            ),
        ]

    def listing(
        self,
        state: StateQuery = None,
        service: ServiceQuery = None,
        ingest: IngestQuery = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Answer:
        """A page of dead letters."""
        asked = ("dead-letters", state, service, ingest)
        found, position = self._api.dead_letters.listing(
            state=DeadLetterState(state or "dead"),
            service=service,
            ingest=ingest,
            limit=limit or DEFAULT_LIMIT,
            before=decode_cursor(asked, cursor),
        )
        shown = [ShownDeadLetter.of(letter) for letter in found]
        next_cursor = encode_cursor(asked, position)
        return json_answer(ShownResults[ShownDeadLetter](results=shown, next_cursor=next_cursor))

    def redrive(self, request: Request, body: RedriveRequest) -> Answer:
        """Sends them again."""
        done = self._api.dead_letters.redrive(
            by=request.context["principal"].sub,
            ids=frozenset(body.ids or ()),
            service=body.service,
            ingest=body.ingest,
        )
        shown = [ShownRedriven.of(one) for one in done]
        return json_answer(ShownResults[ShownRedriven](results=shown, next_cursor=None))
