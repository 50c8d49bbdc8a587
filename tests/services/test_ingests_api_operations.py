"""Discoveries and dead letters over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused
from course_backfill.messages import Step, StepMessage
from tests.services.api_world import ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.mark.parametrize("body", [None, {}])
def test_a_discovery_is_begun_and_can_be_followed(world: ApiWorld, body: object) -> None:
    answer = world.post("/discoveries", body)
    assert answer.status == 202
    discovery = answer.json["id"]
    assert answer.headers["Location"] == f"/discoveries/{discovery}"
    assert answer.json["status"]["id"] == "accepted"
    expected = StepMessage(ingest=discovery, epoch=0, step=Step.DISCOVER)
    assert world.wiring.messages.sent == [expected]
    world.pipeline.content.add_course(CourseId.parse("course-v1:New+C+R"))
    world.pipeline.run()
    shown = world.get(answer.headers["Location"]).json
    assert (shown["status"]["id"], shown["found"], shown["added"]) == ("succeeded", 3, 1)
    assert (shown["requestedBy"], shown["failure"]) == ("operator", None)


def test_a_discovery_says_what_it_compared_and_what_became_stale(world: ApiWorld) -> None:
    for course in (COURSE, OLD_COURSE):
        world.backfill(course)
    world.pipeline.content.save(COURSE, "new.txt", b"new")

    def refuse_old_course(verb: str) -> None:
        if verb == "inventory":
            looked.append(verb)
        if len(looked) == 1:  # In the order of their keys, the old form comes first.
            raise SourceRefused("MongoDB denies it")

    looked: list[str] = []
    world.wiring.source.on_call = refuse_old_course
    answer = world.post("/discoveries")
    world.pipeline.run()
    shown = world.get(answer.headers["Location"]).json
    assert (shown["checked"], shown["becameStale"], shown["unread"]) == (1, 1, 1)
    assert shown["unreadExamples"] == [
        {"type": "Course", "id": str(OLD_COURSE), "detail": "MongoDB denies it"}
    ]
    assert shown["status"]["id"] == "succeeded"
    (row,) = world.get("/reports/backfill", query="org=Org1").json["results"]
    assert row["stale"] is True
    assert row["sourceCheckedDate"] > shown["createdDate"]


def test_an_unknown_discovery_is_not_found(world: ApiWorld) -> None:
    assert world.get("/discoveries/nothing").status == 404
    assert world.get("/discoveries/a%2Fb").status == 422


def test_an_ingest_is_no_discovery(world: ApiWorld) -> None:
    assert world.get(f"/discoveries/{world.start().json['id']}").status == 404


def bury(world: ApiWorld, *message_ids: str) -> StepMessage:
    world.start()
    message = world.wiring.messages.waiting.popleft()
    for message_id in message_ids:
        world.wiring.dead_letters.note_error(
            message_id, service="planner", message=message, error="boom", receives=3
        )
        world.wiring.dead_letters.bury(message_id, service="planner", message=message, receives=3)
    return message


def test_dead_letters_say_what_died_and_why(world: ApiWorld) -> None:
    message = bury(world, "m1")
    [letter] = world.get("/dead-letters").json["results"]
    assert (letter["type"], letter["id"], letter["service"]) == ("DeadLetter", "m1", "planner")
    assert (letter["error"], letter["receives"], letter["state"]) == ("boom", 3, "dead")
    assert letter["message"]["step"] == "plan"
    assert letter["ingest"] == message.ingest


def test_dead_letters_are_chosen_and_paged(world: ApiWorld) -> None:
    message = bury(world, "m1", "m2", "m3")
    page = world.get("/dead-letters", query=f"limit=2&ingest={message.ingest}").json
    assert [one["id"] for one in page["results"]] == ["m3", "m2"]
    query = f"limit=2&ingest={message.ingest}&cursor={page['nextCursor']}"
    rest = world.get("/dead-letters", query=query).json
    assert ([one["id"] for one in rest["results"]], rest["nextCursor"]) == (["m1"], None)
    assert world.get("/dead-letters", query="service=verifier").json["results"] == []


@pytest.mark.parametrize("by", ["ids", "service", "ingest"])
def test_dead_letters_are_sent_again(world: ApiWorld, by: str) -> None:
    message = bury(world, "m1", "m2")
    choice = {"ids": ["m1", "m2"], "service": "planner", "ingest": message.ingest}[by]
    answer = world.post("/dead-letters/redrive", {by: choice})
    assert answer.status == 200
    assert {one["id"]: (one["sent"], one["counts"]) for one in answer.json["results"]} == {
        "m1": (True, True),
        "m2": (True, True),
    }
    assert list(world.wiring.messages.waiting) == [message, message]
    assert world.get("/dead-letters").json["results"] == []


def test_who_had_a_dead_letter_sent_again_stays_readable(world: ApiWorld) -> None:
    message = bury(world, "m1", "m2", "m3")
    assert [one["redrivenBy"] for one in world.get("/dead-letters").json["results"]] == [None] * 3
    for letter, operator in (("m2", "first"), ("m1", "second")):
        world.wiring.clock.now += timedelta(minutes=1)
        world.post("/dead-letters/redrive", {"ids": [letter]}, sub=operator)
    query = f"state=redriven&ingest={message.ingest}"
    first = world.get("/dead-letters", query=f"limit=1&{query}").json
    rest = world.get("/dead-letters", query=f"{query}&cursor={first['nextCursor']}").json
    [newest], [oldest] = first["results"], rest["results"]
    assert (newest["id"], newest["redrivenBy"], newest["state"]) == ("m1", "second", "redriven")
    assert (oldest["id"], oldest["redrivenBy"]) == ("m2", "first")
    assert newest["lastDate"] < oldest["redrivenDate"] < newest["redrivenDate"]
    assert [one["id"] for one in world.get("/dead-letters").json["results"]] == ["m3"]


def test_a_late_note_about_a_redriven_message_takes_nothing_off_its_record(
    world: ApiWorld,
) -> None:
    message = bury(world, "m1")
    world.post("/dead-letters/redrive", {"ids": ["m1"]}, sub="first")
    world.wiring.dead_letters.note_error(
        "m1", service="planner", message=message, error="late", receives=3
    )
    [letter] = world.get("/dead-letters", query="state=redriven").json["results"]
    assert (letter["redrivenBy"], letter["error"]) == ("first", "late")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": "m1"},
        {"ids": ["m1"], "service": "planner"},
        {"service": "barista"},
        {"ingest": "a/b"},
        {"everything": True},
        None,
    ],
)
def test_a_redrive_names_what_it_is_about(world: ApiWorld, body: object) -> None:
    bury(world, "m1")
    answer = world.post("/dead-letters/redrive", body, headers={"content-type": "application/json"})
    assert answer.status in {400, 422}
    assert len(world.get("/dead-letters").json["results"]) == 1
