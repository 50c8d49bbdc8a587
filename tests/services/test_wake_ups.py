"""Nothing waits for ever: whatever a dead, late or doubled worker leaves is taken up again."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import StateUnavailable
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import Step, StepMessage
from course_backfill.stores.packet_counters import PacketEnd
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline, names

PRIMARY = "primary"


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE, OLD_COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.content.save(COURSE, "b.txt", b"beta")
    return pipeline


def wiring(pipeline: MemoryPipeline) -> Any:
    return pipeline.wiring


def lose_all_messages(pipeline: MemoryPipeline) -> None:
    wiring(pipeline).messages.waiting.clear()


def dies(*_: object, **__: object) -> None:
    raise RuntimeError("the worker was killed")


def run_until(pipeline: MemoryPipeline, step: Step) -> StepMessage:
    message = pipeline.run(until=lambda message: message.step is step)
    assert message is not None
    return message


def let_time_pass(pipeline: MemoryPipeline, *, minutes: float, sweeps: int = 1) -> None:
    for _ in range(sweeps):
        wiring(pipeline).clock.advance(minutes=minutes)
        pipeline.sweep()
        pipeline.run()


def test_a_watch_that_fires_while_every_packet_is_claimed_goes_on_watching(
    pipeline: MemoryPipeline,
) -> None:
    ingest = pipeline.start()
    run_until(pipeline, Step.REPLICATE)
    wiring(pipeline).clock.advance(minutes=16)
    claimed = wiring(pipeline).packets.claim(
        pipeline.ingest(ingest), PRIMARY, 0, claimant="a worker about to die"
    )
    assert claimed is not None
    pipeline.sweep()
    lose_all_messages(pipeline)

    let_time_pass(pipeline, minutes=16, sweeps=3)

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_packet_that_is_done_cannot_be_claimed_again(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    replicate = run_until(pipeline, Step.REPLICATE)
    packets = wiring(pipeline).packets
    late = pipeline.ingest(ingest)
    packet = packets.claim(late, PRIMARY, 0, claimant="first")
    assert packets.copied(late, packet, PacketEnd("results", size=100))
    assert packets.claim(late, PRIMARY, 0, claimant="second") is None
    assert packets.get(ingest, PRIMARY, 0).claimant is None
    assert replicate.packet == 0


def test_a_packet_that_another_worker_just_finished_is_decided_upon(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker recorded its end and died; this delivery has looked just before."""
    ingest = pipeline.start()
    replicate = run_until(pipeline, Step.REPLICATE)
    packets = wiring(pipeline).packets
    undone = packets.get(ingest, PRIMARY, 0)
    truth = packets.replica
    monkeypatch.setattr(packets, "replica", dies)
    with pytest.raises(RuntimeError):
        pipeline.deliver(replicate)
    monkeypatch.setattr(packets, "replica", truth)
    assert packets.get(ingest, PRIMARY, 0).copied

    seen = packets.get
    looks = iter([undone])
    monkeypatch.setattr(packets, "get", lambda *of: next(looks, None) or seen(*of))
    pipeline.deliver(replicate)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_the_retry_of_an_ingest_without_packets_goes_on(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start(OLD_COURSE, on_failure="keep")
    pipeline.deliver(run_until(pipeline, Step.PLAN))
    assert list(wiring(pipeline).packets.packets(ingest, PRIMARY)) == []
    planted = pipeline.prefix("v1", OLD_COURSE) + "assets/planted.txt"
    pipeline.bucket.store(planted, b"not ours")
    pipeline.run()
    assert pipeline.ingest(ingest).kept
    pipeline.bucket.mark_deleted(planted)

    pipeline.wiring.lifecycle.retry(ingest, by="operator")
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert (ended.status, ended.version) == (IngestStatus.SUCCEEDED, "v1")


def test_a_retry_waits_for_workers_of_the_attempt_before(pipeline: MemoryPipeline) -> None:
    """A claim that outlived its attempt would swallow the message of its packet."""
    ingest = pipeline.start(on_failure="keep")
    run_until(pipeline, Step.REPLICATE)
    attempt = pipeline.ingest(ingest)
    assert wiring(pipeline).packets.claim(attempt, PRIMARY, 0, claimant="slow") is not None
    lifecycle: Lifecycle = pipeline.wiring.lifecycle
    lifecycle.fail(attempt, Failure.of_ingest("dead-letter", "gone", stage=Stage.REPLICATING))
    lose_all_messages(pipeline)
    lifecycle.retry(ingest, by="operator")
    pipeline.run()

    let_time_pass(pipeline, minutes=1)

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_an_outage_while_renewing_a_claim_is_waited_out(
    pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has taken over, so nobody else would finish the packet."""
    ingest = pipeline.start()
    replicate = run_until(pipeline, Step.REPLICATE)

    def renew(*_: object) -> bool:
        raise StateUnavailable("DynamoDB does not answer")

    def wait_for_renewal(verb: str) -> None:
        for thread in threading.enumerate():
            if verb == "current" and thread.name == "claim":
                thread.join(timeout=30)  # It ends with the renewal that fails.

    with monkeypatch.context() as patched:
        patched.setattr(wiring(pipeline).packets, "renew", renew)
        patched.setattr(wiring(pipeline), "renew_every", 0.001)
        wiring(pipeline).source.on_call = wait_for_renewal
        pipeline.deliver(replicate)
    wiring(pipeline).source.on_call = None
    lose_all_messages(pipeline)

    let_time_pass(pipeline, minutes=1)

    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_two_planners_at_once_cut_one_inventory(pipeline: MemoryPipeline) -> None:
    """The first planner takes longer than a message stays hidden, and the source changes."""
    ingest = pipeline.start()
    plan = run_until(pipeline, Step.PLAN)
    source = wiring(pipeline).source

    def second_delivery(verb: str) -> None:
        if verb == "inventory":
            source.on_call = None
            pipeline.deliver(plan)
            pipeline.content.save(COURSE, "a-name-that-moves-all-offsets.txt", b"gamma")

    source.on_call = second_delivery
    pipeline.deliver(plan)
    source.on_call = None
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert ended.failure is None
    assert ended.status is IngestStatus.SUCCEEDED
    assert ended.inventory is not None
    assert ended.inventory.objects == len(pipeline.contents()) == 2
    assert ended.source_check is not None
    assert ended.source_check.added == 1


def test_a_kept_failure_of_registering_can_be_retried(pipeline: MemoryPipeline) -> None:
    """The manifest that the first attempt wrote is the one that the retry would write."""
    rotten = pipeline.content.save(COURSE, "rotten.txt", b"was this")
    pipeline.content.set_chunk(rotten, 0, b"was that")
    ingest = pipeline.start(on_failure="keep", corrupt_objects="record")
    run_until(pipeline, Step.REGISTER)
    attempt = pipeline.ingest(ingest)
    failure = Failure.of_ingest("dead-letter", "gone", stage=Stage.REGISTERING)
    pipeline.wiring.lifecycle.fail(attempt, failure)
    lose_all_messages(pipeline)
    wiring(pipeline).clock.advance(hours=1)
    pipeline.content.save(COURSE, "rotten.txt", b"was this")

    pipeline.wiring.lifecycle.retry(ingest, by="operator")
    pipeline.run()

    ended = pipeline.ingest(ingest)
    assert ended.failure is None
    assert ended.status is IngestStatus.SUCCEEDED


def test_nothing_is_sent_for_a_kept_failure(pipeline: MemoryPipeline) -> None:
    pipeline.bucket.fail("create", StorageFault.REFUSED)
    ingest = pipeline.backfill(on_failure="keep")
    assert ingest.kept
    assert names(pipeline.wiring.flow.messages(ingest)) == []


@pytest.mark.parametrize("step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.REGISTER])
def test_a_step_whose_record_was_kept_but_its_answer_lost_goes_on(
    pipeline: MemoryPipeline, step: Step
) -> None:
    ingest = pipeline.start()
    message = run_until(pipeline, step)
    changed: list[Ingest] = []

    def lose_the_answer(writes: Any) -> None:
        if any(write.item and write.key.sk == "INGEST" for write in writes) and not changed:
            changed.append(pipeline.ingest(ingest))
            raise StateUnavailable("the answer got lost")

    wiring(pipeline).state.after_write = lose_the_answer
    try:
        pipeline.deliver(message)
    except StateUnavailable:
        pipeline.deliver(message)
    wiring(pipeline).state.after_write = None
    pipeline.run()
    let_time_pass(pipeline, minutes=1)
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
