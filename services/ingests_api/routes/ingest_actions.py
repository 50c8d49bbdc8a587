"""Routes that act on an ingest: cancel, retry, speed restores up."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Request

from course_backfill.display import ShownIngest
from course_backfill.ingests import IngestStatus
from services.ingests_api.answers import Answer, answers
from services.ingests_api.api import Api
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.ingest_answers import ingest_answer
from services.ingests_api.ingest_requests import Nothing, RestoreTierRequest
from services.ingests_api.parameters import IngestPath

TAG = "Ingests"
REFUSALS = (400, 404, 409, 413, 415, 422)


class IngestActionRoutes:
    """Answers for what is done to ingests."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        done_before = {200: ("It was done before; the ingest as it stands.", ShownIngest)}
        taken_on = {202: ("It is being done; the ingest as it stands.", ShownIngest)}
        return [
            Endpoint(
                method="POST",
                path="/ingests/<ingest_id>/cancel",
                handler=self.cancel,
                tag=TAG,
                summary="Cancel an ingest and remove what it copied",
                answers=answers(done_before | taken_on, refusals=REFUSALS),
            ),
            Endpoint(
                method="POST",
                path="/ingests/<ingest_id>/retry",
                handler=self.retry,
                tag=TAG,
                summary="Go on with a failure whose copies were kept",
                answers=answers(taken_on, refusals=REFUSALS),
            ),
            Endpoint(
                method="POST",
                path="/ingests/<ingest_id>/restore-tier",
                handler=self.raise_tier,
                tag=TAG,
                summary="Have the cold objects that an ingest waits for restored faster",
                description="S3 restores anew with the faster tier, and charges for it. A slower "
                "tier than the present one is refused.",
                answers=answers(taken_on, refusals=REFUSALS),
            ),
        ]

    def cancel(
        self, request: Request, ingest_id: IngestPath, body: Nothing | None = None
    ) -> Answer:
        """Cancels; asking again changes nothing."""
        ingest = self._api.ingests.get(ingest_id)
        status = HTTPStatus.OK
        if IngestStatus.CANCELLED not in {ingest.status, ingest.intended_end}:
            by = request.context["principal"].sub
            ingest = self._api.lifecycle.cancel(ingest_id, by=by)
            status = HTTPStatus.ACCEPTED
        return ingest_answer(self._api, ingest, base=request.context["base"], status=status)

    def retry(self, request: Request, ingest_id: IngestPath, body: Nothing | None = None) -> Answer:
        """Retries a kept failure."""
        ingest = self._api.lifecycle.retry(ingest_id, by=request.context["principal"].sub)
        return ingest_answer(
            self._api, ingest, base=request.context["base"], status=HTTPStatus.ACCEPTED
        )

    def raise_tier(
        self, request: Request, ingest_id: IngestPath, body: RestoreTierRequest
    ) -> Answer:
        """Asks for faster restores."""
        by = request.context["principal"].sub
        ingest = self._api.restore_tiers.raise_tier(ingest_id, body.tier, by=by)
        return ingest_answer(
            self._api, ingest, base=request.context["base"], status=HTTPStatus.ACCEPTED
        )
