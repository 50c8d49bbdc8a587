"""Dry runs that read every byte: for long, seen to go on, and no longer than somebody wants it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.uploads import PART_BYTES
from tests.services.memory_pipeline import COURSE, MemoryPipeline

RATE = 1_000_000
SHARE = 256 * 1024
FILES = 12
LARGE = PART_BYTES + 1
READS = {"read_batch", "stream", "block"}


def filled(*courses: Callable[[MemoryPipeline], None], rate: int | None = None) -> MemoryPipeline:
    pipeline = MemoryPipeline(source_bytes_per_second=rate)
    pipeline.discover(COURSE)
    for fill in courses:
        fill(pipeline)
    return pipeline


def small_files(pipeline: MemoryPipeline) -> None:
    """Of a share each."""
    for number in range(FILES):
        pipeline.content.save(COURSE, f"{number:02}.bin", bytes([number]) * SHARE)


def tiny_files(pipeline: MemoryPipeline) -> None:
    """Read in fifteen batches."""
    for number in range(1_500):
        pipeline.content.save(COURSE, f"{number:04}.txt", b"-")


def large_file(pipeline: MemoryPipeline) -> None:
    """Read in more than thirty blocks."""
    pipeline.content.save(COURSE, "large.bin", b"x" * LARGE)


def torn_large_files(pipeline: MemoryPipeline) -> None:
    """Of which no block can be read."""
    for number in range(FILES):
        torn = pipeline.content.save(COURSE, f"{number:02}.bin", b"x" * LARGE, digest=None)
        pipeline.content.set_chunk(torn, 0, b"-")


def start(pipeline: MemoryPipeline) -> str:
    return pipeline.start(dry_run=True, read_source=True)


def seconds_now(pipeline: MemoryPipeline) -> float:
    return pipeline.wiring.clock.now.timestamp()


def on_read(pipeline: MemoryPipeline, happens: Callable[[int], None]) -> list[str]:
    """Has something happen before each batch, file or block is read; gives what was read."""
    read: list[str] = []

    def note(verb: str) -> None:
        if verb in READS:
            read.append(verb)
            happens(len(read))

    pipeline.wiring.source.on_call = note
    return read


def test_one_that_waits_for_its_share_is_not_begun_again_beside_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = filled(small_files, large_file, rate=RATE)
    wiring = pipeline.wiring
    ingest = start(pipeline)
    began = wiring.clock.now

    def pause(seconds: float) -> None:
        wiring.clock.advance(seconds=seconds + 100)
        assert pipeline.sweep() == 0
        assert not pipeline.looks_stalled(ingest)

    monkeypatch.setattr(wiring.read_shares, "_pause", pause)
    pipeline.run()
    assert wiring.clock.now - began > wiring.resend_after
    report = pipeline.ingest(ingest).report
    assert report is not None
    assert (report.bytes, report.bytes_were_read) == (FILES * SHARE + LARGE, True)


def test_one_that_was_cancelled_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = filled(small_files, large_file, rate=RATE // 10)
    wiring = pipeline.wiring
    ingest = start(pipeline)
    waited = []

    def pause(seconds: float) -> None:
        wiring.clock.advance(seconds=seconds)
        waited.append(seconds)
        if len(waited) == 2:
            wiring.lifecycle.cancel(ingest, by="operator")

    monkeypatch.setattr(wiring.read_shares, "_pause", pause)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    # The ingest is looked at every ten seconds; to read all of it takes two minutes.
    assert sum(waited[2:]) <= 12


@pytest.mark.parametrize("fill", [tiny_files, large_file, torn_large_files])
def test_one_that_was_cancelled_reads_no_further_where_there_is_no_rate(
    fill: Callable[[MemoryPipeline], None],
) -> None:
    pipeline = filled(fill)
    ingest = start(pipeline)

    def cancel(reads: int) -> None:
        pipeline.wiring.clock.advance(seconds=4)
        if reads == 2:
            pipeline.wiring.lifecycle.cancel(ingest, by="operator")

    read = on_read(pipeline, cancel)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert 2 < len(read) <= 2 + 10 / 4 + 1


@pytest.mark.parametrize("fill", [tiny_files, large_file])
def test_one_whose_run_is_over_is_left_to_another_run(
    fill: Callable[[MemoryPipeline], None],
) -> None:
    pipeline = filled(fill)
    ingest = start(pipeline)
    message = pipeline.wiring.messages.waiting.popleft()
    read = on_read(pipeline, lambda _: pipeline.wiring.clock.advance(seconds=4))
    with limited(MARGIN_SECONDS + 20, now=lambda: seconds_now(pipeline)):
        pipeline.deliver(message)
    assert 20 / 4 - 1 <= len(read) <= 20 / 4 + 1
    assert pipeline.ingest(ingest).report is None
    pipeline.wiring.clock.advance(minutes=20)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


@pytest.mark.parametrize("pace", [1, 60])
def test_it_looks_every_ten_seconds_and_writes_every_few_minutes(
    monkeypatch: pytest.MonkeyPatch, pace: int
) -> None:
    pipeline = filled(large_file)
    wiring = pipeline.wiring
    ingest = start(pipeline)
    look = wiring.ingests.leave_sign
    looks: list[str] = []
    revisions: list[int] = []

    def looking(one: Ingest) -> None:
        looks.append(one.id)
        look(one)

    def reading(_: int) -> None:
        wiring.clock.advance(seconds=pace)
        revisions.append(pipeline.ingest(ingest).revision)

    monkeypatch.setattr(wiring.ingests, "leave_sign", looking)
    on_read(pipeline, reading)
    pipeline.run()
    took = pace * len(revisions)
    assert took / 10 / 6 - 1 <= len(looks) <= took / 10
    few = wiring.settings.resend_after_seconds / 4
    assert took / few / 2 - 1 <= revisions[-1] - revisions[0] <= took / few
