"""The API's description: OpenAPI 3.1, generated from the routes, and a page that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import (
    HTTPBearer,
    OAuth2,
    OAuthFlowClientCredentials,
    OAuthFlows,
    SecurityScheme,
)
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

from course_backfill.api_clients import ALL_SCOPES
from services.ingests_api.auth import ANY, PUBLIC, SCOPES
from services.ingests_api.resolver import Resolver

TITLE = "Course backfill"
VERSION = "1"
DESCRIPTION = (
    "Backfills Open edX course content from MongoDB to S3, one course at a time. Every refusal is "
    "`application/problem+json` and names all faults of the request. Lists are paged by `limit` "
    "and `cursor`."
)
SCHEME = "bearer"
MACHINES = "machines"
ASSETS = "aws_lambda_powertools.event_handler.openapi.swagger_ui"


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who gives tokens: where, None where that is not told; and what it puts before scopes."""

    token_url: str | None = None
    scope_prefix: str = ""


def describe(resolver: Resolver, issuer: TokenIssuer) -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = json.loads(
        resolver.get_openapi_json_schema(
            title=TITLE,
            version=VERSION,
            description=DESCRIPTION,
            security_schemes=_schemes(issuer),
        )
    )
    document = _with_plain_names(document)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe_operation(operation, (method.upper(), _rule(path)), issuer)
    schemas = document["components"]["schemas"]
    used = _used_schemas(document)
    document["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}
    return document


def served_below(document: dict[str, Any], base: str) -> dict[str, Any]:
    """The document as it is served below a path: where the API is, seen from where it is."""
    return document | {"servers": [{"url": base or "/"}]}


def documentation_page(document: dict[str, Any]) -> str:
    """A page that shows the document; it asks nobody else for anything."""
    spec = json.dumps(document).replace("</", "<\\/")
    assets = files(ASSETS)
    script = (assets / "swagger-ui-bundle.min.js").read_text("utf-8")
    style = (assets / "swagger-ui.min.css").read_text("utf-8")
    page: str = generate_swagger_html(spec, script, style, "", None)
    return page


def _schemes(issuer: TokenIssuer) -> dict[str, SecurityScheme]:
    """A token however one has come by it; and how to get one."""
    named = sorted(ALL_SCOPES)
    bearer = HTTPBearer(description=f"Scopes: {', '.join(named)}.")
    if issuer.token_url is None:
        return {SCHEME: bearer}
    flow = OAuthFlowClientCredentials(
        tokenUrl=issuer.token_url, scopes={issuer.scope_prefix + one: one for one in named}
    )
    return {SCHEME: bearer, MACHINES: OAuth2(flows=OAuthFlows(clientCredentials=flow))}


def _describe_operation(
    operation: dict[str, Any], key: tuple[str, str], issuer: TokenIssuer
) -> None:
    if key not in PUBLIC:
        scopes = [] if SCOPES[key] == ANY else [SCOPES[key]]
        operation["security"] = [{SCHEME: scopes}]
        if issuer.token_url is not None:
            operation["security"].append({MACHINES: [issuer.scope_prefix + one for one in scopes]})
    for parameter in operation.get("parameters", []):
        # A parameter is absent, never null; one of the query that is empty counts as absent.
        parameter["schema"] = _without_null(parameter["schema"])
        if parameter["in"] == "query":
            parameter["allowEmptyValue"] = True


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    options = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(options) != 1:
        return schema
    only: dict[str, Any] = options[0]
    return {name: one for name, one in schema.items() if name not in {"anyOf", "default"}} | only


def _with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """Names schemas after what they are, and not after our classes."""
    text = json.dumps(document)
    text = re.sub(r"ShownResults_(?:Shown)?(\w+?)_(?=\W)", r"\1List", text)
    renamed: dict[str, Any] = json.loads(re.sub(r"\bShown(?=[A-Z])", "", text))
    return renamed


def _used_schemas(document: dict[str, Any]) -> set[str]:
    """The schemas that the paths refer to, and those that these refer to."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    waiting = set(_references(document["paths"]))
    while waiting:
        name = waiting.pop()
        used.add(name)
        waiting |= set(_references(schemas[name])) - used
    return used


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _rule(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")
