"""An ingest that was to bring a change and did not: what it saw of the source is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.courses import Course
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.memory_pipeline import COURSE, MemoryPipeline

A_TXT = "asset-v1:Org1+CS101+R1+type@asset+block@a.txt"


@pytest.fixture
def pipeline() -> MemoryPipeline:
    """A course with two files, migrated."""
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.content.save(COURSE, "b.txt", b"beta")
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    return pipeline


def course_of(pipeline: MemoryPipeline) -> Course:
    return pipeline.wiring.courses.get(str(COURSE))


def lose_a_chunk(pipeline: MemoryPipeline) -> None:
    pipeline.content.drop_chunk(pipeline.content.save(COURSE, "bad.txt", b"content"), 0)


def flip_a_bit(pipeline: MemoryPipeline) -> None:
    pipeline.content.set_chunk(pipeline.content.save(COURSE, "bad.txt", b"content"), 0, b"CONTENT")


@pytest.mark.parametrize("spoil", [lose_a_chunk, flip_a_bit], ids=["planning", "copying"])
@pytest.mark.parametrize("on_failure", ["rollback", "keep"])
def test_an_ingest_that_fails_to_bring_what_has_changed_leaves_the_version_stale(
    pipeline: MemoryPipeline, spoil: Callable[[MemoryPipeline], None], on_failure: str
) -> None:
    spoil(pipeline)
    failed = pipeline.backfill(on_failure=on_failure)
    course = course_of(pipeline)
    assert (failed.status, course.latest_version) == (IngestStatus.FAILED, "v1")
    assert failed.inventory
    assert (course.stale, course.source_checked_date) == (True, failed.inventory.taken_date)


def test_an_ingest_that_is_cancelled_leaves_what_it_saw(pipeline: MemoryPipeline) -> None:
    pipeline.content.save(COURSE, "new.txt", b"new")
    ingest = pipeline.start()
    pipeline.run(until=lambda message: message.step is Step.VERIFY)
    pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert course_of(pipeline).stale is True


def test_a_failed_ingest_of_a_source_that_has_not_changed_leaves_the_version_fresh(
    pipeline: MemoryPipeline,
) -> None:
    pipeline.content.drop_chunk(A_TXT, 0)
    failed = pipeline.backfill()
    course = course_of(pipeline)
    assert failed.inventory
    assert (failed.status, course.stale) == (IngestStatus.FAILED, False)
    assert course.source_checked_date == failed.inventory.taken_date


def test_a_failed_retry_does_not_bring_an_old_look_back(pipeline: MemoryPipeline) -> None:
    flip_a_bit(pipeline)
    failed = pipeline.backfill(on_failure="keep")
    pipeline.discover()
    looked = course_of(pipeline).source_checked_date
    pipeline.wiring.lifecycle.retry(failed.id, by="operator")
    pipeline.run()
    assert pipeline.ingest(failed.id).status is IngestStatus.FAILED
    assert course_of(pipeline).source_checked_date == looked


def test_a_kept_failure_that_is_cancelled_is_no_failure_of_the_course_any_more(
    pipeline: MemoryPipeline,
) -> None:
    flip_a_bit(pipeline)
    failed = pipeline.backfill(on_failure="keep")
    pipeline.wiring.lifecycle.cancel(failed.id, by="operator")
    pipeline.run()
    last = course_of(pipeline).last_ingest
    assert last is not None
    assert (last.id, last.status) == (failed.id, "cancelled")
