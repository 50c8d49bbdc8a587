"""What fails an ingest, what is said about it, and what stays behind."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.courses import CourseStatus
from course_backfill.errors import Conflict
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step
from tests.services.memory_pipeline import COURSE, MemoryPipeline

BLOCK = 255 * 1024
STEPS = [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER]


@pytest.fixture(params=[False, True], ids=["unversioned", "versioned"])
def pipeline(request: pytest.FixtureRequest) -> MemoryPipeline:
    pipeline = MemoryPipeline(is_versioned=request.param)
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "good.txt", b"good")
    return pipeline


def rot(pipeline: MemoryPipeline, name: str = "bad.txt") -> None:
    """A bit flips: chunk numbers and lengths stay right."""
    file = pipeline.content.save(COURSE, name, b"was this")
    pipeline.content.set_chunk(file, 0, b"was that")


def nothing_is_left(pipeline: MemoryPipeline) -> bool:
    return not any(pipeline.bucket.versions.values()) and not pipeline.bucket.uploads


def test_a_missing_chunk_ends_the_ingest_before_a_byte_is_copied(pipeline: MemoryPipeline) -> None:
    file = pipeline.content.save(COURSE, "torn.bin", b"x" * (BLOCK + 1))
    pipeline.content.drop_chunk(file, 0)
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.FAILED
    assert ingest.version is None
    assert nothing_is_left(pipeline)
    [failure] = pipeline.failures(ingest.id)
    assert (failure.path, failure.code) == ("assets/torn.bin", "missing-chunk")
    assert ingest.failure is not None
    assert "bytes were not read yet" in ingest.failure.detail.lower()


def test_bad_bytes_fail_the_ingest_and_roll_it_back(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    rot(pipeline, "worse.txt")
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.FAILED
    assert nothing_is_left(pipeline)
    assert [one.path for one in pipeline.failures(ingest.id)] == [
        "assets/bad.txt",
        "assets/worse.txt",
    ]
    assert ingest.failure_count == 2
    course = pipeline.wiring.courses.get(str(COURSE))
    assert (course.status, course.active_ingest) == (CourseStatus.FAILED, None)


def test_every_failure_says_what_why_and_what_to_do(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    ingest = pipeline.backfill()
    [failure] = pipeline.failures(ingest.id)
    assert failure.code == "digest-mismatch"
    assert "md5" in failure.detail
    assert "Upload the file again" in failure.action


def test_recorded_bad_objects_are_exceptions_of_the_manifest(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    ingest = pipeline.backfill(corrupt_objects="record")
    assert ingest.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/good.txt": b"good"}
    [exception] = pipeline.manifest().exceptions
    assert exception.path == "assets/bad.txt"


def test_a_version_with_exceptions_is_tried_again(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    pipeline.backfill(corrupt_objects="record")
    assert pipeline.backfill(corrupt_objects="record").version == "v2"


def test_a_chunk_fault_can_be_recorded_too(pipeline: MemoryPipeline) -> None:
    file = pipeline.content.save(COURSE, "torn.bin", b"x" * (BLOCK + 1))
    pipeline.content.drop_chunk(file, 1)
    ingest = pipeline.backfill(corrupt_objects="record")
    assert ingest.status is IngestStatus.SUCCEEDED
    assert [one.code for one in pipeline.manifest().exceptions] == ["missing-chunk"]
    assert ingest.source_check is not None
    assert not ingest.source_check.stale


def planted(pipeline: MemoryPipeline, key: str, **request: Any) -> Ingest:
    """A backfill, below whose prefix somebody else stores an object once it is planned."""
    ingest = pipeline.start(**request)
    replicate = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert replicate
    pipeline.bucket.store(key, b"evil")
    pipeline.deliver(replicate)
    pipeline.run()
    return pipeline.ingest(ingest)


def test_a_different_object_at_the_key_is_refused_and_named(pipeline: MemoryPipeline) -> None:
    key = pipeline.prefix("v1") + "assets/good.txt"
    ingest = planted(pipeline, key, corrupt_objects="record", on_failure="keep")
    assert ingest.status is IngestStatus.FAILED
    [failure] = pipeline.failures(ingest.id)
    assert failure.code == "different-object"
    assert pipeline.read(key) == b"evil"


@pytest.mark.parametrize(
    ("tamper", "code"), [("lose", "object-missing"), ("swap", "fixity-mismatch")]
)
def test_a_copy_that_does_not_read_back_fails_the_ingest(
    pipeline: MemoryPipeline, tamper: str, code: str
) -> None:
    ingest = pipeline.start(on_failure="keep")
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    key = pipeline.prefix("v1") + "assets/good.txt"
    del pipeline.bucket.versions[key]
    if tamper == "swap":
        pipeline.bucket.store(key, b"evil")
    pipeline.deliver(verify)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.FAILED
    assert {one.code for one in pipeline.failures(ingest)} == {code}


def test_a_surplus_object_fails_the_ingest(pipeline: MemoryPipeline) -> None:
    key = pipeline.prefix("v1") + "assets/planted.txt"
    ingest = planted(pipeline, key, on_failure="keep")
    assert ingest.status is IngestStatus.FAILED
    assert [one.code for one in pipeline.failures(ingest.id)] == ["surplus-object"]


def test_a_kept_failure_goes_on_from_its_finished_packets(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    ingest = pipeline.backfill(on_failure="keep")
    assert ingest.kept
    assert pipeline.wiring.courses.get(str(COURSE)).kept_ingest == ingest.id
    assert pipeline.stored() == [pipeline.prefix("v1") + "assets/good.txt"]

    pipeline.content.save(COURSE, "bad.txt", b"mended")
    pipeline.wiring.lifecycle.retry(ingest.id, by="operator")
    pipeline.run()
    assert pipeline.ingest(ingest.id).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/bad.txt": b"mended", "assets/good.txt": b"good"}
    course = pipeline.wiring.courses.get(str(COURSE))
    assert (course.latest_version, course.kept_ingest, course.active_ingest) == ("v1", None, None)


def test_a_lost_copy_is_made_again_by_a_retry(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start(on_failure="keep")
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    del pipeline.bucket.versions[pipeline.prefix("v1") + "assets/good.txt"]
    pipeline.deliver(verify)
    pipeline.run()
    pipeline.wiring.lifecycle.retry(ingest, by="operator")
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    replica = pipeline.wiring.packets.replica(ingest, "primary")
    assert (replica.packets_copied, replica.packets_verified) == (1, 1)
    assert (replica.objects_done, replica.objects_verified) == (1, 1)


def test_a_kept_failure_is_rolled_back_by_the_next_ingest(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    first = pipeline.backfill(on_failure="keep")
    pipeline.content.save(COURSE, "bad.txt", b"mended")
    second = pipeline.backfill()
    assert second.status is IngestStatus.SUCCEEDED
    assert second.version == "v2"
    assert {key.split("/")[2] for key in pipeline.stored()} == {"v2"}
    assert pipeline.ingest(first.id).status is IngestStatus.FAILED
    with pytest.raises(Conflict):
        pipeline.wiring.lifecycle.retry(first.id, by="operator")


def test_a_kept_failure_expires_into_its_rollback(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    ingest = pipeline.backfill(on_failure="keep")
    pipeline.wiring.clock.advance(days=13)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.stored()
    pipeline.wiring.clock.advance(days=2)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.stored() == []
    assert pipeline.ingest(ingest.id).status is IngestStatus.FAILED


@pytest.mark.parametrize(
    "step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER]
)
def test_cancel_works_at_every_stage(pipeline: MemoryPipeline, step: Step) -> None:
    pipeline.content.save(COURSE, "large.bin", b"l" * (9 * 1024 * 1024))
    ingest = pipeline.start()
    message = pipeline.run(until=lambda message: message.step is step)
    assert message
    pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    pipeline.deliver(message)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert nothing_is_left(pipeline)
    course = pipeline.wiring.courses.get(str(COURSE))
    assert (course.status, course.active_ingest) == (CourseStatus.NOT_MIGRATED, None)


def test_a_registered_ingest_cannot_be_cancelled(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.backfill()
    with pytest.raises(Conflict):
        pipeline.wiring.lifecycle.cancel(ingest.id, by="operator")
    assert pipeline.contents()


def test_a_late_write_is_swept_up(pipeline: MemoryPipeline) -> None:
    rot(pipeline)
    pipeline.backfill()
    pipeline.bucket.store(pipeline.prefix("v1") + "assets/late.txt", b"late")
    pipeline.wiring.clock.advance(minutes=11)
    pipeline.sweep()
    assert nothing_is_left(pipeline)


def test_a_migrated_course_stays_migrated_when_a_later_ingest_fails(
    pipeline: MemoryPipeline,
) -> None:
    pipeline.backfill()
    rot(pipeline)
    failed = pipeline.backfill()
    course = pipeline.wiring.courses.get(str(COURSE))
    assert failed.status is IngestStatus.FAILED
    assert (course.status, course.latest_version) == (CourseStatus.MIGRATED, "v1")
    assert course.last_ingest is not None
    assert course.last_ingest.status == "failed"
    assert pipeline.contents() == {"assets/good.txt": b"good"}


def test_storage_that_refuses_for_good_fails_the_ingest(pipeline: MemoryPipeline) -> None:
    pipeline.bucket.fail("create", StorageFault.REFUSED)
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.FAILED
    assert ingest.failure is not None
    assert (ingest.failure.code, ingest.failure.stage) == ("storage-refused", Stage.REPLICATING)
