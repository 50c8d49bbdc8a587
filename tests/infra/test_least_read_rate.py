"""The least read rate that a stage accepts: functions that share it are through in time."""

from __future__ import annotations

import random

import pytest

from course_backfill.errors import OutOfTime
from course_backfill.packets import MAX_PACKET_BYTES
from course_backfill.run_time import deadline, limited
from course_backfill.stores.read_shares import ReadShares
from infra.stage_checks import least_read_rate
from infra.stage_parts import FunctionLimits
from tests.generators import ManualClock
from tests.turns import DistantState, Turns

REQUEST_SECONDS = 0.01
BYTES_PER_SECOND = 60_000_000
"""What a function copies."""
RUNS = 2
"""Of each function, one after the other."""


def runs(functions: int, *, timeout: int, rate: int) -> list[bool]:
    """Whether each run was late, of functions that copy a full packet each, again and again."""
    clock = ManualClock()
    turns = Turns(clock)
    state = DistantState(turns, REQUEST_SECONDS)
    late: list[bool] = []

    def seconds() -> float:
        return clock.now.timestamp()

    def function() -> None:
        shares = ReadShares(state, clock, rate=rate, pause=turns.pause)
        for _ in range(RUNS):
            with limited(timeout, now=seconds):
                late.append(not is_copied(shares, turns))

    turns.run(*[function] * functions)
    return late


def is_copied(shares: ReadShares, turns: Turns) -> bool:
    """Copies a packet in batches of a usual share, unless its run is over before."""
    left = MAX_PACKET_BYTES
    try:
        while left:
            batch = min(left, shares.usual_bytes)
            shares.take(batch, deadline().check)
            turns.pause(batch / BYTES_PER_SECOND)
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
