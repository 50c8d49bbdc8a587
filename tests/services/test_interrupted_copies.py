"""A packet that is copied again: what the attempt before stored counts, whatever changed since."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step, StepMessage
from tests.services.memory_pipeline import COURSE, MemoryPipeline

LARGE = 9 * 1024 * 1024
SIZES = pytest.mark.parametrize("size", [5, LARGE], ids=["small", "large"])


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    return pipeline


def interrupted(pipeline: MemoryPipeline) -> StepMessage:
    """The packet's message, once the attempt before has stored everything and then died."""
    message = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert message is not None
    recording: Any = pipeline.wiring.packets
    truth = recording.copied

    def dies(*_: object, **__: object) -> bool:
        raise RuntimeError("killed before the packet's end was recorded")

    recording.copied = dies
    with pytest.raises(RuntimeError):
        pipeline.deliver(message)
    recording.copied = truth
    return message


@SIZES
def test_a_file_that_was_saved_again_keeps_the_state_that_was_stored(
    pipeline: MemoryPipeline, size: int
) -> None:
    pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start()
    message = interrupted(pipeline)
    pipeline.content.save(COURSE, "a.bin", b"2" * size)

    pipeline.deliver(message)
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert ended.failure is None
    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.bin": b"1" * size}
    assert ended.source_check is not None
    assert (ended.source_check.stale, ended.source_check.changed) == (True, 1)


@SIZES
def test_a_file_that_was_removed_keeps_the_state_that_was_stored(
    pipeline: MemoryPipeline, size: int
) -> None:
    file = pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start()
    message = interrupted(pipeline)
    pipeline.content.delete(file)

    pipeline.deliver(message)
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.bin": b"1" * size}
    assert ended.source_check is not None
    assert (ended.source_check.stale, ended.source_check.removed) == (True, 1)


@SIZES
def test_what_nobody_can_vouch_for_is_refused(pipeline: MemoryPipeline, size: int) -> None:
    pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start()
    message = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert message is not None
    pipeline.bucket.store(pipeline.prefix("v1") + "assets/a.bin", b"3" * size)

    pipeline.deliver(message)
    pipeline.run()

    assert pipeline.ingest(ingest).status is IngestStatus.FAILED
    [failure] = pipeline.failures(ingest)
    assert failure.code == "different-object"


@SIZES
def test_an_unchanged_file_is_found_and_not_stored_again(
    pipeline: MemoryPipeline, size: int
) -> None:
    pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start()
    message = interrupted(pipeline)
    key = pipeline.prefix("v1") + "assets/a.bin"
    before = pipeline.bucket.versions[key]

    pipeline.deliver(message)
    pipeline.run()

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.bucket.versions[key] == before
    assert pipeline.bucket.uploads == {}


def test_of_two_documents_with_one_path_the_platforms_own_is_copied(
    pipeline: MemoryPipeline,
) -> None:
    """Also when the other one is saved again in the middle of the copy."""
    from tests.services.memory_pipeline import OLD_COURSE

    pipeline.discover(OLD_COURSE)
    right = pipeline.content.save(OLD_COURSE, "a.txt", b"right")
    document = pipeline.content.file(right).document
    odd_id = dict(reversed(document["_id"].items()))
    pipeline.content.insert(document | {"_id": odd_id}, {0: b"right"})
    ingest = pipeline.start(OLD_COURSE, corrupt_objects="record")
    message = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert message is not None
    pipeline.content.insert(document | {"_id": odd_id, "length": 4, "md5": "0"}, {0: b"odd!"})

    pipeline.deliver(message)
    pipeline.run()

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents("v1", OLD_COURSE) == {"assets/a.txt": b"right"}
    [exception] = pipeline.manifest("v1", OLD_COURSE).exceptions
    assert (exception.code, exception.source_id) == ("duplicate-path", odd_id)
    assert list(exception.source_id) == list(odd_id)


@SIZES
@pytest.mark.parametrize("on_fault", ["fail", "record"])
def test_a_file_that_was_damaged_keeps_the_state_that_was_stored(
    pipeline: MemoryPipeline, size: int, on_fault: str
) -> None:
    file = pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start(corrupt_objects=on_fault)
    message = interrupted(pipeline)
    pipeline.content.set_chunk(file, 0, b"torn")

    pipeline.deliver(message)
    pipeline.run()

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.bin": b"1" * size}


def test_uploads_that_keep_getting_lost_are_waited_out(pipeline: MemoryPipeline) -> None:
    pipeline.content.save(COURSE, "a.bin", b"1" * LARGE)
    pipeline.bucket.fail("complete_upload", StorageFault.CONFLICT, times=3)
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.PROCESSING
    pipeline.wiring.clock.advance(minutes=1)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest.id).status is IngestStatus.SUCCEEDED


@SIZES
def test_a_file_saved_twice_around_an_interruption_blames_nobody_else(
    pipeline: MemoryPipeline, size: int
) -> None:
    """Neither what was planned nor what is there now tells what the stored state was."""
    pipeline.content.save(COURSE, "a.bin", b"1" * size)
    ingest = pipeline.start(corrupt_objects="record")
    pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    pipeline.wiring.messages.send(pipeline.wiring.flow.messages(pipeline.ingest(ingest)))
    pipeline.content.save(COURSE, "a.bin", b"2" * size)
    message = interrupted(pipeline)
    pipeline.content.save(COURSE, "a.bin", b"3" * size)

    pipeline.deliver(message)
    pipeline.run()

    assert pipeline.ingest(ingest).status is IngestStatus.FAILED
    assert [one.code for one in pipeline.failures(ingest)] == ["interrupted-copy"]
    assert pipeline.stored() == []
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    assert pipeline.contents("v2") == {"assets/a.bin": b"3" * size}
