"""Warming: cold objects are restored before they are copied, and waiting for them costs nothing."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.messages import Step
from course_backfill.progress import progress_of
from tests.services.memory_pipeline import COURSE
from tests.services.warming_world import (
    FILES,
    CountedRestores,
    WarmingWorld,
    counted_requests,
    restores_that_take,
)


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld()


@pytest.fixture
def restores(world: WarmingWorld, monkeypatch: pytest.MonkeyPatch) -> CountedRestores:
    return CountedRestores(world, monkeypatch)


def test_a_cold_course_is_restored_then_copied(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring()
    assert world.ingest(ingest).stage is Stage.WARMING
    assert (world.warming(ingest).asked, world.warming(ingest).ready) == (FILES, 0)
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert len(world.second.versions) == FILES + 3


def test_it_says_what_was_asked_for_and_how_long_that_takes(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring()
    asked = world.event(ingest, "asked").description
    assert "Asked for 3 of 3 cold object(s), 36 bytes, with tier Standard: 5 hours" in asked
    assert "0 of 3 cold object(s) can be read" in world.event(ingest, "waiting").description
    world.pass_time(hours=6)
    assert "3 of 3 cold object(s) can be read" in world.event(ingest, "succeeded").description


def test_two_days_of_waiting_are_waited_out_with_few_looks(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool("DEEP_ARCHIVE")
    ingest = world.bring(restore=RestoreWish(tier=Tier.BULK, days=1))
    assert world.hours_to_look(ingest) == 48
    looked = world.wiring.messages.sent.count(world.warm_message(ingest))
    world.pass_time(hours=47)
    assert world.ingest(ingest).stage is Stage.WARMING
    assert world.wiring.messages.sent.count(world.warm_message(ingest)) == looked
    world.pass_time(hours=2)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_no_time_left_is_guessed_while_it_waits(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.ingest(world.bring())
    replicas = world.wiring.packets.replicas(ingest.id)
    events = world.wiring.ingests.events(ingest.id)
    progress = progress_of(ingest, replicas, events, world.wiring.clock())
    assert progress is not None
    assert (progress.percent, progress.seconds_left) == (0, None)


def test_what_someone_else_has_restored_or_asked_for_is_taken(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    first, second, _ = world.cool()
    world.wiring.restorer(world.wiring.primary).restore(first, days=3, tier=Tier.STANDARD)
    world.wiring.clock.advance(hours=5)
    world.wiring.restorer(world.wiring.primary).restore(second, days=3, tier=Tier.STANDARD)
    restores.take()
    ingest = world.bring()
    assert (world.warming(ingest).ready, world.warming(ingest).asked) == (1, 2)
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert first not in {key for key, _, _ in restores.take()}


def test_what_is_readable_already_is_copied_at_once(world: WarmingWorld) -> None:
    for key in world.cool():
        world.wiring.restorer(world.wiring.primary).restore(key, days=3, tier=Tier.STANDARD)
    world.wiring.clock.advance(hours=6)
    assert world.ingest(world.bring()).status is IngestStatus.SUCCEEDED


def test_intelligent_tiering_is_restored_for_good(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool("DEEP_ARCHIVE_ACCESS")
    ingest = world.bring()
    assert {days for _, days, _ in restores.take()} == {None}
    assert world.hours_to_look(ingest) == 12
    world.pass_time(hours=13)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.timer(ingest) is None


def test_deep_archive_is_asked_for_with_a_tier_that_it_offers(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool("DEEP_ARCHIVE")
    ingest = world.bring(restore=RestoreWish(tier=Tier.EXPEDITED))
    assert {tier for _, _, tier in restores.take()} == {Tier.STANDARD}
    assert world.warming(ingest).asked_tier is Tier.STANDARD


def test_without_capacity_for_expedited_the_standard_tier_is_asked_for(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool()
    world.bucket.fail("restore", StorageFault.NO_CAPACITY)
    ingest = world.bring(restore=RestoreWish(tier=Tier.EXPEDITED))
    assert "no capacity" in world.event(ingest, "fell-back").description
    assert world.warming(ingest).asked == FILES
    assert restores.take()[-1][2] is Tier.STANDARD
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_denied_restore_fails_and_names_the_permission(world: WarmingWorld) -> None:
    world.cool()
    world.bucket.fail("restore", StorageFault.REFUSED, times=FILES)
    failed = world.ingest(world.bring())
    assert failed.status is IngestStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "restore-refused"
    assert "s3:RestoreObject" in failed.failure.action


def test_it_gives_up_when_restoring_takes_too_long(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    restores_that_take(world, monkeypatch, days=30)
    world.cool()
    ingest = world.bring()
    world.pass_time(hours=95)
    assert world.ingest(ingest).stage is Stage.WARMING
    world.pass_time(hours=2)
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "restore-overdue"
    assert "3 of 3 cold object(s) still cannot be read" in failure.detail


def test_an_outage_on_the_second_day_of_warming_is_waited_out(world: WarmingWorld) -> None:
    world.cool("DEEP_ARCHIVE")
    ingest = world.bring(restore=RestoreWish(tier=Tier.BULK))
    world.pass_time(hours=47)
    world.bucket.is_unavailable = True
    world.pass_time(hours=4)
    assert world.ingest(ingest).status is IngestStatus.PROCESSING
    world.bucket.is_unavailable = False
    world.pass_time(hours=1)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_an_outage_longer_than_the_patience_ends_the_ingest(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring()
    world.bucket.is_unavailable = True
    world.pass_time(hours=100)
    assert world.ingest(ingest).status is IngestStatus.FAILED


def test_a_cancelled_warming_ends_and_late_messages_do_nothing(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool()
    ingest = world.bring()
    late = world.warm_message(ingest)
    world.wiring.lifecycle.cancel(ingest, by="operator")
    world.run()
    assert world.ingest(ingest).status is IngestStatus.CANCELLED
    restores.take()
    world.deliver(late)
    world.pass_time(hours=6)
    assert restores.take() == []
    assert world.wiring.courses.get(str(COURSE)).active_ingest is None


@pytest.mark.parametrize("copies", [2, 3])
def test_repeated_messages_ask_for_nothing_twice_and_end_the_same(
    world: WarmingWorld, restores: CountedRestores, copies: int
) -> None:
    world.cool()
    ingest = world.bring(run=False)
    world.run(copies=copies)
    assert len(restores.take()) == FILES
    for _ in range(40):
        world.wiring.clock.advance(minutes=10)
        world.sweep()
        world.run(copies=copies)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.warming(ingest).rounds == 1


def test_two_warmers_at_once_ask_and_end_as_one(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring(run=False)
    message = world.run(until=lambda one: one.step is Step.WARM)
    assert message is not None
    warmer = world.step("warmer")
    before = world.ingest(ingest)
    warmer.handle(message)
    # The other one had read the ingest before the first wrote anything.
    reads = iter([before])
    find = world.wiring.ingests.find
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.wiring.ingests, "find", lambda one: next(reads, None) or find(one))
        warmer.handle(message)
    assert (world.warming(ingest).asked, world.warming(ingest).rounds) == (FILES, 1)
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_deleted_object_keeps_nobody_waiting(world: WarmingWorld) -> None:
    gone, *_ = world.cool()
    ingest = world.bring()
    world.bucket.mark_deleted(gone)
    world.pass_time(hours=6)
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "source-copy-changed"


def test_the_state_is_not_asked_more_often_for_more_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = []
    for files in (5, 300):
        world = WarmingWorld(files=files)
        world.cool()
        ingest = world.bring(run=False)
        message = world.run(until=lambda one: one.step is Step.WARM)
        assert message is not None
        asked = counted_requests(world, monkeypatch)
        world.deliver(message)
        assert world.warming(ingest).asked == files
        counts.append(len(asked))
    assert counts[0] == counts[1] < 15
