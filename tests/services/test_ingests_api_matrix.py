"""Principal × route, as API Gateway asks; and claims of every shape that a token may have."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.api_clients import ALL_SCOPES
from course_backfill.ingests import SCHEDULE
from services.ingests_api.auth import ANY, CONTENT, LOCKED, LONGEST_NAME, READ, SCOPES, WRITE
from services.ingests_api.guard import Guard
from tests.services.access import (
    FILLED,
    PREFIX,
    PRINCIPALS,
    ROUTES,
    Route,
    concrete,
    refusal,
)
from tests.services.api_world import Answered, ApiWorld, create_event, create_request
from tests.services.memory_pipeline import COURSE


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    world = ApiWorld(scope_prefix=PREFIX)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.pipeline.content.save(COURSE, "locked.txt", b"beta", fields={"locked": True})
    scope = " ".join(f"{PREFIX}{one}" for one in ALL_SCOPES)
    assert world.post("/ingests", create_request(), scope=scope).status == 201
    world.pipeline.run()
    return world


def ask(world: ApiWorld, route: Route, scopes: tuple[str, ...] | None, **request: Any) -> Answered:
    method, path = route
    scope = None if scopes is None else " ".join(scopes)
    return world.ask(method, concrete(path), scope=scope, **request)


def issued(scopes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The scopes as the issuer writes them."""
    return None if scopes is None else tuple(f"{PREFIX}{one}" for one in scopes)


# --- the table ---


def test_the_table_names_every_route_and_no_other(world: ApiWorld) -> None:
    assert set(world.api.endpoints) == set(ROUTES)
    for method, path in ROUTES:
        assert not any(mark in concrete(path) for mark in "<>"), (method, path)


def test_a_route_without_a_scope_stops_the_api_before_it_answers(world: ApiWorld) -> None:
    forgotten = {**world.api.endpoints, ("GET", "/forgotten"): None}
    with pytest.raises(ValueError, match="/forgotten"):
        Guard(forgotten, scope_prefix="", is_described_to_all=False)  # type: ignore[arg-type]  # Only its key counts.


def test_what_changes_anything_needs_to_write_and_what_shows_bytes_needs_content() -> None:
    for (method, path), scope in SCOPES.items():
        if method != "GET":
            assert scope == WRITE, path
        elif "/content" in path:
            assert scope == CONTENT
        else:
            assert scope == (ANY if path in {"/docs", "/openapi.json"} else READ), path


def test_the_scopes_of_clients_are_those_of_the_routes() -> None:
    assert {READ, WRITE, CONTENT, LOCKED} == set(ALL_SCOPES)


# --- the matrix ---


def challenge(route: Route, scopes: tuple[str, ...] | None) -> str:
    """What a refused principal is told that it lacks."""
    if scopes is None:
        return "Bearer"
    scopes_of_any = "content:locked content:read ingests:read ingests:write"
    return f'Bearer error="insufficient_scope", scope="{SCOPES[route] or scopes_of_any}"'


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("name", PRINCIPALS)
def test_a_principal_gets_as_far_as_its_scopes(world: ApiWorld, name: str, route: Route) -> None:
    sent = len(world.wiring.messages.sent)
    answer = ask(world, route, issued(PRINCIPALS[name]))
    expected = refusal(route, PRINCIPALS[name])
    if expected:
        assert answer.status == expected
        assert answer.json["status"] == expected
        assert answer.headers["WWW-Authenticate"] == challenge(route, PRINCIPALS[name])
        assert len(world.wiring.messages.sent) == sent
    else:
        assert answer.status not in {401, 403, 405}
        assert answer.status < 500
        assert answer.status != 404 or "route" not in answer.json["type"]


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("prefix", ["", "other/", "backfill", "xbackfill/", "BACKFILL/"])
def test_scopes_of_another_issuer_count_for_nothing(
    world: ApiWorld, prefix: str, route: Route
) -> None:
    answer = ask(world, route, tuple(f"{prefix}{one}" for one in ALL_SCOPES))
    assert (answer.status if answer.status in {401, 403} else None) == refusal(route, ())


