"""Ingests API: takes requests for ingests, and answers every question about them."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_run import lambda_run
from course_backfill.wiring import Wiring
from services.ingests_api.api import Api
from services.ingests_api.app import IngestsApi


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers an event of an HTTP API (payload 2.0); safe to call from several threads."""
    with lambda_run("ingests_api", context):
        return api()(event, context)


@cache
def api() -> IngestsApi:
    """The API on the configured installation."""
    return build_api(connect())


def build_api(wiring: Wiring) -> IngestsApi:
    """The API on any wiring."""
    return IngestsApi(Api.of(wiring))
