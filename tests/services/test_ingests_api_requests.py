"""Asking for an ingest: what is taken, what is refused, and what a repeat gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill.ports import Key
from services.ingests_api.ingest_requests import IngestRequest
from tests.services.api_world import Answered, ApiWorld, create_event, create_request
from tests.services.memory_pipeline import COURSE, OLD_COURSE


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


def test_the_smallest_request_gets_every_default(world: ApiWorld) -> None:
    answer = world.start()
    assert answer.status == 201
    assert answer.headers["Location"] == f"/ingests/{answer.json['id']}"
    assert answer.json == world.get(answer.headers["Location"]).json
    shown = answer.json
    assert (shown["locations"], shown["content"]) == (["primary"], ["assets"])
    assert (shown["onFailure"], shown["corruptObjects"]) == ("rollback", "fail")
    assert (shown["dryRun"], shown["callback"], shown["stage"]) == (False, None, None)
    assert shown["requestedBy"] == "operator"
    assert shown["events"][0]["description"] == "Ingest accepted"
    assert [one.step for one in world.wiring.messages.sent] == ["plan"]


def test_everything_that_can_be_asked_is_taken(world: ApiWorld) -> None:
    body = {
        "type": "Ingest",
        "ingestType": {"id": "backfill-course", "type": "IngestType"},
        "course": {"type": "Course", "id": str(OLD_COURSE)},
        "sourceLocation": {"type": "Location", "provider": {"type": "Provider", "id": "mongodb"}},
        "locations": ["primary"],
        "content": ["assets"],
        "dryRun": True,
        "readSource": True,
        "onFailure": "keep",
        "corruptObjects": "record",
        "goLive": False,
        "callback": {"type": "Callback", "url": "https://lms.example.org/hook?k=1"},
    }
    answer = world.post("/ingests", body)
    assert answer.status == 201
    stored = world.pipeline.ingest(answer.json["id"])
    assert (stored.course, stored.dry_run, stored.read_source) == (str(OLD_COURSE), True, True)
    assert (stored.on_failure, stored.corrupt_objects) == ("keep", "record")
    assert stored.callback
    assert stored.callback.url == "https://lms.example.org/hook?k=1"


def test_all_faults_of_a_request_are_named_at_once(world: ApiWorld) -> None:
    answer = world.post(
        "/ingests",
        {
            "ingestType": {"id": "create"},
            "course": {"id": "../etc/passwd", "version": "v9"},
            "sourceLocation": {"provider": {"id": "amazon-s3"}},
            "locations": ["primary", "moon"],
            "content": [],
            "dryRun": "yes",
            "onFailure": "shrug",
            "goLive": True,
            "callback": {"url": "http://169.254.169.254/"},
            "status": {"id": "succeeded"},
        },
    )
    assert answer.status == 422
    assert sorted(answer.pointers) == [
        "/callback/url",
        "/content",
        "/course/id",
        "/course/version",
        "/dryRun",
        "/goLive",
        "/ingestType/id",
        "/locations",
        "/onFailure",
        "/sourceLocation/provider/id",
        "/status",
    ]
    details = {one["pointer"]: one["detail"] for one in answer.json["errors"]}
    assert details["/status"] == "unknown field"
    assert details["/locations"] == "'moon' not available; available: primary"
    assert "not available yet" in details["/goLive"]
    assert world.wiring.messages.sent == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"course": None}, "/course"),
        ({"course": {}}, "/course/id"),
        ({"course": {"id": 7}}, "/course/id"),
        ({"course": {"id": str(COURSE).upper()}}, "/course/id"),
        ({"ingestType": "backfill-course"}, "/ingestType"),
        ({"type": "Bag"}, "/type"),
        ({"locations": []}, "/locations"),
        ({"locations": "primary"}, "/locations"),
        ({"locations": ["primary", "primary"]}, "/locations"),
        ({"content": ["modulestore"]}, "/content"),
        ({"content": ["assets", 1]}, "/content/1"),
        ({"dryRun": 1}, "/dryRun"),
        ({"readSource": True}, "/readSource"),
        ({"corruptObjects": True}, "/corruptObjects"),
        ({"callback": "https://lms.example.org/"}, "/callback"),
        ({"callback": {"url": "https://user@lms.example.org/"}}, "/callback/url"),
        ({"callback": {"url": "https://lms.example.org/", "status": "x"}}, "/callback/status"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"requestedBy": "someone"}, "/requestedBy"),
        ({"epoch": 9}, "/epoch"),
    ],
)
def test_a_wrong_field_is_refused_by_its_place(
    world: ApiWorld, fields: dict[str, Any], pointer: str
) -> None:
    answer = world.post("/ingests", create_request() | fields)
    assert answer.status == 422
    assert pointer in answer.pointers


def test_without_a_key_to_sign_with_no_callback_is_taken() -> None:
    keyless = ApiWorld(callback_secret=None)
    answer = keyless.start(callback={"url": "https://lms.example.org/"})
    assert answer.status == 422
    assert "COURSE_BACKFILL_CALLBACK_SECRET" in answer.json["errors"][0]["detail"]


def test_a_course_that_is_not_known_is_answered_with_how_to_find_it(world: ApiWorld) -> None:
    answer = world.start("course-v1:Nobody+Knows+This")
    assert answer.status == 404
    assert "POST /discoveries" in answer.json["detail"]


def test_a_busy_course_is_answered_with_a_link_to_the_ingest_in_the_way(world: ApiWorld) -> None:
    first = world.start().json["id"]
    answer = world.start()
    assert answer.status == 409
    assert answer.json["ingest"] == {"type": "Ingest", "id": first, "url": f"/ingests/{first}"}
    assert answer.headers["Link"] == f'</ingests/{first}>; rel="related"'
    assert world.start(dryRun=True).status == 201


# --- bodies ---

DEEP = "[" * 60_000


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        "",
        "\ufeff{}",
        '{"course": NaN}',
        '{"course": Infinity}',
        '{"type": "Ingest", "type": "Ingest"}',
        '{"course": {"id": "\\ud800"}}',
        '{"\\udfff": 1}',
        DEEP,
        '{"a":' * 40 + "1" + "}" * 40,
        "1" * 5_000,
        "{}\x00",
    ],
)
def test_a_body_that_is_no_json_is_malformed_or_empty(world: ApiWorld, body: str) -> None:
    answer = world.post("/ingests", body)
    assert answer.status == 400
    assert answer.json["type"] == "urn:course-backfill:problem:malformed-json"


@pytest.mark.parametrize("body", ["null", "[]", "7", '"text"', "true"])
def test_json_that_is_no_object_is_refused(world: ApiWorld, body: str) -> None:
    assert world.post("/ingests", body).status == 422


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"\xff\xfe{}", 400), (b'{"course":"\xc3"}', 400), (b'{"x":"\xed\xa0\x80"}', 400)],
)
def test_bytes_that_are_not_utf8_are_malformed(
    world: ApiWorld, content: bytes, status: int
) -> None:
    event = create_event("POST", "/ingests", body="x")
    event |= {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}
    assert world.send(event).status == status


def test_a_body_that_came_encoded_is_decoded(world: ApiWorld) -> None:
    event = create_event("POST", "/ingests", body="x")
    content = json.dumps(create_request()).encode()
    event |= {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}
    assert world.send(event).status == 201


@pytest.mark.parametrize("is_encoded", [False, True])
@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 201), (64 * 1024 + 1, 413)])
def test_a_body_has_at_most_64_kilobytes(
    world: ApiWorld, is_encoded: bool, size: int, status: int
) -> None:
    content = json.dumps(create_request()).encode().ljust(size)
    event = create_event("POST", "/ingests", body=content.decode())
    if is_encoded:
        event |= {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}
    assert world.send(event).status == status


def test_the_limit_is_of_bytes_and_not_of_characters(world: ApiWorld) -> None:
    assert world.post("/ingests", '"' + "é" * 40_000 + '"').status == 413


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin-1"],
)
def test_a_body_that_is_not_said_to_be_json_is_refused(world: ApiWorld, content_type: str) -> None:
    headers = {"content-type": content_type}
    assert world.post("/ingests", create_request(), headers=headers).status == 415


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"']
)
def test_json_in_utf8_may_say_so(world: ApiWorld, content_type: str) -> None:
    headers = {"content-type": content_type}
    assert world.post("/ingests", create_request(), headers=headers).status == 201


# --- repeats ---

KEY = {"idempotency-key": "key-1"}


def test_the_same_key_and_body_give_the_same_ingest(world: ApiWorld) -> None:
    first = world.post("/ingests", create_request(), headers=KEY)
    again = world.post("/ingests", create_request(), headers=KEY)
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Location"] == first.headers["Location"]
    assert len(world.wiring.messages.sent) == 1


def test_a_repeat_is_answered_with_the_ingest_as_it_stands_now(world: ApiWorld) -> None:
    first = world.post("/ingests", create_request(), headers=KEY)
    world.pipeline.run()
    again = world.post("/ingests", create_request(), headers=KEY)
    assert again.json["id"] == first.json["id"]
    assert again.json["status"]["id"] == "succeeded"


def test_spaces_and_the_order_of_names_make_no_other_body(world: ApiWorld) -> None:
    first = world.post("/ingests", create_request(), headers=KEY)
    other = json.dumps(dict(reversed(create_request().items())), indent=4)
    assert world.post("/ingests", other, headers=KEY).json["id"] == first.json["id"]


def test_the_same_key_with_another_body_is_refused_before_that_body_is_looked_at(
    world: ApiWorld,
) -> None:
    first = world.post("/ingests", create_request(), headers=KEY).json["id"]
    for body in (create_request(OLD_COURSE), create_request(dryRun=True), {"nonsense": 1}):
        answer = world.post("/ingests", body, headers=KEY)
        assert answer.status == 422
        assert answer.json["type"].endswith("idempotency-key-reused")
        assert answer.json["ingest"]["id"] == first


def test_one_principals_key_is_not_anothers(world: ApiWorld) -> None:
    mine = world.post("/ingests", create_request(dryRun=True), headers=KEY)
    other = world.post("/ingests", create_request(dryRun=True), headers=KEY, sub="someone")
    assert (mine.status, other.status) == (201, 201)
    assert mine.json["id"] != other.json["id"]


def test_without_a_key_every_request_is_another(world: ApiWorld) -> None:
    first, second = world.start(dryRun=True), world.start(dryRun=True)
    assert first.json["id"] != second.json["id"]


def test_a_refused_request_leaves_its_key_free(world: ApiWorld) -> None:
    busy = world.start().json["id"]
    assert world.post("/ingests", create_request(), headers=KEY).status == 409
    world.post(f"/ingests/{busy}/cancel")
    assert world.post("/ingests", create_request(), headers=KEY).status == 201


@pytest.mark.parametrize("key", ["x" * 513])
def test_an_overlong_key_is_refused(world: ApiWorld, key: str) -> None:
    answer = world.post("/ingests", create_request(), headers={"idempotency-key": key})
    assert (answer.status, answer.pointers) == (422, ["idempotency-key"])


class Racing:
    """Has another request come in, and be answered, just before this one's first write."""

    def __init__(self, world: ApiWorld, ask: Callable[[], Answered]) -> None:
        self.answers: list[Answered] = []

        def race(_: object) -> None:
            world.wiring.state.before_write = None
            with ThreadPoolExecutor(1) as other:
                self.answers.append(other.submit(ask).result())

        world.wiring.state.before_write = race


