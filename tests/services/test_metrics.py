"""What services emit: each figure once, where it is known, whatever is delivered again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from course_backfill.adapters.memory_meter import MemoryMeter
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.cold.warming import Warming
from course_backfill.courses import CourseId, CourseStatus
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step
from course_backfill.metrics import (
    BAD_OBJECTS,
    BYTES,
    COURSES,
    DEAD_LETTERS,
    DEAD_LETTERS_OPEN,
    ERRORS,
    FAILURES,
    INGESTS,
    OBJECTS,
    QUEUE_SECONDS,
    RESTORES_PENDING,
    SECONDS,
    STALLED_INGESTS,
)
from services.janitor.wiring import build_gauges
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline, MemoryWiring
from tests.services.test_dead_letters import QueuePipeline, break_service


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.content.save(COURSE, "b.txt", b"beta!!")
    return pipeline


def meter_of(pipeline: MemoryPipeline) -> MemoryMeter:
    return pipeline.wiring.meter


def ends(pipeline: MemoryPipeline) -> dict[str, float]:
    return {
        one: sum(meter_of(pipeline).values(INGESTS, one))
        for one in ("accepted", "succeeded", "failed", "cancelled")
    }


def fail(pipeline: MemoryPipeline, *, copies: int = 1, **request: Any) -> Ingest:
    """An ingest that fails because something else writes where it does."""
    ingest = pipeline.start(**request)
    replicate = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert replicate is not None
    pipeline.bucket.store(pipeline.prefix("v1") + "assets/planted.txt", b"not ours")
    pipeline.wiring.messages.send([replicate])
    pipeline.run(copies=copies)
    return pipeline.ingest(ingest)


@pytest.mark.parametrize("copies", [1, 3])
def test_objects_and_bytes_are_counted_once_however_often_a_message_is_delivered(
    pipeline: MemoryPipeline, copies: int
) -> None:
    pipeline.start()
    pipeline.run(copies=copies)
    meter = meter_of(pipeline)
    for step in (Step.REPLICATE, Step.VERIFY):
        assert sum(meter.values(OBJECTS, step)) == 2
        assert sum(meter.values(BYTES, step)) == len(b"alpha") + len(b"beta!!")
        assert sum(meter.values(BAD_OBJECTS, step)) == 0
    assert ends(pipeline) == {"accepted": 1, "succeeded": 1, "failed": 0, "cancelled": 0}
    assert meter.values(FAILURES) == []


@pytest.mark.parametrize("copies", [1, 3])
def test_a_failure_is_counted_once_by_its_code(pipeline: MemoryPipeline, copies: int) -> None:
    failure = fail(pipeline, copies=copies).failure
    assert failure is not None
    assert meter_of(pipeline).values(FAILURES, failure.code) == [1]
    assert len(meter_of(pipeline).values(FAILURES)) == 1
    assert ends(pipeline) == {"accepted": 1, "succeeded": 0, "failed": 1, "cancelled": 0}


def test_a_kept_failure_is_no_second_one_when_it_expires(pipeline: MemoryPipeline) -> None:
    ingest = fail(pipeline, on_failure="keep")
    assert ingest.kept
    assert ends(pipeline)["failed"] == 1
    pipeline.wiring.lifecycle.expire(ingest)
    pipeline.run()
    assert pipeline.ingest(ingest.id).status is IngestStatus.FAILED
    assert not pipeline.ingest(ingest.id).kept
    assert ends(pipeline)["failed"] == 1
    assert len(meter_of(pipeline).values(FAILURES)) == 1


def test_a_cancelled_ingest_is_no_failed_one(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    pipeline.run()
    assert ends(pipeline) == {"accepted": 1, "succeeded": 0, "failed": 0, "cancelled": 1}
    assert meter_of(pipeline).values(FAILURES) == []


def test_waiting_and_taking_are_measured_of_the_first_receive_and_of_every_run() -> None:
    pipeline = QueuePipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    break_service(pipeline, "verifier", times=1)
    pipeline.start()
    pipeline.wiring.clock.advance(seconds=20)
    pipeline.work()
    meter = meter_of(pipeline)
    waited = meter.values(QUEUE_SECONDS)
    assert waited[0] == pytest.approx(20, abs=1)
    assert len(waited) == len(meter.values(SECONDS)) - 1  # One message came twice.
    assert meter.values(ERRORS) == [1]
    assert len(meter.values(SECONDS, Step.VERIFY)) == 3  # The packet's twice, and the replica's.


def test_a_dead_letter_is_counted_when_it_is_taken_in() -> None:
    pipeline = QueuePipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    break_service(pipeline, "verifier", times=3)
    pipeline.start()
    pipeline.work()
    assert meter_of(pipeline).values(DEAD_LETTERS) == [1]
    assert meter_of(pipeline).values(ERRORS) == [1, 1, 1]
    assert meter_of(pipeline).values(FAILURES, "dead-letter") == [1]
    build_gauges(pipeline.wiring).tick()
    assert meter_of(pipeline).values(DEAD_LETTERS_OPEN) == [1]


def test_courses_are_counted_by_status(pipeline: MemoryPipeline) -> None:
    pipeline.discover(OLD_COURSE)
    pipeline.backfill()
    build_gauges(pipeline.wiring).tick()
    counted = {one: meter_of(pipeline).values(COURSES, one) for one in CourseStatus}
    assert counted == {
        CourseStatus.NOT_MIGRATED: [1],
        CourseStatus.IN_PROGRESS: [0],
        CourseStatus.MIGRATED: [1],
        CourseStatus.FAILED: [0],
    }


def test_what_stands_still_is_counted_until_it_goes_on(pipeline: MemoryPipeline) -> None:
    pipeline.start()
    gauges = build_gauges(pipeline.wiring)
    gauges.tick()
    pipeline.wiring.clock.advance(seconds=pipeline.wiring.settings.resend_after_seconds + 1)
    gauges.tick()
    pipeline.run()
    pipeline.wiring.clock.advance(minutes=6)
    gauges.tick()
    assert meter_of(pipeline).values(STALLED_INGESTS) == [0, 1, 0]


class CountingState(MemoryStateStore):
    """Counts its requests by verb."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        if name in {"get", "query", "query_index", "count_index", "write"}:
            self.requests[name] += 1
        return super().__getattribute__(name)


