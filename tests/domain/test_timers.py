"""Timers: what is due is found, what is moved or cleared is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.clock import to_text
from course_backfill.errors import ConditionFailed
from course_backfill.messages import Step
from course_backfill.stores.timers import (
    PAGE,
    SHARDS,
    Timer,
    TimerKind,
    clear_timer,
    due_timers,
    find_timer,
    move_timer,
    set_timer,
)
from tests.generators import MORNING, create_message


def create_timer(ingest: str = "ingest-1", name: str = "watch", *, minutes: int = 0) -> Timer:
    due = to_text(MORNING + timedelta(minutes=minutes))
    return Timer(ingest=ingest, name=name, kind=TimerKind.WATCH, due_date=due)


def due(state: MemoryStateStore, *, minutes: int) -> list[str]:
    found = due_timers(state, MORNING + timedelta(minutes=minutes))
    return sorted(f"{timer.ingest} {timer.name}" for timer in found)


def test_a_timer_comes_back_as_it_was_set() -> None:
    state = MemoryStateStore()
    message = create_message(Step.VERIFY, replica="primary", packet=3)
    timer = create_timer().model_copy(update={"message": message, "since": "x", "attempts": 2})
    state.write(set_timer(timer))
    assert find_timer(state, "ingest-1", "watch") == timer
    assert find_timer(state, "ingest-1", "expiry") is None


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 20), max_size=20), st.integers(0, 21))
def test_what_is_due_is_found_whatever_its_shard(timers: dict[int, int], now: int) -> None:
    state = MemoryStateStore()
    for number, minutes in timers.items():
        state.write(set_timer(create_timer(f"ingest-{number}", minutes=minutes)))
    expected = sorted(
        f"ingest-{number} watch" for number, minutes in timers.items() if minutes < now
    )
    assert due(state, minutes=now) == expected


def test_ingests_spread_over_all_shards() -> None:
    writes = [set_timer(create_timer(f"ingest-{number}")) for number in range(200)]
    shards = {write.item["dueShard"] for write in writes if write.item}
    assert len(shards) == SHARDS


def test_the_earliest_come_first_and_the_rest_next_time() -> None:
    state = MemoryStateStore()
    for number in range(PAGE + 5):
        state.write(set_timer(create_timer(name=f"parked#{number}", minutes=number)))
    first = list(due_timers(state, MORNING + timedelta(days=1)))
    assert len(first) == PAGE
    for timer in first:
        state.write(clear_timer(timer.ingest, timer.name))
    assert len(list(due_timers(state, MORNING + timedelta(days=1)))) == 5


def test_a_cleared_timer_is_due_no_more_and_can_be_cleared_again() -> None:
    state = MemoryStateStore()
    state.write(set_timer(create_timer()))
    state.write(clear_timer("ingest-1", "watch"))
    state.write(clear_timer("ingest-1", "watch"))
    assert due(state, minutes=5) == []


def test_a_moved_timer_counts_the_attempt_and_is_due_later() -> None:
    state = MemoryStateStore()
    timer = create_timer()
    state.write(set_timer(timer))
    state.write(move_timer(timer, MORNING + timedelta(minutes=10), progress=7))
    moved = find_timer(state, "ingest-1", "watch")
    assert moved is not None
    assert (moved.attempts, moved.progress) == (1, 7)
    assert due(state, minutes=5) == []
    assert due(state, minutes=11) == ["ingest-1 watch"]


@pytest.mark.parametrize("meanwhile", ["moved", "cleared"])
def test_of_two_sweeps_one_moves_a_timer(meanwhile: str) -> None:
    state = MemoryStateStore()
    timer = create_timer()
    state.write(set_timer(timer))
    later = MORNING + timedelta(minutes=10)
    first = move_timer(timer, later) if meanwhile == "moved" else clear_timer("ingest-1", "watch")
    state.write(first)
    with pytest.raises(ConditionFailed):
        state.write(move_timer(timer, later))
    assert (find_timer(state, "ingest-1", "watch") is None) == (meanwhile == "cleared")
