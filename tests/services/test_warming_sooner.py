"""What makes warming faster: tiers raised on request, words of S3, a bounded run that goes on."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.clock import from_text
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.errors import Conflict, NotFound
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.messages import Step
from services.warmer.asking import AT_ONCE
from services.warmer.completions import DETAIL_TYPE, is_completion
from services.warmer.handler import lambda_handler
from services.warmer.warmer import Warmer
from services.warmer.wiring import build_completions
from tests.services.memory_pipeline import COURSE
from tests.services.warming_world import (
    FILES,
    CountedRestores,
    WarmingWorld,
    counted_requests,
)

BULK = RestoreWish(tier=Tier.BULK)


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld()


@pytest.fixture
def restores(world: WarmingWorld, monkeypatch: pytest.MonkeyPatch) -> CountedRestores:
    return CountedRestores(world, monkeypatch)


def completion(key: str, bucket: str = "one") -> dict[str, Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"source": "aws.s3", "detail-type": DETAIL_TYPE, "detail": detail}


# --- tiers ---


def test_a_raised_tier_speeds_up_what_is_under_way_once(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool()
    ingest = world.bring(restore=BULK)
    world.pass_time(hours=1)
    restores.take()
    world.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="somebody")
    world.run()
    assert [tier for _, _, tier in restores.take()] == [Tier.EXPEDITED] * FILES
    world.deliver(world.warm_message(ingest))
    assert restores.take() == []
    assert world.warming(ingest).asked_tier is Tier.EXPEDITED
    event = world.event(ingest, "raised")
    assert event.requested_by == "somebody"
    world.pass_time(minutes=30)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_raise_tells_the_new_time(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring(restore=BULK)
    before = world.warming(ingest).ready_by_date or ""
    world.wiring.restore_tiers.raise_tier(ingest, Tier.STANDARD, by="operator")
    world.run()
    after = world.warming(ingest).ready_by_date or ""
    assert from_text(before) - from_text(after) > timedelta(hours=6)
    assert world.hours_to_look(ingest) == 3


def test_a_raise_without_capacity_can_be_asked_for_again(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool()
    ingest = world.bring(restore=BULK)
    world.bucket.fail("restore", StorageFault.NO_CAPACITY, times=1)
    world.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="operator")
    world.run()
    assert world.warming(ingest).asked_tier is Tier.STANDARD
    restores.take()
    world.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="operator")
    world.run()
    assert world.warming(ingest).asked_tier is Tier.EXPEDITED
    assert len(restores.take()) == FILES


def test_a_raise_to_the_same_tier_asks_for_nothing(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    world.cool()
    ingest = world.bring()
    restores.take()
    world.wiring.restore_tiers.raise_tier(ingest, Tier.STANDARD, by="operator")
    world.run()
    assert restores.take() == []


def test_restores_are_never_slowed_down(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring()
    with pytest.raises(Conflict, match="cannot be slowed down to Bulk"):
        world.wiring.restore_tiers.raise_tier(ingest, Tier.BULK, by="operator")


def test_only_what_is_being_restored_can_be_sped_up(world: WarmingWorld) -> None:
    ingest = world.bring()
    with pytest.raises(Conflict, match="waits for no restore"):
        world.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="operator")
    with pytest.raises(NotFound):
        world.wiring.restore_tiers.raise_tier("nothing", Tier.EXPEDITED, by="operator")


# --- words of S3 ---


def test_a_word_of_s3_brings_the_next_look_forward(world: WarmingWorld) -> None:
    first, *_ = world.cool()
    ingest = world.bring(restore=BULK)
    build_completions(world.wiring).completed(completion(first))
    assert world.hours_to_look(ingest) == pytest.approx(1 / 60, abs=0.01)
    world.pass_time(minutes=10)
    assert world.ingest(ingest).stage is Stage.WARMING


def test_thousands_of_words_read_the_state_once(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = world.cool()
    world.bring(restore=BULK)
    completions = build_completions(world.wiring)
    asked = counted_requests(world, monkeypatch)
    for number in range(1000):
        completions.completed(completion(keys[number % FILES]))
    assert len(asked) < 10


def test_a_word_never_puts_a_look_off(world: WarmingWorld) -> None:
    first, *_ = world.cool()
    ingest = world.bring(restore=BULK)
    build_completions(world.wiring).completed(completion(first))
    before = world.timer(ingest)
    world.wiring.clock.advance(seconds=30)
    build_completions(world.wiring).completed(completion(first))
    assert world.timer(ingest) == before


@pytest.mark.parametrize(
    "event",
    [
        completion("courses/course-v1:Org1+Other+R1/v1/assets/a"),
        completion("elsewhere/a"),
        completion("courses/not a course/v1/a"),
        completion(f"courses/{COURSE}/v1/assets/file-00000.txt", bucket="a stranger's"),
        {"detail-type": DETAIL_TYPE},
        {"detail-type": DETAIL_TYPE, "detail": {"bucket": "one"}},
    ],
)
def test_words_about_other_things_do_nothing(world: WarmingWorld, event: dict[str, Any]) -> None:
    world.cool()
    ingest = world.bring(restore=BULK)
    before = world.timer(ingest)
    build_completions(world.wiring).completed(event)
    assert world.timer(ingest) == before


def test_a_word_when_nobody_waits_does_nothing(world: WarmingWorld) -> None:
    first, *_ = world.cool()
    build_completions(world.wiring).completed(completion(first))
    assert world.sweep() == 0


def test_a_false_word_costs_a_look_and_nothing_else(
    world: WarmingWorld, restores: CountedRestores
) -> None:
    first, *_ = world.cool()
    ingest = world.bring(restore=BULK)
    restores.take()
    build_completions(world.wiring).completed(completion(first))
    world.pass_time(minutes=10)
    assert restores.take() == []
    assert world.hours_to_look(ingest) == pytest.approx(4.83, abs=0.2)


def test_the_handler_takes_words_of_s3_too(
    world: WarmingWorld,
) -> None:
    first, *_ = world.cool()
    ingest = world.bring(restore=BULK)
    context = LambdaContext()
    handle = lambda_handler.on(world.wiring)
    assert handle(completion(first), context) == {"batchItemFailures": []}
    assert world.hours_to_look(ingest) < 1


def test_batches_of_messages_are_no_words_of_s3() -> None:
    assert not is_completion({"Records": []})
    assert is_completion(completion("any"))


# --- a bounded run ---


@pytest.fixture
def slow_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopwatch on which some objects that are asked for together take 25 seconds."""
    looks = count(step=25.0)

    def monotonic() -> float:
        return next(looks)

    made = Warmer.__init__

    def patched(self: Warmer, **options: Any) -> None:
        made(self, monotonic=monotonic, **options)

    monkeypatch.setattr(Warmer, "__init__", patched)


