"""Shares of the read rate as workers take them: who waits for what, and who stops waiting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.errors import Fenced, InvalidInput, StateUnavailable
from course_backfill.ports import Write
from course_backfill.read_rate import MICROS, MOST_AHEAD
from course_backfill.settings import Settings
from course_backfill.stores.read_shares import KEY, ReadShares

RATE = 2_000_000
HALF = RATE // 2
RACES = 30
"""Lost in a row are an outage."""


class Day:
    """The time of day of all machines, which passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, tzinfo=UTC)
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


class Machine:
    """One worker process, whose clock may be off."""

    def __init__(
        self, state: MemoryStateStore, day: Day, *, off: timedelta = timedelta(), rate: int = RATE
    ) -> None:
        self.day = day
        self.checks = 0
        self.shares = ReadShares(state, lambda: day.now + off, rate=rate, pause=day.pause)

    def read(self, size: int) -> float:
        """The seconds that it waits before it may read so many bytes."""
        before = self.day.now
        self.shares.take(size, self.check)
        return (self.day.now - before).total_seconds()

    def check(self) -> None:
        self.checks += 1


@pytest.fixture
def state() -> MemoryStateStore:
    return MemoryStateStore()


@pytest.fixture
def day() -> Day:
    return Day()


def until(state: MemoryStateStore) -> int:
    item = state.get(KEY)
    assert item is not None
    return int(item["until"])


def test_the_first_waits_for_nothing_and_the_next_on_any_machine_for_the_first(
    state: MemoryStateStore, day: Day
) -> None:
    one, other = Machine(state, day), Machine(state, day)
    assert one.read(RATE) == 0
    assert other.read(2 * RATE) == 1
    assert one.read(RATE) == 2


