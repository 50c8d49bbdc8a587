"""Who may do what; what is no route; lists asked wrongly; and failures nobody foresaw."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.errors import InvalidInput, StateRefused
from course_backfill.ports import Key
from services.ingests_api.auth import PUBLIC
from services.ingests_api.cursors import decode_cursor, encode_cursor
from tests.services.api_world import ApiWorld, create_event
from tests.services.memory_pipeline import COURSE


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


# --- tokens ---


def test_only_health_asks_for_no_token(world: ApiWorld) -> None:
    assert {("GET", "/health")} == PUBLIC
    answer = world.get("/health", scope=None)
    assert answer.json == {"type": "Health", "status": {"id": "ok", "type": "Status"}}


def test_an_operator_may_open_the_description_and_nothing_else() -> None:
    world = ApiWorld(open_description=True)
    assert world.get("/openapi.json", scope=None).status == 200
    assert world.get("/docs", scope=None).status == 200
    assert world.get("/courses", scope=None).status == 401


def test_a_scope_counts_behind_the_prefix_of_its_issuer_alone() -> None:
    world = ApiWorld(scope_prefix="backfill/")
    assert world.get("/courses", scope="backfill/ingests:read").status == 200
    assert world.get("/courses", scope="ingests:read").status == 403
    assert world.get("/courses", scope="other/ingests:read").status == 403


def test_strangers_do_not_learn_which_paths_there_are(world: ApiWorld) -> None:
    assert world.get("/nothing", scope=None).status == 401
    assert world.ask("DELETE", "/ingests", scope=None).status == 401


@pytest.mark.parametrize(
    "authorizer",
    [{}, {"jwt": {}}, {"jwt": {"claims": {}}}, {"jwt": {"claims": {"scope": "ingests:read"}}},
     {"jwt": None}, {"lambda": {"sub": "x"}}, {"jwt": {"claims": {"sub": ["x"]}}}],
)  # fmt: skip
def test_claims_that_name_nobody_are_no_token(world: ApiWorld, authorizer: dict[str, Any]) -> None:
    event = create_event("GET", "/courses")
    event["requestContext"]["authorizer"] = authorizer
    assert world.send(event).status == 401


def test_a_header_that_says_bearer_is_no_token_by_itself(world: ApiWorld) -> None:
    headers = {"authorization": "Bearer anything"}
    assert world.get("/courses", headers=headers, scope=None).status == 401


def test_a_client_is_named_where_there_is_no_person(world: ApiWorld) -> None:
    event = create_event("GET", "/courses")
    event["requestContext"]["authorizer"]["jwt"]["claims"] = {
        "client_id": "machine",
        "scope": "ingests:read",
    }
    assert world.send(event).status == 200


# --- routes and queries ---


@pytest.mark.parametrize(
    "path", ["/", "/ingest", "/ingests/", "/ingests/a/b", "/courses/", "/openapi", "//ingests"]
)
def test_an_unknown_path_is_not_found(world: ApiWorld, path: str) -> None:
    assert world.get(path).status in {404, 422}
    assert world.post(path, {}).status in {404, 422}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/ingests", "GET, POST"),
        ("PUT", "/ingests/i", "GET"),
        ("GET", "/ingests/i/cancel", "POST"),
        ("POST", f"/courses/{COURSE}/versions/v1/content/a/b", "GET"),
        ("POST", "/health", "GET"),
        ("OPTIONS", "/courses", "GET"),
    ],
)
def test_a_method_that_a_path_has_not_is_told_which_it_has(
    world: ApiWorld, method: str, path: str, allow: str
) -> None:
    answer = world.ask(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("path", "query", "pointers"),
    [
        ("/ingests", "limit=0", ["?limit"]),
        ("/ingests", "limit=101", ["?limit"]),
        ("/courses", "limit=1001", ["?limit"]),
        ("/courses", "limit=many&status=lost&x=1", ["?limit", "?status", "?x"]),
        ("/courses", "limit=1.5", ["?limit"]),
        ("/courses", "limit=" + "9" * 5_000, ["?limit"]),
        ("/courses", "limit=1&limit=2", ["?limit"]),
        ("/ingests", "course=nonsense", ["?course"]),
        ("/ingests", "status=stalled&stage=done", ["?stage", "?status"]),
        ("/dead-letters", "service=barista&ingest=a/b", ["?ingest", "?service"]),
        ("/courses", "cursor=AAAA", ["?cursor"]),
        ("/courses", "cursor=" + "A" * 5_000, ["?cursor"]),
        ("/courses", "cursor=%00", ["?cursor"]),
        ("/courses", "status=%FF", ["?"]),
        ("/courses", "&".join(f"a{number}=1" for number in range(30)), ["?"]),
        (f"/courses/{COURSE}/versions/v1/entries", "kind=movie", ["?kind"]),
        ("/ingests/i", "verbose=1", ["?verbose"]),
    ],
)
def test_a_query_with_faults_is_refused_with_all_of_them(
    world: ApiWorld, path: str, query: str, pointers: list[str]
) -> None:
    answer = world.get(path, query=query)
    assert answer.status == 422
    assert sorted(answer.pointers) == pointers


def test_a_cursor_is_of_one_list_asked_one_way(world: ApiWorld) -> None:
    cursor = world.get("/courses", query="limit=1").json["nextCursor"]
    assert world.get("/courses", query=f"limit=1&cursor={cursor}").status == 200
    for path, query in (
        ("/courses", f"status=failed&cursor={cursor}"),
        ("/ingests", f"cursor={cursor}"),
        ("/courses", f"cursor={cursor[:-1]}"),
        ("/courses", f"cursor=x{cursor[1:]}"),
    ):
        assert world.get(path, query=query).status == 422


@given(position=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), flip=st.integers(0))
def test_a_cursor_comes_back_whole_or_not_at_all(position: str, flip: int) -> None:
    asked = ("list", None, "filter")
    cursor = encode_cursor(asked, position)
    assert cursor
    assert decode_cursor(asked, cursor) == position
    at = flip % len(cursor)
    altered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
    try:
        # Only the unused bits of the last character may change, which changes nothing.
        assert decode_cursor(asked, altered) == position
        assert at == len(cursor) - 1
    except InvalidInput:
        return


# --- what nobody foresaw ---


def test_an_outage_is_told_as_one_that_passes(world: ApiWorld) -> None:
    world.wiring.state.is_unavailable = True
    answer = world.get("/courses")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert world.get("/health").status == 200


CANARY = "mongodb://reader:canary@db.example.org/x?token=canary"


def test_the_unforeseen_is_told_without_details_and_logged_with_the_requests_id(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Key) -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(world.wiring.state, "get", fail)
    with caplog.at_level(logging.DEBUG):
        answer = world.get(f"/courses/{COURSE}")
    assert answer.status == 500
    assert answer.json["requestId"] == "request-1"
    assert "canary" not in answer.text
    assert "ZeroDivision" not in answer.text
    [logged] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert logged.__dict__["request_id"] == "request-1"
    assert "in fail" in logged.__dict__["stack"]
    assert "canary" not in str([one.__dict__ for one in caplog.records])


def test_a_refusal_of_the_tables_is_told_in_its_own_words(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Key) -> None:
        raise StateRefused("DynamoDB refused: the table is missing")

    monkeypatch.setattr(world.wiring.state, "get", fail)
    answer = world.get(f"/courses/{COURSE}")
    assert answer.status == 500
    assert "the table is missing" in answer.json["detail"]


def test_one_line_is_logged_for_each_request_without_its_query(
    world: ApiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        world.get("/courses", query="limit=1&cursor=canary")
    [line] = [one for one in caplog.records if one.message == "request"]
    assert line.__dict__["route"] == "GET /courses"
    assert (line.__dict__["status"], line.__dict__["principal"]) == (422, "operator")
    assert "canary" not in str(line.__dict__)
