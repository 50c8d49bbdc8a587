"""What strangers put into a body: refused by its fault, never failed on."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingests_api.ingest_requests import IngestRequest
from tests.services.api_world import ApiWorld, create_event, create_request


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


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
