"""The local API server over real HTTP: the same events, and nobody in another's way."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from course_backfill.local.api_server import MAX_READ, ApiServer
from course_backfill.local.api_tokens import ApiTokens
from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE, OLD_COURSE

TOKEN = "a-token-of-this-test"
TOKENS = ApiTokens(all_powerful=TOKEN)
BEARER = {"authorization": f"Bearer {TOKEN}"}

Event = dict[str, Any]


@contextmanager
def serving(handler: Callable[[Event, Any], Any]) -> Iterator[ApiServer]:
    with ApiServer(handler, tokens=TOKENS) as server:
        yield server


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def client(world: ApiWorld) -> Iterator[httpx.Client]:
    with serving(world.api) as server, httpx.Client(base_url=server.url, headers=BEARER) as http:
        yield http


class Recorder:
    """A handler that keeps the events, and answers each alike."""

    def __init__(self, answer: Event | None = None) -> None:
        self.events: list[Event] = []
        self.answer = answer or {"statusCode": 200, "headers": {}, "body": "ok"}

    def __call__(self, event: Event, context: Any) -> Event:
        self.events.append(event)
        assert context.get_remaining_time_in_millis() > 0
        return self.answer


def raw_request(server: ApiServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request)
        connection.settimeout(10)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


# --- the whole way ---


def test_an_ingest_is_accepted_and_shown_over_http(client: httpx.Client) -> None:
    answer = client.post("/ingests", json=create_request(), headers={"idempotency-key": "k"})
    assert answer.status_code == 201
    again = client.post("/ingests", json=create_request(), headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"]) == (200, answer.json()["id"])
    shown = client.get(answer.headers["location"])
    assert shown.json() == answer.json()
    assert shown.json()["requestedBy"] == "local"


@pytest.mark.parametrize(
    "path",
    [
        "/courses/course-v1:Org1+CS101+R1",
        "/courses/course-v1%3AOrg1%2BCS101%2BR1",
        "/courses/OldOrg/CS50/2013",
        "/courses/OldOrg%2FCS50%2F2013",
    ],
)
def test_a_course_is_found_however_its_key_is_written(client: httpx.Client, path: str) -> None:
    assert client.get(path).json()["id"] in {str(COURSE), str(OLD_COURSE)}


def test_content_is_a_redirect_whatever_the_name(world: ApiWorld, client: httpx.Client) -> None:
    names = ["a b.txt", "a+b.txt", "100%25.txt", "é.txt", "what?.txt"]
    for name in names:
        world.pipeline.content.save(COURSE, name, name.encode())
    world.backfill()
    for name in names:
        quoted = "".join(f"%{byte:02X}" for byte in f"assets/{name}".encode())
        answer = client.get(f"/courses/{COURSE}/versions/v1/content/{quoted}")
        assert answer.status_code == 307
        file_name = httpx.URL(answer.headers["location"]).params["fileName"]
        assert file_name == name


def test_a_large_answer_travels_compressed_and_arrives_whole(
    world: ApiWorld, client: httpx.Client
) -> None:
    note = "é\n" * 500_000
    world.pipeline.content.save(COURSE, "a.txt", b"alpha", fields={"note": note})
    world.backfill()
    answer = client.get(f"/courses/{COURSE}/versions/v1/entries")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(note) // 100
    assert answer.json()["results"][0]["metadata"]["note"] == note


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": TOKEN},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
    ],
)
def test_without_the_token_nothing_answers_but_health(
    world: ApiWorld, headers: dict[str, str]
) -> None:
    with serving(world.api) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/courses", headers=headers).status_code == 401
        assert http.get("/health", headers=headers).status_code == 200


def test_a_second_authorization_header_makes_the_token_void(world: ApiWorld) -> None:
    with serving(world.api) as server:
        headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer x")]
        assert httpx.get(f"{server.url}/courses", headers=headers).status_code == 401


def test_a_body_over_the_limit_is_refused_however_long_it_is(client: httpx.Client) -> None:
    for size in (64 * 1024 + 1, MAX_READ + 1, 20 * 1024 * 1024):
        answer = client.post(
            "/ingests", content=b" " * size, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


def test_a_path_that_is_no_text_is_refused_and_not_failed_on(world: ApiWorld) -> None:
    with serving(world.api) as server:
        answer = raw_request(
            server,
            b"GET /courses/%FF%FE HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n",
        )
    assert answer.startswith(b"HTTP/1.1 422 ")


# --- events ---


def test_a_request_becomes_the_event_that_api_gateway_would_send() -> None:
    recorder = Recorder()
    with serving(recorder) as server:
        httpx.post(
            f"{server.url}/a%2Fb%20c/%C3%A9+%2525?x=%2B+1&y",
            content='{"é": 1}',
            headers=[*BEARER.items(), ("X-Twice", "1"), ("x-twice", "2"), ("cookie", "a=b")],
        )
    [event] = recorder.events
    assert (event["version"], event["rawPath"]) == ("2.0", "/a/b c/é+%25")
    assert event["rawQueryString"] == "x=%2B+1&y"
    assert event["headers"]["x-twice"] == "1,2"
    assert "authorization" not in event["headers"]
    assert TOKEN not in json.dumps(event)
    assert (event["body"], event["isBase64Encoded"]) == ('{"é": 1}', False)
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "local"


def test_bytes_go_in_and_out_unharmed() -> None:
    recorder = Recorder(
        {"statusCode": 200, "headers": {}, "body": "//79AAE=", "isBase64Encoded": True}
    )
    with serving(recorder) as server:
        answer = httpx.post(server.url, content=b"\xff\x00\xfe")
    assert answer.content == b"\xff\xfe\xfd\x00\x01"
    assert (recorder.events[0]["body"], recorder.events[0]["isBase64Encoded"]) == ("/wD+", True)


def test_a_connection_is_kept_for_the_next_request() -> None:
    recorder = Recorder()
    with serving(recorder) as server:
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answers = raw_request(server, request + request + last)
    assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_a_handler_that_fails_is_a_bad_gateway_without_its_reasons(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(event: Event, context: Any) -> Event:
        raise ZeroDivisionError("a reason")

    with serving(fail) as server, caplog.at_level(logging.ERROR):
        answer = httpx.get(server.url)
    assert answer.status_code == 502
    assert "reason" not in answer.text
    assert "the handler failed" in caplog.text


# --- many at a time ---


def test_a_slow_handler_does_not_delay_health(world: ApiWorld) -> None:
    """Everything the slow requests wait for happens only after health has answered."""
    entered = threading.Semaphore(0)
    may_go_on = threading.Event()
    get = world.wiring.state.get

    def slow_get(key: Any) -> Any:
        entered.release()
        assert may_go_on.wait(30)
        return get(key)

    world.wiring.state.get = slow_get  # type: ignore[method-assign]  # One verb, made slow.
    with serving(world.api) as server, ThreadPoolExecutor(8) as pool:
        slow = [
            pool.submit(httpx.get, f"{server.url}/courses/{COURSE}", headers=BEARER, timeout=60)
            for _ in range(8)
        ]
        for _ in slow:
            assert entered.acquire(timeout=30)
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert not any(one.done() for one in slow)
        may_go_on.set()
        assert {one.result().status_code for one in slow} == {200}


def test_requests_at_the_same_time_do_not_mix(world: ApiWorld) -> None:
    courses = [str(COURSE), str(OLD_COURSE), "course-v1:No+Such+One", "nonsense"]
    with (
        serving(world.api) as server,
        httpx.Client(base_url=server.url, headers=BEARER) as http,
        ThreadPoolExecutor(16) as pool,
    ):

        def ask(number: int) -> tuple[str, httpx.Response]:
            course = courses[number % len(courses)]
            return course, http.get(f"/courses/{course}")

        for course, answer in pool.map(ask, range(400)):
            match courses.index(course):
                case 0 | 1:
                    assert answer.json()["id"] == course
                case 2:
                    assert (answer.status_code, course in answer.text) == (404, True)
                case _:
                    assert answer.status_code == 422


# --- beginning and end ---


def test_a_stopped_server_finishes_what_is_in_hand_and_frees_its_port() -> None:
    entered, may_go_on = threading.Event(), threading.Event()

    def slow(event: Event, context: Any) -> Event:
        entered.set()
        assert may_go_on.wait(30)
        return {"statusCode": 200, "headers": {}, "body": "done"}

    server = ApiServer(slow, tokens=TOKENS)
    port = server.port
    server.start()
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(httpx.get, server.url, timeout=30)
        assert entered.wait(30)
        stopping = pool.submit(server.stop)
        may_go_on.set()
        stopping.result(timeout=30)
        assert asked.result().text == "done"
    with ApiServer(Recorder(), tokens=TOKENS, port=port) as next_server:
        assert httpx.get(next_server.url).status_code == 200


def test_a_taken_port_is_an_error_at_once() -> None:
    with serving(Recorder()) as server, pytest.raises(OSError, match="in use"):
        ApiServer(Recorder(), tokens=TOKENS, port=server.port)
