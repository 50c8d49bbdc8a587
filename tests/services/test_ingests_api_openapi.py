"""The API's description: valid, complete, and true of what is answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.inventory import KIND_FOLDERS
from course_backfill.messages import SERVICES
from services.ingests_api.auth import ANY, LOCKED, PUBLIC, SCOPES
from tests.services.access import ROUTES, Route, concrete
from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE

BODIES: dict[str, Any] = {
    "/ingests": create_request(),
    "/ingests/<ingest_id>/restore-tier": {"tier": "Bulk"},
    "/dead-letters/redrive": {"service": "planner"},
}


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    world = ApiWorld()
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    return world


@pytest.fixture(scope="module")
def document(world: ApiWorld) -> dict[str, Any]:
    described: dict[str, Any] = world.get("/openapi.json").json
    return described


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method.lower()]
    return found


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = schema | {"components": document["components"]}
    OAS31Validator(whole).validate(value)


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_described_with_its_scope_and_its_refusals(
    world: ApiWorld, document: dict[str, Any]
) -> None:
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == set(world.api.endpoints)
    names = set()
    for method, path in described:
        found = operation(document, method, path.replace("<", "{").replace(">", "}"))
        names.add(found["operationId"])
        assert found["summary"]
        assert ("security" in found) == ((method, path) not in PUBLIC)
        for status, answer in found["responses"].items():
            kinds = set(answer.get("content", {}))
            assert kinds == {"application/problem+json"} or int(status) < 400
        if (method, path) not in PUBLIC:
            assert {"401", "403", "500", "503"} <= set(found["responses"])
    assert len(names) == len(described)


@pytest.mark.parametrize(("stage", "url"), [("$default", "/"), ("prod", "/prod")])
def test_the_api_is_where_its_description_is(world: ApiWorld, stage: str, url: str) -> None:
    described = world.get("/openapi.json", stage=stage)
    assert described.json["servers"] == [{"url": url}]
    assert f'"servers": [{{"url": "{url}"}}]' in world.get("/docs", stage=stage).text


def test_without_an_issuer_the_description_asks_for_a_bearer_token_alone(
    document: dict[str, Any],
) -> None:
    assert set(document["components"]["securitySchemes"]) == {"bearer"}
    assert operation(document, "POST", "/ingests")["security"] == [{"bearer": ["ingests:write"]}]


def test_an_issuer_is_described_with_the_scopes_as_it_writes_them() -> None:
    token_url = "https://tokens.example.org/oauth2/token"
    world = ApiWorld(token_url=token_url, scope_prefix="backfill/", open_description=True)
    document = world.get("/openapi.json", scope=None).json
    validate(document)
    flow = document["components"]["securitySchemes"]["machines"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == token_url
    assert set(flow["scopes"]) == {f"backfill/{one}" for one in ALL_SCOPES}
    for (method, path), scope in SCOPES.items():
        described = operation(document, method, path.replace("<", "{").replace(">", "}"))
        scopes = [] if scope == ANY else [scope]
        assert described["security"] == [
            {"bearer": scopes},
            {"machines": [f"backfill/{one}" for one in scopes]},
        ]


def test_no_schema_is_left_over_or_named_after_a_class_of_ours(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text
        assert not name.startswith(("Shown", "HTTP"))
    assert "Shown" not in text


@pytest.mark.parametrize(
    ("method", "path", "concrete", "body"),
    [
        ("POST", "/ingests", "/ingests", create_request()),
        ("POST", "/ingests", "/ingests", create_request(dryRun=True)),
        ("POST", "/ingests", "/ingests", {"nonsense": 1}),
        ("POST", "/ingests", "/ingests", "{"),
        ("POST", "/ingests", "/ingests", create_request("course-v1:No+Such+One")),
        ("GET", "/ingests", "/ingests", None),
        ("GET", "/ingests/{ingest_id}", "/ingests/{ingest}", None),
        ("GET", "/ingests/{ingest_id}", "/ingests/nothing", None),
        ("GET", "/ingests/{ingest_id}/failures", "/ingests/{ingest}/failures", None),
        ("POST", "/ingests/{ingest_id}/cancel", "/ingests/{ingest}/cancel", {}),
        ("POST", "/ingests/{ingest_id}/retry", "/ingests/{ingest}/retry", None),
        (
            "POST",
            "/ingests/{ingest_id}/restore-tier",
            "/ingests/{ingest}/restore-tier",
            {"tier": "Bulk"},
        ),
        ("POST", "/discoveries", "/discoveries", None),
        ("GET", "/courses", "/courses", None),
        ("GET", "/courses/{course_id}", f"/courses/{COURSE}", None),
        ("GET", "/courses/{course_id}/versions", f"/courses/{COURSE}/versions", None),
        ("GET", "/courses/{course_id}/versions/{version}", f"/courses/{COURSE}/versions/v1", None),
        (
            "GET",
            "/courses/{course_id}/versions/{version}/entries",
            f"/courses/{COURSE}/versions/v1/entries",
            None,
        ),
        ("GET", "/reports/backfill", "/reports/backfill", None),
        ("GET", "/locations", "/locations", None),
        ("GET", "/dead-letters", "/dead-letters", None),
        ("POST", "/dead-letters/redrive", "/dead-letters/redrive", {"ids": ["x"]}),
        ("POST", "/dead-letters/redrive", "/dead-letters/redrive", {}),
        ("GET", "/health", "/health", None),
    ],
)
def test_what_is_answered_is_what_is_described(
    world: ApiWorld,
    document: dict[str, Any],
    *,
    method: str,
    path: str,
    concrete: str,
    body: Any,
) -> None:
    done = world.get("/ingests", query="status=succeeded").json["results"]
    ingest = done[0]["id"] if done else world.backfill()
    answer = world.ask(method, concrete.replace("{ingest}", ingest), body=body)
    described = operation(document, method, path)["responses"][str(answer.status)]
    content = described["content"][answer.headers["Content-Type"]]
    check(document, content["schema"], answer.json)
    world.pipeline.run()


def test_the_requests_that_are_described_are_those_that_are_taken(
    document: dict[str, Any],
) -> None:
    described = operation(document, "POST", "/ingests")["requestBody"]
    schema = described["content"]["application/json"]["schema"]
    check(document, schema, create_request(locations=["primary"], callback=None))
    names = document["components"]["schemas"]["IngestRequest"]
    assert names["additionalProperties"] is False
    assert names["required"] == ["ingestType", "course"]


FAULTS: dict[str, dict[str, Any]] = {
    "an unknown parameter": {"query": "nonsense=1"},
    "a parameter that is no text": {"query": "%FF=%FF"},
    "a body over the limit": {"body": "x" * 70_000},
    "a body that is no JSON": {"body": "{"},
    "a body of another type": {"body": "<a/>", "headers": {"content-type": "application/xml"}},
    "no token": {"scope": None},
    "no scope": {"scope": ""},
    "nothing at all": {},
}


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_is_wrong_with_a_request_is_answered_as_described(
    world: ApiWorld, document: dict[str, Any], fault: str, route: Route
) -> None:
    method, path = route
    answer = world.ask(method, concrete(path), **FAULTS[fault])
    described = operation(document, method, path.replace("<", "{").replace(">", "}"))["responses"]
    assert str(answer.status) in described
    assert answer.status < 500


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_an_outage_is_answered_as_described(document: dict[str, Any], route: Route) -> None:
    world = ApiWorld()
    world.wiring.state.is_unavailable = True
    method, path = route
    query = "path=assets/a.txt" if path.endswith("/content") else ""
    answer = world.ask(method, concrete(path), body=BODIES.get(path), query=query)
    described = operation(document, method, path.replace("<", "{").replace(">", "}"))["responses"]
    assert str(answer.status) in described
    assert answer.status in {200, 503}


def test_a_redirect_is_described_without_a_body(document: dict[str, Any]) -> None:
    path = "/courses/{course_id}/versions/{version}/content/{path}"
    redirect = operation(document, "GET", path)["responses"]["307"]
    assert not redirect["content"]
    assert "Location" in redirect["headers"]


def test_what_is_one_of_a_few_names_is_described_with_all_of_them(
    document: dict[str, Any],
) -> None:
    listed = operation(document, "GET", "/dead-letters")["parameters"]
    entries = operation(document, "GET", "/courses/{course_id}/versions/{version}/entries")
    named = {one["name"]: one["schema"] for one in [*listed, *entries["parameters"]]}
    assert named["service"]["enum"] == list(SERVICES)
    assert named["state"]["enum"] == ["dead", "redriven"]
    assert named["kind"]["enum"] == list(KIND_FOLDERS)
    assert re.fullmatch(named["version"]["pattern"], "v12")
    assert not re.fullmatch(named["version"]["pattern"], "v0")


def test_the_page_shows_the_document_and_loads_nothing_from_elsewhere(world: ApiWorld) -> None:
    page = world.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "course-v1:OpenedX+DemoX+DemoCourse" in page.text
    assert "src='http" not in page.text


def test_the_guide_names_every_route_and_scope(world: ApiWorld) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    named = set(re.sub(r"\{\w+\}", "<>", guide).replace("?", "`").split("`"))
    for _, path in world.api.endpoints:
        plain = re.sub(r"<\w+>", "<>", path)
        assert {plain, f"GET {plain}", f"POST {plain}"} & named, path
    for scope in set(SCOPES.values()) - {ANY} | {LOCKED}:
        assert f"`{scope}`" in guide
