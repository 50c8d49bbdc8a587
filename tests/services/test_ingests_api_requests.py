"""Asking for an ingest: what is taken, what is refused, and what a repeat gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.api_world import ApiWorld, create_request
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
            "sourceLocation": {"provider": {"id": "azure"}},
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