def test_counting_costs_as_many_requests_however_many_courses_and_only_now_and_then() -> None:
    wiring = MemoryWiring()
    state = CountingState()
    wiring.__dict__["state"] = state
    for number in range(500):
        wiring.courses.add(CourseId.parse(f"course-v1:Org+C{number}+R"))
    gauges = [build_gauges(wiring) for _ in range(2)]
    costs = []
    for minutes in (0, 1, 5, 30):
        wiring.clock.advance(minutes=minutes)
        state.requests.clear()
        for one in gauges:
            one.tick()
        costs.append(dict(state.requests))
    both = {"get": 4, "write": 2, "query_index": 2, "count_index": 5}
    ingests = {"get": 4, "write": 1, "query_index": 2, "count_index": 1}
    assert costs == [both, {"get": 4}, ingests, both]


def test_nothing_is_counted_where_nobody_reads_it(pipeline: MemoryPipeline) -> None:
    pipeline.wiring.meter.is_read = False
    build_gauges(pipeline.wiring).tick()
    pipeline.wiring.meter.is_read = True
    assert meter_of(pipeline).values(COURSES) == []
    build_gauges(pipeline.wiring).tick()
    assert meter_of(pipeline).values(COURSES) != []


def test_restores_that_are_pending_are_counted(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    warming = Warming(objects=7, bytes=70, ready=3, started_date="2026-03-02T08:00:00.000Z")
    change = {"status": IngestStatus.PROCESSING, "stage": Stage.WARMING, "warming": warming}
    pipeline.wiring.ingests.update(ingest, lambda now: now.model_copy(update=change))
    build_gauges(pipeline.wiring).tick()
    assert meter_of(pipeline).values(RESTORES_PENDING) == [4]
