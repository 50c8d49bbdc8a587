"""Bad objects that a request has recorded stay counted and listed, whatever comes after."""

from __future__ import annotations

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from course_backfill.progress import progress_of
from tests.services.memory_pipeline import COURSE, MemoryPipeline


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "good.txt", b"good")
    rotten = pipeline.content.save(COURSE, "rotten.txt", b"was this")
    pipeline.content.set_chunk(rotten, 0, b"was that")
    return pipeline


def test_a_success_counts_what_it_is_without(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.backfill(corrupt_objects="record")
    assert ingest.status is IngestStatus.SUCCEEDED
    assert ingest.failure_count == 1
    assert [one.code for one in pipeline.failures(ingest.id)] == ["digest-mismatch"]


def test_bytes_that_were_not_copied_are_not_counted_and_progress_reaches_its_end(
    pipeline: MemoryPipeline,
) -> None:
    gone = pipeline.content.save(COURSE, "gone.txt", b"gone soon")
    grown = pipeline.content.save(COURSE, "grown.txt", b"short")
    ingest = pipeline.start(corrupt_objects="record")
    replicate = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert replicate
    pipeline.content.delete(gone)
    assert grown == pipeline.content.save(COURSE, "grown.txt", b"no longer short")
    pipeline.deliver(replicate)
    pipeline.run()

    ended, replicas = pipeline.ingest(ingest), pipeline.wiring.packets.replicas(ingest)
    stored = sum(map(len, pipeline.contents().values()))
    progress = progress_of(ended, replicas, [], pipeline.wiring.clock())
    assert progress
    assert stored == len(b"good") + len(b"no longer short")
    assert (progress.bytes_total, progress.bytes_done, progress.bytes_verified) == (stored,) * 3
    assert (progress.objects_total, progress.objects_done, progress.objects_verified) == (2, 2, 2)
    assert (progress.objects_bad, progress.objects_removed, progress.percent) == (1, 1, 100)
    events = {one.step: one.description for one in pipeline.wiring.ingests.events(ingest)}
    assert events["replicate"] == f"Copied 2 objects, {stored} bytes"


def test_a_copy_that_is_wrong_is_not_counted_as_verified(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start(corrupt_objects="record", on_failure="keep")
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    pipeline.bucket.store(pipeline.prefix("v1") + "assets/good.txt", b"evil")
    pipeline.deliver(verify)
    pipeline.run()
    (replica,) = pipeline.wiring.packets.replicas(ingest)
    assert (replica.objects_done, replica.bytes_done) == (1, 4)
    assert (replica.objects_verified, replica.bytes_verified) == (0, 0)


def test_a_failed_verification_adds_to_the_list(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start(corrupt_objects="record", on_failure="keep")
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    pipeline.bucket.store(pipeline.prefix("v1") + "assets/good.txt", b"evil")
    pipeline.deliver(verify)
    pipeline.run()
    failed = pipeline.ingest(ingest)
    codes = [one.code for one in pipeline.failures(ingest)]
    assert codes == ["digest-mismatch", "fixity-mismatch"]
    assert failed.failure_count == 2
    assert failed.failure is not None
    assert failed.failure.code == "fixity-mismatch"


def test_a_retry_after_the_file_was_mended_has_nothing_to_record(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start(corrupt_objects="record", on_failure="keep")
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    key = pipeline.prefix("v1") + "assets/good.txt"
    del pipeline.bucket.versions[key]
    pipeline.deliver(verify)
    pipeline.run()
    pipeline.content.save(COURSE, "rotten.txt", b"was this")

    pipeline.wiring.lifecycle.retry(ingest, by="operator")
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert (ended.status, ended.failure_count) == (IngestStatus.SUCCEEDED, 0)
    assert pipeline.manifest().exceptions == ()
    assert set(pipeline.contents()) == {"assets/good.txt", "assets/rotten.txt"}
    replica = pipeline.wiring.packets.replica(ingest, "primary")
    assert (replica.packets_copied, replica.packets_verified) == (1, 1)
    assert (replica.objects_verified, replica.bytes_verified) == (2, 12)
