"""While copying goes on, what was restored stays so, and what expired is restored again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from course_backfill.cold.looks import MAX_ROUNDS
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.messages import Step, StepMessage
from tests.services.warming_world import FILES, CountedRestores, WarmingWorld

A_DAY = RestoreWish(days=1)


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld()


@pytest.fixture
def restores(world: WarmingWorld, monkeypatch: pytest.MonkeyPatch) -> CountedRestores:
    return CountedRestores(world, monkeypatch)


def warmed(world: WarmingWorld, restore: RestoreWish = A_DAY) -> tuple[str, StepMessage]:
    """An ingest whose objects are all restored, and the message to copy them, held back."""
    world.cool()
    ingest = world.bring(restore=restore)
    world.wiring.clock.advance(hours=6)
    world.sweep()
    message = world.run(until=lambda one: one.step is Step.REPLICATE)
    assert message is not None
    assert world.ingest(ingest).stage is Stage.REPLICATING
    return ingest, message


def hold_back(world: WarmingWorld, *, hours: int) -> None:
    """Lets time pass in which nothing is copied."""
    for _ in range(hours * 2):
        world.wiring.clock.advance(minutes=30)
        world.sweep()
        held = []
        while world.wiring.messages.waiting:
            one = world.wiring.messages.waiting.popleft()
            if one.step is Step.REPLICATE:
                held.append(one)
            else:
                world.deliver(one)
        world.wiring.messages.waiting.extend(held[:1])


def test_what_is_restored_lasts_while_copying_is_slow(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    ingest, message = warmed(world)
    restores.take()
    hold_back(world, hours=100)
    kept = len(restores.take())
    assert 2 * FILES <= kept <= 5 * FILES
    world.deliver(message)
    world.run()
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.warming(ingest).rounds == 1


def test_nothing_is_kept_that_has_its_copy_already(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    ingest, message = warmed(world)
    world.deliver(message)
    restores.take()
    world.wiring.clock.advance(hours=30)
    world.deliver(world.warm_message(ingest))
    assert restores.take() == []
    assert world.timer(ingest) is None


def test_what_expired_before_it_was_read_is_restored_again(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    ingest, message = warmed(world)
    restores.take()
    world.wiring.clock.advance(hours=60)
    world.deliver(message)
    world.run()
    assert world.ingest(ingest).stage is Stage.REPLICATING
    assert len(restores.take()) == FILES
    assert world.warming(ingest).rounds == 2
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_one_cold_object_in_the_middle_of_a_packet_is_waited_for_alone(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    ingest, message = warmed(world)
    restores.take()
    _, middle, _ = world.cool()[:3]
    for key in world.bucket.versions:
        if "/assets/" in key and key != middle:
            world.bucket.change(key, storage_class="STANDARD")
    world.deliver(message)
    world.run()
    assert [key for key, _, _ in restores.take()] == [middle]
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_an_object_archived_after_planning_is_restored_too(world: WarmingWorld) -> None:
    ingest = world.bring(run=False)
    message = world.run(until=lambda one: one.step is Step.REPLICATE)
    assert message is not None
    world.cool()
    world.deliver(message)
    world.run()
    assert world.warming(ingest).asked == FILES
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_restoring_again_and_again_ends_with_the_reason(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    ingest, message = warmed(world)
    asked = len(restores.take())
    while world.ingest(ingest).status is IngestStatus.PROCESSING:
        world.cool()
        world.deliver(message)
        world.run(until=lambda one: one.step is Step.REPLICATE)
        asked += len(restores.take())
        for key in world.cool():
            world.wiring.restorer(world.wiring.primary).restore(key, days=1, tier=Tier.STANDARD)
        restores.take()
        world.wiring.clock.advance(hours=6)
        world.deliver(world.warm_message(ingest))
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "restore-expired"
    assert "--days" in failure.action
    assert asked == MAX_ROUNDS * FILES


def test_early_copies_last_until_the_late_ones_are_there(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    """With one day and a slower tier the first would be gone before the last can be read."""
    early, *late = world.cool("DEEP_ARCHIVE")
    world.wiring.restorer(world.wiring.primary).restore(early, days=1, tier=Tier.STANDARD)
    world.wiring.clock.advance(hours=12)
    restores.take()
    ingest = world.bring(restore=RestoreWish(tier=Tier.BULK, days=1))
    assert sorted({key for key, _, _ in restores.take()}) == late
    world.pass_time(hours=49)
    assert early in {key for key, _, _ in restores.take()}
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.warming(ingest).rounds == 1


def test_it_comes_back_before_the_first_copy_expires(world: WarmingWorld) -> None:
    ingest, _ = warmed(world, RestoreWish(days=3))
    expires = world.warming(ingest).readable_until
    timer = world.timer(ingest)
    assert expires is not None
    assert timer is not None
    assert timer.due_date < expires
    assert world.hours_to_look(ingest) > timedelta(days=2) / timedelta(hours=1)


def test_who_waited_for_a_restore_goes_on_as_soon_as_it_is_seen(world: WarmingWorld) -> None:
    ingest, message = warmed(world)
    world.wiring.clock.advance(hours=60)
    world.deliver(message)
    world.run()
    world.wiring.clock.advance(hours=6)
    world.deliver(world.warm_message(ingest))
    assert [one.step for one in world.wiring.messages.waiting] == [Step.REPLICATE]
    world.run()
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_waiting_packet_does_not_have_the_warmer_look_again_and_again(
    world: WarmingWorld,
) -> None:
    ingest, message = warmed(world)
    world.wiring.clock.advance(hours=60)
    world.deliver(message)
    world.run()
    world.wiring.messages.sent.clear()
    world.pass_time(hours=2)
    assert world.ingest(ingest).stage is Stage.REPLICATING
    assert len(world.wiring.messages.sent) <= 3


def test_an_outage_while_days_of_copying_are_kept_warm_ends_nothing(world: WarmingWorld) -> None:
    ingest, message = warmed(world, RestoreWish(days=30))
    hold_back(world, hours=120)
    world.bucket.is_unavailable = True
    world.deliver(world.warm_message(ingest))
    hold_back(world, hours=2)
    world.bucket.is_unavailable = False
    assert world.ingest(ingest).stage is Stage.REPLICATING
    world.deliver(message)
    world.run()
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_restore_that_someone_else_began_late_is_waited_for_anew(world: WarmingWorld) -> None:
    ingest, message = warmed(world)
    world.wiring.clock.advance(hours=120)
    for key in world.cool():
        world.wiring.restorer(world.wiring.primary).restore(key, days=1, tier=Tier.BULK)
    world.deliver(message)
    world.run()
    assert world.ingest(ingest).stage is Stage.REPLICATING
    world.pass_time(hours=13)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


@pytest.mark.parametrize("files", [5, 20])
def test_looks_do_not_multiply_with_the_packets_that_went_cold_after_planning(
    files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 1)
    world = WarmingWorld(files=files)
    ingest = world.bring(run=False)
    message = world.run(until=lambda message: message.step is Step.REPLICATE)
    assert message is not None
    world.cool()
    world.wiring.messages.sent.clear()
    world.deliver(message)
    world.run()
    looks = [one for one in world.wiring.messages.sent if one.step is Step.WARM]
    assert len(looks) == 1
    assert world.warming(ingest).asked == files
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert sum(one.step is Step.WARM for one in world.wiring.messages.sent) < 20
