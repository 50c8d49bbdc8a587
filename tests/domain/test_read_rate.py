"""The read rate: whoever reads when, no more is read than the rate allows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.ports import Write
from course_backfill.read_rate import MICROS, MOST_AHEAD, GivenOut, share_bytes
from course_backfill.stores.read_shares import ReadShares
from tests.generators import ManualClock
from tests.turns import DistantState, Turns

NOON = 1_772_000_000 * MICROS
HOUR = 3_600 * MICROS
REQUEST_SECONDS = 0.005
LARGEST = 8 * 1024 * 1024
SPREAD_SECONDS = 1.0

rates = st.integers(1_000_000, 10**9)
sizes = st.integers(1, LARGEST)
gaps = st.integers(0, 20 * MICROS)


@dataclass(frozen=True)
class Machine:
    """A process with a clock that is off by so much, each of whose threads pauses and reads."""

    off: timedelta
    threads: list[list[tuple[float, int]]]


wishes = st.lists(st.tuples(st.floats(0, 20), sizes), min_size=1, max_size=5)


def machines(offs: st.SearchStrategy[timedelta]) -> st.SearchStrategy[list[Machine]]:
    """At most a dozen threads in four processes."""
    threads = st.lists(wishes, min_size=1, max_size=3)
    return st.lists(st.builds(Machine, offs, threads), min_size=1, max_size=4)


right = machines(st.just(timedelta()))
wrong = machines(st.timedeltas(timedelta(hours=-1), timedelta(hours=1)))


def read(machines: Sequence[Machine], rate: int) -> list[tuple[int, int]]:
    """When how many bytes were first allowed to be read, all machines sharing one record."""
    clock = ManualClock()
    turns = Turns(clock)
    state = DistantState(turns, REQUEST_SECONDS)
    begun: list[tuple[int, int]] = []

    def clock_of(off: timedelta) -> datetime:
        return clock.now + off

    def reader(shares: ReadShares, wanted: list[tuple[float, int]]) -> None:
        for gap, size in wanted:
            turns.pause(gap)
            shares.take(size, lambda: None)
            begun.append((round(clock.now.timestamp() * MICROS), size))

    readers: list[Callable[[], None]] = []
    for machine in machines:
        now = partial(clock_of, machine.off)
        shares = ReadShares(state, now, rate=rate, pause=turns.pause)
        readers += [partial(reader, shares, thread) for thread in machine.threads]
    turns.run(*readers)
    return begun


def most_beyond(begun: Sequence[tuple[int, int]], rate: int) -> float:
    """By how many bytes more was ever read than the rate allows since any moment before."""
    beyond = held = 0.0
    since = begun[0][0]
    for now, size in begun:
        # A bucket that leaks at the rate; what comes now begins when that before was to be read.
        held = max(held - rate * (now - since) / MICROS, 0.0)
        beyond = max(beyond, held)
        held += size
        since = now
    return beyond


def lateness(rate: int) -> float:
    """The bytes by which reading is late because a share takes a request to take."""
    return rate * REQUEST_SECONDS + 2


def in_threads(machines: Sequence[Machine]) -> int:
    return sum(len(machine.threads) for machine in machines)


@given(right, rates)
def test_since_any_moment_no_more_is_read_than_the_rate_allows_and_what_shares_have_left(
    machines: list[Machine], rate: int
) -> None:
    begun = read(machines, rate)
    # What a share has left may be read beside the share that comes next.
    beside = in_threads(machines) * share_bytes(rate) + max(size for _, size in begun)
    assert most_beyond(begun, rate) <= beside + lateness(rate)


@given(right, rates)
def test_where_all_read_whole_shares_no_more_is_read_than_the_rate_allows(
    machines: list[Machine], rate: int
) -> None:
    usual = share_bytes(rate)
    whole = [
        Machine(one.off, [[(gap, max(size, usual)) for gap, size in each] for each in one.threads])
        for one in machines
    ]
    assert most_beyond(read(whole, rate), rate) <= lateness(rate)


@given(wrong, rates)
def test_clocks_that_differ_let_each_machine_ahead_once_and_by_little(
    machines: list[Machine], rate: int
) -> None:
    once = len(machines) * (rate * MOST_AHEAD / MICROS + LARGEST)
    beside = in_threads(machines) * share_bytes(rate) + LARGEST
    assert most_beyond(read(machines, rate), rate) <= once + beside + lateness(rate)


@given(right, rates)
def test_nobody_waits_for_more_than_what_was_taken_before(
    machines: list[Machine], rate: int
) -> None:
    at_once = [
        Machine(one.off, [[(0.0, size) for _, size in each] for each in one.threads])
        for one in machines
    ]
    begun = read(at_once, rate)
    most = sum(max(size, share_bytes(rate)) for _, size in begun)
    # Who was too far ahead looks again within a second.
    assert begun[-1][0] - begun[0][0] <= (most / rate + SPREAD_SECONDS * len(begun)) * MICROS


def test_threads_of_a_process_that_read_at_once_are_given_each_byte_once() -> None:
    clock, state = ManualClock(), MemoryStateStore()
    shares = ReadShares(
        state, clock, rate=1_000_000, pause=lambda seconds: clock.advance(seconds=seconds)
    )
    size, times, threads = shares.usual_bytes // 7, 50, 8
    taken: list[Sequence[Write]] = []
    state.after_write = taken.append

    def read_all() -> None:
        for _ in range(times):
            shares.take(size, lambda: None)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            for reading in [pool.submit(read_all) for _ in range(threads)]:
                reading.result()
    finally:
        sys.setswitchinterval(before)
    left = len(taken) * shares.usual_bytes - size * times * threads
    assert left >= 0
    paid = len(taken)
    shares.take(left, lambda: None)
    assert len(taken) == paid
    shares.take(1, lambda: None)
    assert len(taken) == paid + 1


@given(st.lists(st.tuples(gaps, sizes), min_size=1, max_size=40), rates)
def test_a_reader_alone_waits_for_nobody(wanted: list[tuple[int, int]], rate: int) -> None:
    shared, now = GivenOut(), NOON
    for gap, size in wanted:
        assert shared.ahead(now) == 0
        shared = shared.with_share(size, now=now, rate=rate)
        now += gap + 1 + size * MICROS // rate


@given(sizes, rates, st.integers(0, HOUR))
def test_every_share_moves_the_record_on(size: int, rate: int, now: int) -> None:
    before = GivenOut(until=NOON, seen=NOON)
    after = before.with_share(size, now=now, rate=rate)
    assert after.until > before.until
    assert after.seen >= before.seen


@given(st.integers(100_000, 10**9))
def test_usual_shares_are_neither_tiny_nor_longer_than_a_few_seconds(rate: int) -> None:
    share = share_bytes(rate)
    assert 256 * 1024 <= share <= 8 * 1024 * 1024
    assert share <= 3 * rate