def test_what_a_share_has_left_is_read_next_and_asks_nobody(
    state: MemoryStateStore, day: Day
) -> None:
    one = Machine(state, day)
    usual = one.shares.usual_bytes
    waits = [one.read(usual // 10) for _ in range(10)]
    taken = until(state)
    assert waits == [0] * 10
    one.read(1 + usual % 10)
    assert until(state) > taken


def test_a_wait_is_interrupted_by_the_check_every_second(state: MemoryStateStore, day: Day) -> None:
    one = Machine(state, day)
    one.read(5 * RATE)

    def over() -> None:
        if day.pauses:
            raise Fenced("somebody else has it")

    with pytest.raises(Fenced):
        one.shares.take(HALF, over)
    assert day.pauses == [1.0]


@pytest.mark.parametrize("waits", [0.25, 1.0])
def test_what_ends_the_work_during_the_wait_is_met_before_anything_is_read(
    state: MemoryStateStore, day: Day, waits: float
) -> None:
    one = Machine(state, day)
    one.read(max(int(RATE * waits), one.shares.usual_bytes))
    waits_end = day.now + timedelta(seconds=waits)

    def over() -> None:
        if day.now >= waits_end:
            raise Fenced("somebody else has it")

    with pytest.raises(Fenced):
        one.shares.take(HALF, over)


def test_nothing_is_given_out_that_begins_later_than_ten_seconds_from_now(
    state: MemoryStateStore, day: Day
) -> None:
    one = Machine(state, day)
    one.read(30 * RATE)
    given_out = until(state)

    def look() -> None:
        ahead = given_out - int(day.now.timestamp() * MICROS)
        assert ahead <= MOST_AHEAD or until(state) == given_out

    one.shares.take(RATE, look)
    assert until(state) == given_out + MICROS
    assert sum(day.pauses) == pytest.approx(30, abs=0.001)


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_stands_ahead_makes_nobody_wait_for_it(
    state: MemoryStateStore, day: Day, off: timedelta
) -> None:
    right, ahead = Machine(state, day), Machine(state, day, off=off)
    waits = [machine.read(HALF) for machine in (right, ahead, right, right, ahead)]
    new = Machine(state, day)
    waits += [machine.read(HALF) for machine in (new, right, ahead, new, right)]
    # At most for the share before it, and that long once more where all that a machine knows of
    # the time is when that one was taken.
    assert max(waits) <= 1.001
    assert sum(waits) <= 6


def test_a_clock_that_is_set_back_goes_on_where_it_was(state: MemoryStateStore, day: Day) -> None:
    one = Machine(state, day)
    one.read(HALF)
    day.now -= timedelta(hours=2)
    assert [one.read(HALF) for _ in range(4)] == pytest.approx([0.5] * 4, abs=0.001)


def test_machines_with_another_rate_of_today_share_the_record(
    state: MemoryStateStore, day: Day
) -> None:
    by_day, by_night = Machine(state, day), Machine(state, day, rate=10 * RATE)
    by_day.read(RATE)
    assert by_night.read(10 * RATE) == 1
    assert by_day.read(RATE) == 1


def test_a_share_whose_answer_was_lost_is_read_by_nobody(state: MemoryStateStore, day: Day) -> None:
    one = Machine(state, day)

    def lose(_: Sequence[Write]) -> None:
        state.after_write = None
        raise StateUnavailable("the answer got lost")

    state.after_write = lose
    with pytest.raises(StateUnavailable):
        one.read(RATE)
    assert one.read(RATE) == 1


def move_on(state: MemoryStateStore, micros: int) -> None:
    """Somebody else was faster to take so much."""
    item = state.get(KEY) or {"seen": 0, "until": 0}
    state.write(Write(KEY, item={"seen": item["seen"], "until": item["until"] + micros}))


def test_whoever_loses_a_race_gets_the_share_behind(state: MemoryStateStore, day: Day) -> None:
    one, faster = Machine(state, day), Machine(state, day)

    def overtake(_: Sequence[Write]) -> None:
        state.before_write = None
        assert faster.read(RATE) == 0

    state.before_write = overtake
    assert one.read(HALF) == pytest.approx(1, abs=0.001)


def test_whoever_loses_every_race_gives_up_as_in_any_outage(
    state: MemoryStateStore, day: Day
) -> None:
    one = Machine(state, day)
    one.read(HALF)
    state.before_write = lambda _: move_on(state, 1)
    with pytest.raises(StateUnavailable, match="read rate"):
        one.read(RATE)
    assert len(day.pauses) == RACES


def test_races_lost_before_a_long_wait_count_no_more_after_it(
    state: MemoryStateStore, day: Day
) -> None:
    one = Machine(state, day)
    one.read(HALF)
    lost: list[int] = []

    def overtake(_: Sequence[Write]) -> None:
        lost.append(1)
        if len(lost) == 4 * RACES:
            state.before_write = None
        is_last = len(lost) % (RACES // 2) == 0
        move_on(state, 2 * MOST_AHEAD if is_last else 1)

    state.before_write = overtake
    assert one.read(HALF) > 8 * MOST_AHEAD / MICROS
    assert len(lost) == 4 * RACES


def pauses(day: Day, *, lost: int = 0, ahead: int = 0) -> list[float]:
    """Of one that loses so many races, then finds so many microseconds given out."""
    state = MemoryStateStore()
    one = Machine(state, day)
    one.read(HALF)
    move_on(state, ahead)
    races = iter(range(lost))

    def overtake(_: Sequence[Write]) -> None:
        if next(races, None) is not None:
            move_on(state, 1)

    state.before_write = overtake
    one.read(HALF)
    return day.pauses


def test_those_that_lost_the_same_race_try_again_at_different_times() -> None:
    one, other = pauses(Day(), lost=9), pauses(Day(), lost=9)
    assert all(mine != others for mine, others in zip(one[:9], other[:9], strict=True))
    assert max(*one[:9], *other[:9]) <= 1


def test_those_that_wait_for_the_same_moment_look_again_at_different_times() -> None:
    one, other = (pauses(Day(), ahead=6 * MOST_AHEAD) for _ in range(2))
    assert one != other
    assert sum(one) == pytest.approx(sum(other), abs=0.001)


@pytest.mark.parametrize("wrong", ["0", "-1", "20", "99999", "2.5", "20MB"])
def test_a_rate_that_was_meant_in_megabytes_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_SOURCE_BYTES_PER_SECOND", wrong)
    with pytest.raises(InvalidInput) as refusal:
        Settings.load()
    [problem] = refusal.value.problems
    assert problem.pointer == "COURSE_BACKFILL_SOURCE_BYTES_PER_SECOND"


def test_a_rate_is_a_number_of_bytes_and_unset_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_SOURCE_BYTES_PER_SECOND", "20000000")
    assert Settings.load().source_bytes_per_second == 20_000_000
    monkeypatch.setenv("COURSE_BACKFILL_SOURCE_BYTES_PER_SECOND", "")
    assert Settings.load().source_bytes_per_second is None
