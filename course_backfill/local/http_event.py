"""An HTTP request as API Gateway's HTTP API hands it to Lambda, payload format 2.0."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from course_backfill.clock import Clock

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent; `path` is as it was on the wire."""

    method: str
    path: bytes
    query: bytes
    headers: Iterable[Header]
    body: bytes
    client: str


def http_event(
    request: HttpRequest, *, claims: Mapping[str, str] | None, clock: Clock
) -> dict[str, Any]:
    """The event; `claims` are those of a token that was found valid, None for no such token.

    The path is decoded once, as the gateway does. Bytes that are no text stay recognisable as
    such: half of a surrogate pair stands for each.
    """
    path = unquote_to_bytes(request.path).decode("utf-8", errors="surrogateescape")
    now = clock()
    context: dict[str, Any] = {
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": "localhost",
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": "",
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "timeEpoch": int(now.timestamp() * 1000),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query.decode("latin-1"),
        "headers": _headers(request.headers),
        "requestContext": context,
        **_body(request.body),
    }


def _headers(headers: Iterable[Header]) -> dict[str, str]:
    """Names in lower case, repeats joined by commas. The token is left out: it was looked at."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    joined.pop("authorization", None)
    return joined


def _body(body: bytes) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    try:
        return {"body": body.decode("utf-8"), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
