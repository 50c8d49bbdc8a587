"""Whatever happens while a course is warmed: it ends, with every object or with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill.cold.looks import MAX_ROUNDS
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.errors import Conflict
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from course_backfill.ports import Write
from services.warmer.completions import DETAIL_TYPE
from services.warmer.wiring import build_completions
from tests.services.warming_world import FILES, CountedRestores, WarmingWorld

BUCKET = "one"


class Died(Exception):
    """The worker is gone."""


def cool_one(world: WarmingWorld, ingest: str) -> None:
    key = sorted(key for key in world.bucket.versions if "/assets/" in key)[0]
    world.bucket.archive(key, "GLACIER")


def repeat(world: WarmingWorld, ingest: str) -> None:
    world.deliver(world.warm_message(ingest))


def speed_up(world: WarmingWorld, ingest: str) -> None:
    try:
        world.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="operator")
    except Conflict:
        assert world.ingest(ingest).warming is not None


def hear(world: WarmingWorld, ingest: str) -> None:
    key = next(key for key in world.bucket.versions if "/assets/" in key)
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    build_completions(world.wiring).completed({"detail-type": DETAIL_TYPE, "detail": detail})


def lose_messages(world: WarmingWorld, ingest: str) -> None:
    world.wiring.messages.waiting.clear()


def break_down(world: WarmingWorld, ingest: str) -> None:
    world.bucket.is_unavailable = True
    world.pass_time(minutes=40)
    world.bucket.is_unavailable = False


def pass_hours(hours: int) -> Callable[[WarmingWorld, str], None]:
    return lambda world, ingest: world.pass_time(hours=hours)


ACTIONS = [
    cool_one,
    repeat,
    speed_up,
    hear,
    lose_messages,
    break_down,
    *(pass_hours(hours) for hours in (1, 3, 13, 30)),
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(ACTIONS), max_size=8),
    st.sampled_from(Tier),
    st.sampled_from(["GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS"]),
)
def test_it_ends_with_every_object_or_says_that_they_expired(
    actions: list[Callable[[WarmingWorld, str], None]], tier: Tier, kind: str
) -> None:
    world = WarmingWorld()
    with pytest.MonkeyPatch.context() as patch:
        restores = CountedRestores(world, patch)
        world.cool(kind)
        ingest = world.bring(restore=RestoreWish(tier=tier, days=1))
        for act in actions:
            act(world, ingest)
        world.run()
        for _ in range(6):
            world.pass_time(hours=24)
        ended = world.ingest(ingest)
        asked = len(restores.take())
    if ended.status is IngestStatus.SUCCEEDED:
        assert len(world.second.versions) == FILES + 3
        for key, versions in world.second.versions.items():
            assert versions[-1].content == world.bucket.versions[key][-1].content
    else:
        assert ended.failure is not None
        assert ended.failure.code == "restore-expired"
    # Each round and each raise asks for all at most; what expires soon is kept at most daily.
    raises = sum(act is speed_up for act in actions)
    assert asked <= FILES * (MAX_ROUNDS + raises + 1 + 8)


def dying(world: WarmingWorld, after: int, *, is_done: bool) -> None:
    """Lets the worker die at its so-and-so-many-th write, or when that is done."""
    left = [after]

    def die(writes: Sequence[Write]) -> None:
        if left[0] == 0:
            raise Died
        left[0] -= 1

    if is_done:
        world.wiring.state.after_write = die
    else:
        world.wiring.state.before_write = die


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("hours", [0, 6])
def test_a_warmer_that_dies_at_any_write_is_made_up_for(
    after: int, is_done: bool, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = WarmingWorld()
    restores = CountedRestores(world, monkeypatch)
    world.cool()
    ingest = world.bring(run=bool(hours))
    if hours:
        world.wiring.clock.advance(hours=hours)
        world.sweep()
    message = world.run(until=lambda one: one.step is Step.WARM)
    assert message is not None
    dying(world, after, is_done=is_done)
    try:
        world.deliver(message)
    except Died:
        world.wiring.messages.waiting.clear()
    world.wiring.state.before_write = world.wiring.state.after_write = None
    world.deliver(message)
    world.pass_time(hours=8)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.warming(ingest).rounds == 1
    assert len(restores.take()) <= 2 * FILES