@pytest.mark.usefixtures("slow_asking")
def test_a_long_run_ends_and_goes_on_with_a_message_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = 5 * AT_ONCE
    world = WarmingWorld(files=files, restore_requests_per_second=1000)
    restores = CountedRestores(world, monkeypatch)
    world.cool()
    ingest = world.bring(run=False)
    message = world.run(until=lambda one: one.step is Step.WARM)
    assert message is not None
    world.deliver(message)
    assert list(world.wiring.messages.waiting) == [message]
    some = world.warming(ingest)
    assert 0 < some.asked < files == some.objects
    world.run()
    assert world.warming(ingest).asked == files
    assert world.warming(ingest).rounds == 1
    assert len(restores.take()) == files


@pytest.mark.usefixtures("slow_asking")
def test_a_raise_goes_on_where_a_run_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    files = 5 * AT_ONCE
    world = WarmingWorld(files=files, restore_requests_per_second=1000)
    restores = CountedRestores(world, monkeypatch)
    world.cool()
    ingest = world.bring(restore=BULK)
    restores.take()
    world.wiring.restore_tiers.raise_tier(ingest, Tier.STANDARD, by="operator")
    world.run()
    raised = restores.take()
    assert len(raised) == len(set(raised)) == files
    assert world.warming(ingest).raised_to is None