@pytest.mark.parametrize("is_dry_run", [False, True])
def test_two_at_once_with_one_key_make_one_ingest(world: ApiWorld, is_dry_run: bool) -> None:
    body = create_request(dryRun=is_dry_run)
    first = Racing(world, lambda: world.post("/ingests", body, headers=KEY))
    answer = world.post("/ingests", body, headers=KEY)
    assert (first.answers[0].status, answer.status) == (201, 200)
    assert answer.json["id"] == first.answers[0].json["id"]
    assert len(world.wiring.messages.sent) == 1


def test_two_ingests_racing_for_one_course_leave_one_and_a_conflict(world: ApiWorld) -> None:
    first = Racing(world, world.start)
    answer = world.start()
    assert (first.answers[0].status, answer.status) == (201, 409)
    assert answer.json["ingest"]["id"] == first.answers[0].json["id"]


def test_a_request_that_waits_is_not_mixed_with_one_that_passes_it(world: ApiWorld) -> None:
    get = world.wiring.state.get
    others: list[Answered] = []

    def pass_by(key: Key) -> Any:
        """Another thread's request comes and goes while this one waits for its first read."""
        world.wiring.state.get = get  # type: ignore[method-assign]  # Only the first read waits.
        with ThreadPoolExecutor(1) as thread:
            others.append(thread.submit(world.start, OLD_COURSE).result())
        return get(key)

    world.wiring.state.get = pass_by  # type: ignore[method-assign]  # One verb, made slow.
    answer = world.post("/ingests", create_request(), headers=KEY)
    assert answer.json["course"]["id"] == str(COURSE)
    assert others[0].json["course"]["id"] == str(OLD_COURSE)


FUZZED = ApiWorld()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "url", "course", "ingestType", "callback", "locations", "content"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(extra=st.dictionaries(st.sampled_from(list(IngestRequest.model_json_schema()["properties"])),
                             json_values, max_size=3))  # fmt: skip
def test_whatever_is_asked_is_taken_or_refused_and_never_failed_on(extra: dict[str, Any]) -> None:
    answer = FUZZED.post("/ingests", create_request(dryRun=True) | extra)
    assert answer.status in {201, 400, 404, 409, 422}
    assert answer.status != 422 or answer.pointers


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_whatever_bytes_come_are_refused_and_never_failed_on(content: bytes) -> None:
    event = create_event("POST", "/ingests", body="x")
    event |= {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}
    assert FUZZED.send(event).status in {400, 422}
