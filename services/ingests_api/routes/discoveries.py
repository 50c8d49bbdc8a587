"""Discoveries: look for courses now."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Request

from course_backfill.messages import Step, StepMessage
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.discovery_display import ShownDiscovery
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.ingest_requests import Nothing
from services.ingests_api.parameters import DiscoveryPath

TAG = "Discoveries"


class DiscoveryRoutes:
    """Answers for discoveries."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        return [
            Endpoint(
                method="POST",
                path="/discoveries",
                handler=self.create,
                tag=TAG,
                summary="Find the source's courses now",
                answers=answers(
                    {202: ("It was begun; Location is where it is.", ShownDiscovery)},
                    refusals=(400, 413, 415, 422),
                ),
            ),
            Endpoint(
                method="GET",
                path="/discoveries/<discovery_id>",
                handler=self.get,
                tag=TAG,
                summary="Look at a discovery",
                answers=answers(
                    {200: ("The discovery.", ShownDiscovery)}, refusals=(400, 404, 422)
                ),
            ),
        ]

    def create(self, request: Request, body: Nothing | None = None) -> Answer:
        """Begins a discovery."""
        by = request.context["principal"].sub
        discovery = self._api.discoveries.add(self._api.new_id(), by=by)
        self._api.messages.send([StepMessage(ingest=discovery.id, epoch=0, step=Step.DISCOVER)])
        headers = {"Location": f"{request.context['base']}/discoveries/{discovery.id}"}
        shown = ShownDiscovery.of(discovery)
        return json_answer(shown, status=HTTPStatus.ACCEPTED, headers=headers)

    def get(self, discovery_id: DiscoveryPath) -> Answer:
        """One discovery."""
        return json_answer(ShownDiscovery.of(self._api.discoveries.get(discovery_id)))
