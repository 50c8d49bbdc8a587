"""Arguments: what a route declares is read from the request, checked, and all faults told at once.

Powertools' own validation is not used: it runs before the token is looked at, cuts values at
commas, passes unknown parameters over and reads JSON loosely.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from types import MethodType
from typing import Any, cast
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.compat import ModelField
from aws_lambda_powertools.event_handler.openapi.dependant import get_dependant
from aws_lambda_powertools.event_handler.openapi.params import Dependant
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import TypeAdapter, ValidationError

from course_backfill.errors import InvalidInput, Problem
from services.ingests_api.json_bodies import parse_json
from services.ingests_api.problems import Refusal
from services.ingests_api.query_strings import read_query
from services.ingests_api.resolver import Next, Resolver

MAX_BODY_BYTES = 64 * 1024
CONTEXT = "body_context"
"""Where a resolver's context holds what the body is validated against."""


def fill_arguments(app: Resolver, next_middleware: Next) -> Response[Any]:
    """Calls the route with its arguments, or raises InvalidInput that names every fault."""
    route: Route = app.context["_route"]
    dependant = _declared(route.openapi_path, cast(MethodType, route.func).__func__)
    problems: list[Problem] = []
    segments = {name: unquote(text) for name, text in app.context["_route_args"].items()}
    values = _fill(dependant.path_params, segments, problems, "{}")
    try:
        query = read_query(app.current_event.get("rawQueryString") or "")
    except InvalidInput as refusal:
        problems += refusal.problems
        query = {}
    known = {field.alias for field in dependant.query_params}
    if not any(_is_of(dependant.path_params, one) for one in problems):
        # A path that is wrong may have been meant for another route, which knows the parameter.
        problems += [Problem(f"?{one}", "unknown parameter") for one in query if one not in known]
    values |= _fill(dependant.query_params, query, problems, "?{}")
    values |= _fill(dependant.header_params, app.current_event.headers, problems, "{}")
    for field in dependant.body_params:
        values |= _fill_body(field, app, problems)
    if problems:
        raise InvalidInput(*problems)
    app.context["_route_args"] = values
    return next_middleware(app)


def refuse_large(app: Resolver, next_middleware: Next) -> Response[Any]:
    """Refuses a body over 64 KB before anything looks into it."""
    body = app.current_event.get("body") or ""
    is_encoded = app.current_event.get("isBase64Encoded")
    size = len(body) * 3 // 4 - body[-2:].count("=") if is_encoded else len(body)
    # Characters are at most bytes, so that a text is only encoded once it is known to be short.
    if size <= MAX_BODY_BYTES and not is_encoded:
        size = len(body.encode(errors="surrogatepass"))
    if size > MAX_BODY_BYTES:
        detail = f"A body has at most {MAX_BODY_BYTES} bytes."
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
    return next_middleware(app)


def body_of(event: APIGatewayProxyEventV2) -> bytes:
    """The bytes of the body; empty where there is none."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "malformed-body", "The body cannot be decoded."
        ) from None


def json_body_of(event: APIGatewayProxyEventV2) -> Any:
    """The strictly parsed body; raises Refusal (415) unless it says that it is JSON in UTF-8."""
    media_type, _, parameters = (event.headers.get("content-type") or "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in {"", "utf-8"}:
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body has to be application/json, in UTF-8.",
        )
    return parse_json(body_of(event))


@cache
def _declared(path: str, function: Callable[..., Any]) -> Dependant:
    """What a route's function declares, whatever it is bound to: all threads have routers of their
    own, and would each find it out again."""
    return get_dependant(path=path, call=MethodType(function, object()))


def _is_of(fields: list[ModelField], problem: Problem) -> bool:
    return any(problem.pointer == field.alias for field in fields)


def _fill(
    fields: list[ModelField], given: Mapping[str, str], problems: list[Problem], pointer: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        place = pointer.format(field.alias)
        if field.alias not in given:
            problems += [Problem(place, "required")] if field.required else []
            values[field.name] = field.default
            continue
        try:
            values[field.name] = _adapter(field).validate_python(given[field.alias])
        except ValidationError as error:
            problems += [Problem(place, _expected(one)) for one in error.errors()]
    return values


def _fill_body(field: ModelField, app: Resolver, problems: list[Problem]) -> dict[str, Any]:
    if not field.required and not app.current_event.get("body"):
        return {field.name: field.default}
    json_body_of(app.current_event)
    try:
        value = _adapter(field).validate_json(
            body_of(app.current_event), strict=True, context=app.context.get(CONTEXT)
        )
    except ValidationError as error:
        problems += [Problem(_pointer(one["loc"]), _expected(one)) for one in error.errors()]
        return {}
    return {field.name: value}


@cache
def _adapter(field: ModelField) -> TypeAdapter[Any]:
    return TypeAdapter(field.type_)


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _expected(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "unknown field"
        case "missing":
            return "required"
        case "too_short":
            return "expected at least one"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case _:
            return (
                str(error["msg"])
                .replace("Input should be", "expected")
                .replace("String should", "expected it to")
            )
