"""The API on memory adapters, asked with events as API Gateway's HTTP API sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from services.ingests_api.api import Api
from services.ingests_api.app import IngestsApi
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline

EVERYTHING = "ingests:read ingests:write content:read content:locked"
SECRET = "a-secret-of-this-test"


@dataclass(frozen=True)
class Answered:
    """An answer, with its body read as what it says it is."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] in {"application/json", "application/problem+json"}
        return json.loads(self.text)

    @property
    def pointers(self) -> list[str]:
        """What a problem document names."""
        assert self.headers["Content-Type"] == "application/problem+json"
        return [one["pointer"] for one in self.json.get("errors", [])]


class ApiWorld:
    """A pipeline with two known courses, and the API in front of it."""

    def __init__(self, **settings: Any) -> None:
        self.pipeline = MemoryPipeline(**({"callback_secret": SECRET} | settings))
        self.pipeline.discover(COURSE, OLD_COURSE)
        self.wiring = self.pipeline.wiring
        self.api = IngestsApi(Api.of(self.wiring))

    def ask(self, method: str, path: str, **request: Any) -> Answered:
        """Sends one event; see `create_event`."""
        return self.send(create_event(method, path, **request))

    def send(self, event: dict[str, Any]) -> Answered:
        """Sends an event as it is."""
        answer = self.api(event, LambdaContext())
        assert answer["isBase64Encoded"] is False
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
        return Answered(answer["statusCode"], answer["headers"], answer["body"])

    def get(self, path: str, **request: Any) -> Answered:
        return self.ask("GET", path, **request)

    def post(self, path: str, body: Any = None, **request: Any) -> Answered:
        return self.ask("POST", path, body=body, **request)

    def start(self, course: object = COURSE, **fields: Any) -> Answered:
        """Asks for an ingest of a course."""
        return self.post("/ingests", create_request(course, **fields))

    def backfill(self, course: object = COURSE, **fields: Any) -> str:
        """Asks for an ingest and lets everything follow; the ingest's id."""
        answer = self.start(course, **fields)
        assert answer.status == 201, answer.text
        self.pipeline.run()
        return str(answer.json["id"])


def create_request(course: object = COURSE, **fields: Any) -> dict[str, Any]:
    """The smallest body that asks for an ingest, and more."""
    return {"ingestType": {"id": "backfill-course"}, "course": {"id": str(course)}} | fields


def create_event(
    method: str,
    path: str,
    *,
    body: Any = None,
    query: str = "",
    headers: dict[str, str] | None = None,
    scope: str | None = EVERYTHING,
    sub: str = "operator",
    stage: str = "$default",
) -> dict[str, Any]:
    """An event of payload format 2.0; `path` as the gateway hands it over: decoded once.

    A body that is no text is sent as JSON. Without `scope` there is no token.
    """
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api-id",
        "domainName": "api-id.execute-api.eu-west-1.amazonaws.com",
        "domainPrefix": "api-id",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "test",
        },
        "requestId": "request-1",
        "routeKey": "$default",
        "stage": stage,
        "time": "02/Mar/2026:08:00:00 +0000",
        "timeEpoch": 1772438400000,
    }
    if scope is not None:
        context["authorizer"] = {"jwt": {"claims": {"sub": sub, "scope": scope}, "scopes": None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path if stage == "$default" else f"/{stage}{path}",
        "rawQueryString": query,
        "headers": {"accept": "*/*", "host": context["domainName"]}
        | ({"content-type": "application/json"} if text is not None else {})
        | (headers or {}),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if text is not None:
        event["body"] = text
    return event
