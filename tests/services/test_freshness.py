"""A discovery compares every migrated course with its source, one at a time, each once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.courses import Course, CourseId
from course_backfill.discoveries import Discovery
from course_backfill.errors import OutOfTime, SourceRefused, StateRefused
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step, StepMessage
from services.planner.discovery import RUN
from services.planner.wiring import build_discoverer
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline

A_TXT = "asset-v1:Org1+CS101+R1+type@asset+block@a.txt"
FRESHNESS = {"source_checked_date", "stale"}


@pytest.fixture
def pipeline() -> MemoryPipeline:
    """A course with two files, migrated."""
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.content.save(COURSE, "b.txt", b"beta")
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    return pipeline


def course_of(pipeline: MemoryPipeline, course: CourseId = COURSE) -> Course:
    return pipeline.wiring.courses.get(str(course))


def counts(discovery: Discovery) -> tuple[int, int, int]:
    return discovery.checked, discovery.became_stale, discovery.unread


def when_read(pipeline: MemoryPipeline, act: Callable[[], object], nth: int = 1) -> None:
    """Does something while the nth inventory from now is being taken."""
    seen = 0

    def on_call(verb: str) -> None:
        nonlocal seen
        seen += verb == "inventory"
        if verb == "inventory" and seen == nth:
            act()

    pipeline.wiring.source.on_call = on_call


def refuse(error: Exception) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.save(COURSE, "new.txt", b"new"),
        lambda content: content.save(COURSE, "a.txt", b"alpha"),
        lambda content: content.change(A_TXT, locked=True),
        lambda content: content.delete(A_TXT),
    ],
    ids=["added", "saved again", "locked", "deleted"],
)
def test_a_changed_source_makes_the_latest_version_stale(
    pipeline: MemoryPipeline, edit: Callable[[MemoryContentstore], object]
) -> None:
    before = course_of(pipeline)
    edit(pipeline.content)
    discovery = pipeline.discover()
    after = course_of(pipeline)
    assert (before.stale, after.stale) == (False, True)
    assert after.source_checked_date
    assert after.source_checked_date > discovery.created_date
    assert after.model_dump(exclude=FRESHNESS) == before.model_dump(exclude=FRESHNESS)
    assert (discovery.status, counts(discovery)) == (IngestStatus.SUCCEEDED, (1, 1, 0))


def test_an_unchanged_source_renews_the_date(pipeline: MemoryPipeline) -> None:
    before = course_of(pipeline)
    assert counts(pipeline.discover()) == (1, 0, 0)
    after = course_of(pipeline)
    assert after.stale is False
    assert after.source_checked_date
    assert after.source_checked_date > (before.source_checked_date or "")


def test_a_version_becomes_stale_once_and_fresh_again_with_its_source(
    pipeline: MemoryPipeline,
) -> None:
    new = pipeline.content.save(COURSE, "new.txt", b"new")
    assert counts(pipeline.discover()) == (1, 1, 0)
    assert counts(pipeline.discover()) == (1, 0, 0)
    pipeline.content.delete(new)
    assert counts(pipeline.discover()) == (1, 0, 0)
    assert course_of(pipeline).stale is False


def test_a_version_without_its_bad_files_is_fresh_until_the_source_changes(
    pipeline: MemoryPipeline,
) -> None:
    bad = pipeline.content.save(COURSE, "bad.txt", b"content")
    pipeline.content.set_chunk(bad, 0, b"CONTENT")
    assert pipeline.backfill(corrupt_objects="record").status is IngestStatus.SUCCEEDED
    assert pipeline.manifest("v2").exceptions
    assert counts(pipeline.discover()) == (1, 0, 0)
    pipeline.content.save(COURSE, "bad.txt", b"mended")
    assert counts(pipeline.discover()) == (1, 1, 0)


def test_a_course_without_a_version_or_with_an_active_ingest_is_left_alone(
    pipeline: MemoryPipeline,
) -> None:
    pipeline.content.save(COURSE, "new.txt", b"new")
    ingest = pipeline.start()
    before = course_of(pipeline)
    assert counts(pipeline.discover(OLD_COURSE)) == (0, 0, 0)
    assert course_of(pipeline) == before
    assert course_of(pipeline, OLD_COURSE).stale is None
    pipeline.run()
    assert pipeline.ingest(ingest).version == "v2"


@pytest.mark.parametrize("is_run", [False, True], ids=["accepted", "registered"])
def test_an_ingest_that_takes_the_course_meanwhile_has_the_last_word(
    pipeline: MemoryPipeline, is_run: bool
) -> None:
    pipeline.content.save(COURSE, "new.txt", b"new")

    def take() -> None:
        pipeline.wiring.source.on_call = None
        pipeline.start()
        if is_run:
            pipeline.run()

    when_read(pipeline, take)
    discovery = pipeline.discover()
    assert (discovery.status, counts(discovery)) == (IngestStatus.SUCCEEDED, (0, 0, 0))
    course = course_of(pipeline)
    assert (course.active_ingest is None, course.stale) == (is_run, False)


@pytest.mark.parametrize(
    "error", [SourceRefused("MongoDB denies it"), KeyError("unforeseen")], ids=["refused", "defect"]
)
def test_a_course_that_cannot_be_read_does_not_keep_the_others_from_it(
    pipeline: MemoryPipeline, error: Exception
) -> None:
    pipeline.discover(OLD_COURSE)
    pipeline.backfill(OLD_COURSE)
    pipeline.content.save(COURSE, "new.txt", b"new")
    before = course_of(pipeline, OLD_COURSE)
    when_read(pipeline, refuse(error))
    discovery = pipeline.discover()
    assert (discovery.status, counts(discovery)) == (IngestStatus.SUCCEEDED, (1, 1, 1))
    (unread,) = discovery.unread_examples
    assert unread.course == str(OLD_COURSE)
    assert str(error) in unread.detail
    assert course_of(pipeline).stale is True
    assert course_of(pipeline, OLD_COURSE) == before


def test_a_course_that_takes_longer_than_a_run_is_named_with_what_can_look_at_it(
    pipeline: MemoryPipeline,
) -> None:
    when_read(pipeline, refuse(OutOfTime("not done in a run of 300 s")))
    discovery = pipeline.discover()
    (unread,) = discovery.unread_examples
    assert "course-backfill work planner" in unread.detail


def test_tables_that_refuse_are_no_fault_of_a_course(pipeline: MemoryPipeline) -> None:
    when_read(pipeline, refuse(StateRefused("DynamoDB denies it")))
    with pytest.raises(StateRefused):
        pipeline.discover()
    assert course_of(pipeline).stale is False


def test_an_outage_ends_the_discovery_with_what_it_had_found(pipeline: MemoryPipeline) -> None:
    pipeline.discover(OLD_COURSE)
    pipeline.backfill(OLD_COURSE)
    when_read(pipeline, lambda: pipeline.wiring.source.fail_next(1), nth=2)
    discovery = pipeline.discover()
    assert discovery.failure
    assert (discovery.status, discovery.failure.code) == (IngestStatus.FAILED, "source-unavailable")
    assert (discovery.found, counts(discovery)) == (2, (1, 0, 0))


class Died(BaseException):
    """Stands for a worker that is killed: nothing of its code runs on."""


@given(data=st.data(), courses=st.integers(0, 6))
def test_each_course_is_counted_once_however_often_workers_die_or_run_out_of_time(
    data: st.DataObject, courses: int
) -> None:
    pipeline = MemoryPipeline()
    known = [CourseId.parse(f"course-v1:Org+C+R{number}") for number in range(courses)]
    pipeline.discover(*known)
    for course in known:
        pipeline.backfill(course)
        pipeline.content.save(course, "new.txt", b"new")
    pipeline.wiring.discoveries.add("d1", by="operator")
    message = StepMessage(ingest="d1", epoch=0, step=Step.DISCOVER)

    def meet_fate(verb: str) -> None:
        if verb != "inventory":
            return
        fate = data.draw(st.sampled_from(["fine", "slow", "death", "repeat"]))
        if fate == "slow":
            pipeline.wiring.clock.advance(seconds=RUN.total_seconds())
        elif fate == "death":
            raise Died
        elif fate == "repeat":
            pipeline.wiring.source.on_call = None
            pipeline.deliver(message)

    for _ in range(4):
        pipeline.wiring.source.on_call = meet_fate
        try:
            pipeline.deliver(message)
        except Died:
            continue
    pipeline.wiring.source.on_call = None
    pipeline.wiring.messages.waiting.append(message)
    pipeline.run()
    ended = pipeline.wiring.discoveries.get("d1")
    assert (ended.status, ended.found) == (IngestStatus.SUCCEEDED, courses)
    assert counts(ended) == (courses, courses, 0)
    assert all(course_of(pipeline, course).stale for course in known)


def test_a_run_that_takes_too_long_sends_for_the_rest(pipeline: MemoryPipeline) -> None:
    pipeline.discover(OLD_COURSE)
    pipeline.backfill(OLD_COURSE)
    when_read(pipeline, lambda: pipeline.wiring.clock.advance(seconds=RUN.total_seconds()))
    discovery = pipeline.discover()
    assert (discovery.status, counts(discovery)) == (IngestStatus.ACCEPTED, (1, 0, 0))
    (rest,) = pipeline.wiring.messages.waiting
    assert rest == StepMessage(ingest=discovery.id, epoch=0, step=Step.DISCOVER)
    pipeline.run()
    discovery = pipeline.wiring.discoveries.get(discovery.id)
    assert (discovery.status, counts(discovery)) == (IngestStatus.SUCCEEDED, (2, 0, 0))


def test_the_schedule_finds_what_is_new_and_what_has_changed(pipeline: MemoryPipeline) -> None:
    pipeline.content.save(COURSE, "new.txt", b"new")
    pipeline.content.add_course(OLD_COURSE)
    build_discoverer(pipeline.wiring).schedule()
    pipeline.run()
    assert course_of(pipeline).stale is True
    assert course_of(pipeline, OLD_COURSE).latest_version is None


def test_a_scheduled_discovery_whose_message_was_lost_is_sent_again(
    pipeline: MemoryPipeline,
) -> None:
    discoverer = build_discoverer(pipeline.wiring)
    discoverer.schedule()
    pipeline.wiring.messages.waiting.clear()
    pipeline.wiring.clock.advance(hours=1)
    discoverer.schedule()
    pipeline.run()
    ended = pipeline.wiring.discoveries.get("scheduled")
    assert (ended.status, counts(ended)) == (IngestStatus.SUCCEEDED, (1, 0, 0))
