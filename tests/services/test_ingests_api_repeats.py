"""Repeats and races of one request: one ingest, whatever the order."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from course_backfill.ports import Key
from tests.services.api_world import Answered, ApiWorld, create_request
from tests.services.memory_pipeline import COURSE, OLD_COURSE


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


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
