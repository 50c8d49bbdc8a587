"""Outages are waited out; lost messages, lost answers and dead workers lose nothing."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.messages import Step
from tests.services.memory_pipeline import COURSE, MemoryPipeline

STEPS = [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER]
FILES = {f"assets/{number}.txt": str(number).encode() for number in range(7)}


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    for path, content in FILES.items():
        pipeline.content.save(COURSE, path.partition("/")[2], content)
    return pipeline


def test_an_unreachable_source_parks_the_ingest_and_fails_nothing(
    pipeline: MemoryPipeline,
) -> None:
    ingest = pipeline.start()
    for _ in range(8):
        pipeline.wiring.source.fail_next(10)
        pipeline.run()
        assert pipeline.ingest(ingest).stage is Stage.PLANNING
        pipeline.wiring.clock.advance(minutes=16)
        pipeline.sweep()
    pipeline.wiring.source.fail_next(0)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    outcomes = [event.outcome for event in pipeline.wiring.ingests.events(ingest)]
    assert outcomes.count("waiting") == 1


def test_an_outage_of_a_day_ends_the_ingest_with_its_reason(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    pipeline.wiring.source.fail_next(10_000)
    pipeline.run()
    for _ in range(100):
        pipeline.wiring.clock.advance(minutes=16)
        pipeline.sweep()
        pipeline.run()
    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.FAILED
    assert ended.failure is not None
    assert ended.failure.code == "gave-up-waiting"
    assert "does not answer" in ended.failure.detail


@pytest.mark.parametrize("operation", ["create", "stat", "read", "list"])
def test_throttled_storage_is_waited_for(pipeline: MemoryPipeline, operation: str) -> None:
    pipeline.bucket.fail(operation, StorageFault.THROTTLED)
    ingest = pipeline.start()
    pipeline.run()
    pipeline.wiring.clock.advance(minutes=1)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == FILES


@pytest.mark.parametrize("fault", [StorageFault.LOST_ANSWER, StorageFault.OUTAGE_AFTER])
@pytest.mark.parametrize("operation", ["create", "complete_upload", "put_part", "open_upload"])
def test_a_lost_answer_is_no_conflict(
    pipeline: MemoryPipeline, operation: str, fault: StorageFault
) -> None:
    pipeline.content.save(COURSE, "large.bin", b"l" * (9 * 1024 * 1024))
    pipeline.bucket.fail(operation, fault)
    ingest = pipeline.start()
    for _ in range(3):
        pipeline.run()
        pipeline.wiring.clock.advance(minutes=16)
        pipeline.sweep()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.bucket.uploads == {}


@pytest.mark.parametrize("fault", [StorageFault.UPLOAD_LOST, StorageFault.CONFLICT])
def test_a_lost_upload_is_begun_again(pipeline: MemoryPipeline, fault: StorageFault) -> None:
    large = b"l" * (9 * 1024 * 1024)
    pipeline.content.save(COURSE, "large.bin", large)
    pipeline.bucket.fail("complete_upload", fault)
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/large.bin"] == large


@pytest.mark.parametrize("copies", [2, 3])
def test_redelivering_every_message_changes_nothing(pipeline: MemoryPipeline, copies: int) -> None:
    ingest = pipeline.start()
    pipeline.run(copies=copies)
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == FILES
    replica = pipeline.wiring.packets.replica(ingest, "primary")
    assert (replica.objects_done, replica.objects_verified) == (len(FILES), len(FILES))


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_any_repeats_end_the_same(
    monkeypatch: pytest.MonkeyPatch, pipeline: MemoryPipeline, seed: int
) -> None:
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 2)
    ingest = pipeline.start()
    pipeline.run_shuffled(seed)
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == FILES
    replica = pipeline.wiring.packets.replica(ingest, "primary")
    assert (replica.packets, replica.packets_copied, replica.packets_verified) == (4, 4, 4)


@pytest.mark.parametrize(
    "step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER]
)
def test_a_lost_message_is_sent_again(pipeline: MemoryPipeline, step: Step) -> None:
    ingest = pipeline.start()
    pipeline.run(until=lambda message: message.step is step)
    pipeline.wiring.messages.waiting.clear()
    for _ in range(3):
        pipeline.wiring.clock.advance(minutes=16)
        pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_progress_keeps_the_watch_quiet(
    monkeypatch: pytest.MonkeyPatch, pipeline: MemoryPipeline
) -> None:
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 2)
    pipeline.start()
    message = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert message
    pipeline.deliver(message)
    sent = len(pipeline.wiring.messages.sent)
    pipeline.wiring.clock.advance(minutes=16)
    pipeline.sweep()
    assert len(pipeline.wiring.messages.sent) == sent
