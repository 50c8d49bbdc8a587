"""The least read rate that a stage accepts: functions that share it are through in time."""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.errors import OutOfTime
from course_backfill.packets import MAX_PACKET_BYTES
from course_backfill.ports import Item, Key, Write
from course_backfill.run_time import deadline, limited
from course_backfill.stores.read_shares import ReadShares
from infra.stage_checks import least_read_rate
from infra.stage_parts import FunctionLimits

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REQUEST_SECONDS = 0.01
BYTES_PER_SECOND = 60_000_000
"""What a function copies."""
RUNS = 2
"""Of each function, one after the other."""


class OneClock:
    """Time that passes only while all workers wait. One of them works at a time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._turns: list[tuple[float, int, threading.Semaphore]] = []
        self._given = 0
        self._own = threading.local()

    def pause(self, seconds: float) -> None:
        """The worker's turn is over, and comes again after so many seconds."""
        turn = self._own.turn
        self._wish(seconds, turn)
        self._next()
        turn.acquire()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Does them side by side, in an order that is the same each time; raises what they do."""
        with ThreadPoolExecutor(len(works)) as pool:
            under_way = []
            for work in works:
                turn = threading.Semaphore(0)
                self._wish(0, turn)
                under_way.append(pool.submit(self._work, work, turn))
            self._next()
            for one in under_way:
                one.result()

    def _work(self, work: Callable[[], None], turn: threading.Semaphore) -> None:
        self._own.turn = turn
        turn.acquire()
        try:
            work()
        finally:
            self._next()

    def _wish(self, seconds: float, turn: threading.Semaphore) -> None:
        self._given += 1
        heapq.heappush(self._turns, (self.seconds + seconds, self._given, turn))

    def _next(self) -> None:
        if self._turns:
            self.seconds, _, turn = heapq.heappop(self._turns)
            turn.release()


class DistantState(MemoryStateStore):
    """Each request takes its time, so that workers lose races."""

    def __init__(self, clock: OneClock) -> None:
        super().__init__()
        self._clock = clock

    def get(self, key: Key) -> Item | None:
        item = super().get(key)
        self._clock.pause(REQUEST_SECONDS)
        return item

    def write(self, *writes: Write) -> None:
        self._clock.pause(REQUEST_SECONDS)
        super().write(*writes)


def runs(functions: int, *, timeout: int, rate: int) -> list[bool]:
    """Whether each run was late, of functions that copy a full packet each, again and again."""
    clock = OneClock()
    state = DistantState(clock)
    late: list[bool] = []

    def function() -> None:
        shares = ReadShares(
            state, lambda: NOON + timedelta(seconds=clock.seconds), rate=rate, pause=clock.pause
        )
        for _ in range(RUNS):
            with limited(timeout, now=lambda: clock.seconds):
                late.append(not is_copied(shares, clock))

    clock.run([function] * functions)
    return late


def is_copied(shares: ReadShares, clock: OneClock) -> bool:
    """Copies a packet in batches of a usual share, unless its run is over before."""
    left = MAX_PACKET_BYTES
    try:
        while left:
            batch = min(left, shares.usual_bytes)
            shares.take(batch, deadline().check)
            clock.pause(batch / BYTES_PER_SECOND)
            left -= batch
        deadline().check()
    except OutOfTime:
        return False
    return True


def least(functions: int, timeout: int) -> int:
    limits = FunctionLimits(timeout_seconds=timeout, at_once={"replicator": functions})
    return least_read_rate(limits)


@pytest.fixture(autouse=True)
def same_chances() -> None:
    """Who looks again at which moment is left to chance, here the same each time."""
    random.seed(0)


@pytest.mark.parametrize(
    ("functions", "timeout"), [(2, 60), (8, 60), (2, 300), (8, 300), (64, 300), (2, 900), (8, 900)]
)
def test_at_the_least_rate_no_run_is_late(functions: int, timeout: int) -> None:
    late = runs(functions, timeout=timeout, rate=least(functions, timeout))
    assert late == [False] * functions * RUNS


@pytest.mark.parametrize("functions", [2, 8, 20])
def test_a_rate_that_has_no_time_to_spare_makes_runs_late(functions: int) -> None:
    rate = least(functions, 300) * 4 // 5
    assert any(runs(functions, timeout=300, rate=rate))
