"""The read rate of the source: work waits for its share, and stops waiting in time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from course_backfill.clock import from_text
from course_backfill.errors import StateUnavailable
from course_backfill.ingest_step import MOST_LATE_RUNS
from course_backfill.ingests import PRIMARY, Ingest, IngestStatus
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.stores.read_shares import KEY
from course_backfill.uploads import PART_BYTES
from tests.services.memory_pipeline import COURSE, MemoryPipeline

RATE = 1_000_000
SHARE = 256 * 1024
FILES = 12
LARGE = PART_BYTES + 1
TOTAL = FILES * SHARE + LARGE


@pytest.fixture
def pipeline() -> MemoryPipeline:
    return filled(source_bytes_per_second=RATE)


def filled(**settings: Any) -> MemoryPipeline:
    """A course of twelve small files and a large one."""
    pipeline = MemoryPipeline(**settings)
    pipeline.discover(COURSE)
    for number in range(FILES):
        pipeline.content.save(COURSE, f"{number:02}.bin", bytes([number]) * SHARE)
    pipeline.content.save(COURSE, "large.bin", b"x" * LARGE)
    return pipeline


def packet_of(pipeline: MemoryPipeline, ingest: str) -> StepMessage:
    """The message that asks for the packet, taken out."""
    message = pipeline.run(until=lambda one: one.step is Step.REPLICATE)
    assert message is not None
    assert message.ingest == ingest
    return message


def seconds_now(pipeline: MemoryPipeline) -> float:
    return pipeline.wiring.clock.now.timestamp()


def seconds_of(pipeline: MemoryPipeline, message: StepMessage) -> float:
    """How long it takes to do what the message asks."""
    began = pipeline.wiring.clock.now
    pipeline.deliver(message)
    return (pipeline.wiring.clock.now - began).total_seconds()


def test_a_packet_is_read_at_the_rate_and_copied_as_ever(pipeline: MemoryPipeline) -> None:
    message = packet_of(pipeline, pipeline.start())
    took = seconds_of(pipeline, message)
    pipeline.run()
    assert pipeline.contents() == filled_contents()
    # All but the first share is waited for; looks at the clock take a millisecond each.
    assert took >= (TOTAL - 8 * SHARE) / RATE
    assert took <= TOTAL / RATE + 2


def filled_contents() -> dict[str, bytes]:
    unrated = filled()
    unrated.backfill()
    return unrated.contents()


def test_without_a_rate_the_source_is_read_as_it_is() -> None:
    unrated = filled()
    assert unrated.wiring.source_for(lambda: None) is unrated.wiring.source
    assert unrated.wiring.read_shares is None
    message = packet_of(unrated, unrated.start())
    assert seconds_of(unrated, message) < 1
    assert unrated.wiring.state.query("ingests", "source").items == []


def test_inventories_wait_for_no_share(pipeline: MemoryPipeline) -> None:
    began = pipeline.wiring.clock.now
    packet_of(pipeline, pipeline.start())
    assert (pipeline.wiring.clock.now - began).total_seconds() < 1


def test_a_claim_stays_renewed_while_its_worker_waits(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = pipeline.wiring
    wiring.renew_every = 0.002  # Seconds of this machine; the pipeline's own pass in no time.
    message = packet_of(pipeline, pipeline.start())
    renewed = threading.Event()
    renew, pause = wiring.packets.renew, wiring.pause
    left: list[float] = []
    read: list[str] = []

    def noting(ingest: Ingest, packet: Any) -> bool:
        is_ours = renew(ingest, packet)
        renewed.set()
        return is_ours

    def waiting(seconds: float) -> None:
        pause(seconds)
        renewed.clear()
        assert renewed.wait(20)
        packet = wiring.packets.get(message.ingest, PRIMARY, 0)
        left.append((from_text(packet.claimed_until or "") - wiring.clock.now).total_seconds())
        if len(left) == 3:
            # Another delivery meets the claim of this one, and reads nothing.
            wiring.source.on_call = read.append
            pipeline.deliver(message)
            wiring.source.on_call = None

    monkeypatch.setattr(wiring.packets, "renew", noting)
    monkeypatch.setattr(wiring.read_shares, "_pause", waiting)
    pipeline.deliver(message)
    assert len(left) > 3
    assert min(left) > wiring.settings.lease_seconds - 2
    assert read == []
    assert wiring.packets.get(message.ingest, PRIMARY, 0).copied is not None


def test_a_run_that_is_over_stops_waiting_and_another_goes_on(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    message = packet_of(pipeline, ingest)
    began = seconds_now(pipeline)
    with limited(MARGIN_SECONDS + 3, now=lambda: seconds_now(pipeline)):
        pipeline.deliver(message)
    assert seconds_now(pipeline) - began < 5
    assert list(pipeline.wiring.messages.waiting) == [message]
    assert pipeline.wiring.packets.get(ingest, PRIMARY, 0).copied is None
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_packet_that_no_run_can_read_at_the_rate_fails_its_ingest_and_says_why(
    pipeline: MemoryPipeline,
) -> None:
    ingest = pipeline.start()
    pipeline.wiring.messages.waiting.append(packet_of(pipeline, ingest))
    for _ in range(MOST_LATE_RUNS):
        with limited(MARGIN_SECONDS + 3, now=lambda: seconds_now(pipeline)):
            pipeline.deliver(pipeline.wiring.messages.waiting.popleft())
    pipeline.run()
    failed = pipeline.ingest(ingest)
    assert failed.status is IngestStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "out-of-time"
    assert "source_bytes_per_second" in failed.failure.action


def test_an_outage_in_the_middle_of_a_file_parks_the_packet_which_is_read_again(
    pipeline: MemoryPipeline,
) -> None:
    wiring = pipeline.wiring
    ingest = pipeline.start()
    message = packet_of(pipeline, ingest)
    blocks: list[str] = []

    def reading(verb: str) -> None:
        if verb == "block":
            blocks.append(verb)

    def fail(writes: Sequence[Write]) -> None:
        if writes[0].key == KEY and len(blocks) == 10:
            raise StateUnavailable("DynamoDB does not answer")

    wiring.source.on_call = reading
    wiring.state.before_write = fail
    pipeline.deliver(message)
    assert (len(blocks), list(wiring.messages.waiting)) == (10, [])
    assert pipeline.ingest(ingest).status is IngestStatus.PROCESSING
    wiring.state.before_write = None
    wiring.clock.advance(minutes=1)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == filled_contents()


def test_a_cancelled_ingest_waits_no_longer_for_its_packet(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = pipeline.wiring
    wiring.renew_every = 0.002
    ingest = pipeline.start()
    message = packet_of(pipeline, ingest)
    lost = threading.Event()
    pauses = []

    def cancel(seconds: float) -> None:
        wiring.clock.advance(seconds=seconds)
        pauses.append(seconds)
        if len(pauses) == 1:
            wiring.lifecycle.cancel(ingest, by="operator")
            assert lost.wait(20)

    def renew(ingest: Ingest, packet: Any) -> bool:
        is_ours = truth(ingest, packet)
        if not is_ours:
            lost.set()
        return is_ours

    truth = wiring.packets.renew
    monkeypatch.setattr(wiring.packets, "renew", renew)
    monkeypatch.setattr(wiring.read_shares, "_pause", cancel)
    pipeline.deliver(message)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert pipeline.stored() == []


def test_a_packet_that_is_read_for_long_is_not_taken_for_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = filled(source_bytes_per_second=RATE // 10)
    wiring = pipeline.wiring
    ingest = pipeline.start()
    message = packet_of(pipeline, ingest)
    began = seconds_now(pipeline)

    def pause(seconds: float) -> None:
        wiring.clock.advance(seconds=seconds + 15)
        claimed = wiring.packets.get(ingest, PRIMARY, 0)
        assert wiring.packets.renew(pipeline.ingest(ingest), claimed)
        assert not pipeline.looks_stalled(ingest)
        assert pipeline.sweep() == 0

    monkeypatch.setattr(wiring.read_shares, "_pause", pause)
    pipeline.deliver(message)
    assert seconds_now(pipeline) - began > wiring.settings.resend_after_seconds
    assert [one.step for one in wiring.messages.waiting] == [Step.VERIFY]
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