@pytest.mark.parametrize("name", PRINCIPALS)
def test_locked_content_asks_for_both_of_its_scopes(world: ApiWorld, name: str) -> None:
    route = ("GET", "/courses/<course_id>/versions/<version>/content/<path>")
    path = concrete(route[1]).replace(FILLED["<path>"], "assets/locked.txt")
    scopes = issued(PRINCIPALS[name])
    answer = world.get(path, scope=None if scopes is None else " ".join(scopes))
    assert answer.status == (refusal(route, PRINCIPALS[name], is_locked=True) or 307)


@pytest.mark.parametrize("route", [("GET", "/nothing"), ("DELETE", "/ingests"), ("PUT", "/health")])
@pytest.mark.parametrize("name", PRINCIPALS)
def test_paths_that_are_none_are_told_to_whoever_has_a_scope(
    world: ApiWorld, name: str, route: Route
) -> None:
    answer = ask(world, route, issued(PRINCIPALS[name]))
    expected = refusal(route, PRINCIPALS[name])
    assert answer.status in ({expected} if expected else {404, 405})


# --- claims ---

COGNITO = {
    "sub": "4t5machine",
    "client_id": "4t5machine",
    "token_use": "access",
    "scope": f"{PREFIX}ingests:read {PREFIX}content:read",
    "auth_time": "1772438400",
    "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
    "exp": "1772442000",
    "iat": "1772438400",
    "version": "2",
    "jti": "0f8e",
}
"""What API Gateway makes of the token that Cognito gives a machine: every value is text."""


def send(world: ApiWorld, claims: Any, path: str = "/courses") -> Answered:
    event = create_event("GET", path)
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": ["ingests:write"]}}
    return world.send(event)


def test_a_machines_token_of_cognito_gives_its_name_and_scopes(
    world: ApiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert send(world, COGNITO).status == 200
    [line] = [one for one in caplog.records if one.message == "request"]
    assert line.__dict__["principal"] == "4t5machine"


@pytest.mark.parametrize("use", ["id", "refresh", "", "ACCESS", ["access"], 1, None])
def test_a_token_that_is_not_for_access_is_none(world: ApiWorld, use: object) -> None:
    answer = send(world, COGNITO | {"token_use": use})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "name",
    [
        *("a\x00b", "a\nlevel=INFO", "\u202ea", "a\x7f", "\ud800", "a\u2028b", " a", "a\u00a0"),
        *("a" * (LONGEST_NAME + 1), ["a"], {"a": 1}, 1, True, SCHEDULE),
    ],
)
def test_a_name_that_cannot_be_recorded_as_it_is_names_nobody(
    world: ApiWorld, name: object
) -> None:
    assert send(world, COGNITO | {"sub": name}).status == 401


@pytest.mark.parametrize("name", ["a" * LONGEST_NAME, "Ανδρέας", "org|Jane Doe", "a@b.example"])
def test_any_printable_name_is_one(world: ApiWorld, name: str) -> None:
    assert send(world, COGNITO | {"sub": name}).status == 200


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters())
    | st.sampled_from([COGNITO["scope"], f"{PREFIX}ingests:read", "access", "x" * 100_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(claims=st.dictionaries(st.sampled_from(["sub", "client_id", "scope", "token_use"]), odd))
def test_claims_of_any_shape_are_taken_or_refused_and_never_failed_on(
    world: ApiWorld, claims: dict[str, Any]
) -> None:
    answer = send(world, claims)
    assert answer.status in {200, 401, 403}
    if answer.status == 200:
        assert f"{PREFIX}ingests:read" in claims["scope"].split(" ")


@pytest.mark.parametrize("below", ["authorizer", "jwt", "claims"])
@given(instead=odd)
def test_whatever_else_an_event_has_in_place_of_claims_is_no_token(
    world: ApiWorld, below: str, instead: Any
) -> None:
    event = create_event("GET", "/courses")
    places = ["requestContext", "authorizer", "jwt", "claims"]
    at = event
    for name in places[: places.index(below)]:
        at = at[name]
    at[below] = instead
    assert world.send(event).status == 401
