"""The answer that shows an ingest as it stands, and where it is."""

from __future__ import annotations

from http import HTTPStatus

from course_backfill.ingests import Ingest
from services.ingests_api.answers import Answer, json_answer
from services.ingests_api.api import Api


def ingest_answer(api: Api, ingest: Ingest, *, base: str, status: HTTPStatus) -> Answer:
    """`base` is the path that the API's own paths lie below."""
    headers = {"Location": f"{base}/ingests/{ingest.id}"}
    return json_answer(api.show(ingest), status=status, headers=headers)
