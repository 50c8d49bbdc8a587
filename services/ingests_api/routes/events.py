"""All events of an ingest, page by page: a repair has one for each object."""

from __future__ import annotations

from course_backfill.display import ShownEvent
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import DEFAULT_LIMIT, Cursor, IngestPath, Limit


class EventRoutes:
    """Answers for the events of an ingest."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The route, and how it is described."""
        return [
            Endpoint(
                method="GET",
                path="/ingests/<ingest_id>/events",
                handler=self.listing,
                tag="Ingests",
                summary="List all events: the ingest's own first, then those about single objects",
                description="Such as repairs, each with both hashes; of these in no set order.",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownEvent])}, refusals=(400, 404, 422)
                ),
            )
        ]

    def listing(self, ingest_id: IngestPath, limit: Limit = None, cursor: Cursor = None) -> Answer:
        """A page of events."""
        ingest = self._api.ingests.get(ingest_id)
        asked = ("events", ingest.id)
        found, position = self._api.ingests.all_events(
            ingest.id, limit=limit or DEFAULT_LIMIT, after=decode_cursor(asked, cursor)
        )
        shown = [ShownEvent.of(one) for one in found]
        next_cursor = encode_cursor(asked, position)
        return json_answer(ShownResults[ShownEvent](results=shown, next_cursor=next_cursor))
