"""Dates, messages, locations, records and checksums as they are stored and read back."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from course_backfill.clock import from_text, system_clock, to_text
from course_backfill.courses import Course, CourseId
from course_backfill.crc import crc_text
from course_backfill.errors import InvalidInput, Problem
from course_backfill.ingests import Ingest
from course_backfill.locations import Location, failures_key, inventory_key, result_key
from course_backfill.messages import SERVICE_OF_STEP, SERVICES, Step, StepMessage
from tests.generators import COURSE, create_ingest, create_message, create_packet

MOMENTS = st.datetimes(
    datetime(1970, 1, 1),
    datetime(9999, 1, 1),
    timezones=st.just(UTC),
)


@given(MOMENTS)
def test_a_moment_comes_back_to_the_millisecond(moment: datetime) -> None:
    assert abs(from_text(to_text(moment)) - moment) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_the_order_of_time(one: datetime, other: datetime) -> None:
    if one <= other:
        assert to_text(one) <= to_text(other)


def test_moments_are_stored_in_utc_whatever_their_zone() -> None:
    local = datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=2)))
    assert to_text(local) == "2026-03-02T08:00:00.000Z"
    assert to_text(local.astimezone(UTC).replace(tzinfo=None)) == "2026-03-02T08:00:00.000Z"
    assert system_clock().tzinfo is UTC


IDS = st.text("abc-019", min_size=1, max_size=36)
STEP_MESSAGES = st.builds(
    StepMessage,
    ingest=IDS,
    epoch=st.integers(1, 10**6),
    step=st.sampled_from(Step),
    replica=st.none() | st.sampled_from(["primary", "cold-1"]),
    packet=st.none() | st.integers(0, 10**6),
)


@given(STEP_MESSAGES)
def test_a_message_survives_its_queue(message: StepMessage) -> None:
    body = message.model_dump_json(by_alias=True, exclude_none=True)
    assert StepMessage.model_validate_json(body) == message
    assert StepMessage.from_item(message.to_item()) == message


def test_every_step_has_its_service_and_every_service_a_step() -> None:
    assert set(SERVICE_OF_STEP) == set(Step)
    assert [step.service for step in (Step.PLAN, Step.DISCOVER)] == ["planner", "planner"]
    assert SERVICES == (
        "planner", "warmer", "replicator", "verifier", "aggregator", "register", "janitor",
        "notifier",
    )  # fmt: skip


def test_a_message_carries_no_name_of_a_file() -> None:
    assert set(StepMessage.model_fields) == {"ingest", "epoch", "step", "replica", "packet"}


@pytest.mark.parametrize("prefix", ["", "a/", "backfill/2026/", "A-b_c.d/"])
def test_a_prefix_is_empty_or_segments_that_end_in_a_slash(prefix: str) -> None:
    location = Location(bucket="some-bucket", prefix=prefix)
    assert location.version_prefix(COURSE, "v3") == (f"{prefix}courses/course-v1:Org1+CS101+R1/v3/")


@pytest.mark.parametrize(
    "fields",
    [
        {"prefix": "a"},
        {"prefix": "/a/"},
        {"prefix": "a//"},
        {"prefix": "a b/"},
        {"prefix": "é/"},
        {"prefix": "a" * 128 + "/"},
        {"bucket": "Upper"},
        {"bucket": "a"},
        {"bucket": "-a-bucket"},
        {"bucket": "under_score"},
        {"id": "Primary"},
        {"id": "1st"},
        {"region": "eu west"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_is_no_location_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Location.model_validate({"bucket": "some-bucket"} | fields)


def test_an_old_courses_slashes_do_not_show_in_its_prefix() -> None:
    course = CourseId.parse("Org/Course/Run")
    prefix = Location(bucket="some-bucket").version_prefix(course, "v1")
    assert prefix == "courses/Org%2FCourse%2FRun/v1/"


def test_files_of_one_ingest_lie_together_and_expire_but_for_its_failures() -> None:
    result = result_key("i", "primary", 7, "attempt", "copied")
    assert result == "ingests/i/results/primary/000007.attempt.copied.jsonl"
    assert inventory_key("i", 1).startswith("ingests/i/")
    assert not failures_key("i").startswith("ingests/")


def test_every_attempt_and_every_step_has_a_result_of_its_own() -> None:
    keys = {
        result_key("i", replica, packet, attempt, step)
        for replica in ("primary", "cold")
        for packet in (1, 2)
        for attempt in ("a", "b")
        for step in ("copied", "verified")
    }
    assert len(keys) == 16


def test_records_are_stored_in_camel_case_and_without_what_is_null() -> None:
    item = create_ingest().to_item()
    assert item["requestedBy"] == "operator"
    assert None not in item.values()
    assert {"stage", "failure", "callback"}.isdisjoint(item)


@pytest.mark.parametrize("record", [create_ingest(), create_packet(), create_message(Step.PLAN)])
def test_a_record_comes_back_from_its_item_whatever_the_table_adds(record: Any) -> None:
    item = record.to_item() | {"pk": "x", "sk": "y", "statusKey": "z"}
    assert type(record).from_item(item) == record


def test_a_record_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        Ingest.model_validate(create_ingest().model_dump() | {"unknown": 1})
    with pytest.raises(ValidationError):
        Course.model_validate({"id": "x"})


def test_records_are_frozen() -> None:
    with pytest.raises(ValidationError):
        create_ingest().epoch = 2


@given(st.integers(0, 2**64 - 1))
def test_a_checksum_is_written_as_s3_writes_it(value: int) -> None:
    assert int.from_bytes(base64.b64decode(crc_text(value)), "big") == value
    assert len(crc_text(value)) == 12


def test_all_problems_of_an_input_are_named_at_once() -> None:
    refused = InvalidInput(Problem("/course", "expected a key"), Problem("/epoch", "expected 1"))
    assert str(refused) == "/course: expected a key; /epoch: expected 1"
    assert [problem.pointer for problem in refused.problems] == ["/course", "/epoch"]
