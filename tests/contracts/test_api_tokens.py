"""Principal × route over real HTTP: tokens of a local server, each with its scopes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from course_backfill.api_clients import ALL_SCOPES, ApiClient
from course_backfill.local.api_server import ApiServer
from course_backfill.local.api_tokens import ApiTokens
from tests.services.access import FILLED, PREFIX, PRINCIPALS, ROUTES, Route, concrete, refusal
from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE

TOKEN = "for-everything-canary"
CLIENTS = {name: scopes for name, scopes in PRINCIPALS.items() if set(scopes or ()) & {*ALL_SCOPES}}
"""A client has one scope at least, and none that does not exist."""


def token_of(name: str) -> str:
    return f"a-token-canary-{name.replace(' ', '-')}"


def client(name: str) -> ApiClient:
    scopes = tuple(one for one in ALL_SCOPES if one in (CLIENTS[name] or ()))
    number = list(CLIENTS).index(name)
    return ApiClient(id=f"client-{number}", token=SecretStr(token_of(name)), scopes=scopes)


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    world = ApiWorld(scope_prefix=PREFIX)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.pipeline.content.save(COURSE, "locked.txt", b"beta", fields={"locked": True})
    return world


@pytest.fixture(scope="module")
def http(world: ApiWorld) -> Iterator[httpx.Client]:
    tokens = ApiTokens(map(client, CLIENTS), all_powerful=TOKEN, scope_prefix=PREFIX)
    with (
        ApiServer(world.api, tokens=tokens) as server,
        httpx.Client(base_url=server.url) as http,
    ):
        started = http.post("/ingests", json=create_request(), headers=bearer(TOKEN))
        assert started.json()["requestedBy"] == "local"
        world.pipeline.run()
        yield http


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


def ask(http: httpx.Client, route: Route, token: str | None) -> httpx.Response:
    method, path = route
    return http.request(method, quote(concrete(path)), headers=bearer(token))


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_gets_as_far_as_its_scopes(http: httpx.Client, name: str, route: Route) -> None:
    answer = ask(http, route, token_of(name))
    expected = refusal(route, CLIENTS[name])
    assert (answer.status_code if answer.status_code in {401, 403} else None) == expected
    assert answer.status_code != 405
    assert answer.status_code < 500


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("token", [None, "a-token-of-nobody", f"{TOKEN}x", TOKEN[:-1]])
def test_whoever_has_no_token_of_the_servers_gets_nowhere(
    http: httpx.Client, token: str | None, route: Route
) -> None:
    answer = ask(http, route, token)
    assert (answer.status_code if answer.status_code == 401 else None) == refusal(route, None)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_the_one_token_for_everything_gets_everywhere(http: httpx.Client, route: Route) -> None:
    assert ask(http, route, TOKEN).status_code not in {401, 403, 405}


@pytest.mark.parametrize("name", CLIENTS)
def test_locked_content_asks_for_both_of_its_scopes(http: httpx.Client, name: str) -> None:
    route = ("GET", "/courses/<course_id>/versions/<version>/content/<path>")
    path = concrete(route[1]).replace(FILLED["<path>"], "assets/locked.txt")
    answer = http.get(quote(path), headers=bearer(token_of(name)))
    assert answer.status_code == (refusal(route, CLIENTS[name], is_locked=True) or 307)


def test_what_a_client_did_is_recorded_under_its_id_and_no_token_is_told(
    world: ApiWorld, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = http.post("/discoveries", headers=bearer(token_of("everything")))
    [line] = [one for one in caplog.records if one.message == "request"]
    assert answer.json()["requestedBy"] == line.__dict__["principal"]
    assert line.__dict__["principal"] == client("everything").id
    ours = [one for one in caplog.records if one.name.startswith(("course_backfill", "services"))]
    assert "canary" not in str([one.__dict__ for one in ours]) + answer.text


def test_tokens_are_not_kept_as_they_are() -> None:
    tokens = ApiTokens(map(client, CLIENTS), all_powerful=TOKEN)
    assert "canary" not in str(vars(tokens))


@pytest.mark.parametrize("token", ["", None])
def test_a_server_without_a_token_is_refused(token: str | None) -> None:
    with pytest.raises(ValueError, match="token"):
        ApiTokens(all_powerful=token)
