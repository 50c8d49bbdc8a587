"""The read rate: whoever reads when, no more is given out than the rate allows."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from course_backfill.read_rate import MICROS, MOST_AHEAD, GivenOut, share_bytes

NOON = 1_772_000_000 * MICROS
HOUR = 3_600 * MICROS

rates = st.integers(100_000, 10**9)
sizes = st.integers(1, 16 * 1024 * 1024)
gaps = st.integers(0, 20 * MICROS)
wishes = st.lists(st.tuples(gaps, st.integers(0, 7), sizes), min_size=1, max_size=40)


def beginnings(
    wanted: Sequence[tuple[int, int, int]], *, rate: int, clocks: Sequence[int]
) -> list[tuple[int, int]]:
    """True moment and size of each share, its reader having a clock that is off by so much; what
    would begin too far ahead is not taken."""
    shared, now = GivenOut(), NOON
    behind = [0] * len(clocks)
    taken = []
    for gap, reader, size in wanted:
        now += gap
        own = now + clocks[reader]
        behind[reader] = max(behind[reader], shared.seen - own)
        seen = own + behind[reader]
        ahead = shared.ahead(seen)
        if ahead <= MOST_AHEAD:
            taken.append((now + ahead, size))
            shared = shared.with_share(size, now=seen, rate=rate)
    return sorted(taken)


@given(wishes, rates)
def test_in_any_window_no_more_begins_than_the_rate_allows_and_one_share(
    wanted: list[tuple[int, int, int]], rate: int
) -> None:
    found = beginnings(wanted, rate=rate, clocks=[0] * 8)
    for first, (begin, _) in enumerate(found):
        given_out = 0
        for later, size in found[first:]:
            # All but the last: that one begins when those before it may have been read.
            assert given_out * MICROS <= rate * (later - begin)
            given_out += size


@given(wishes, rates, st.lists(st.integers(-HOUR, HOUR), min_size=8, max_size=8))
def test_clocks_that_differ_let_each_reader_ahead_once_and_by_little(
    wanted: list[tuple[int, int, int]], rate: int, clocks: list[int]
) -> None:
    found = beginnings(wanted, rate=rate, clocks=clocks)
    once = len(clocks) * (MOST_AHEAD * rate + 16 * 1024 * 1024 * MICROS)
    for first, (begin, _) in enumerate(found):
        given_out = 0
        for later, size in found[first:]:
            assert given_out * MICROS <= rate * (later - begin) + once
            given_out += size


@given(wishes, rates)
def test_a_reader_alone_waits_for_nobody(wanted: list[tuple[int, int, int]], rate: int) -> None:
    shared, now = GivenOut(), NOON
    for gap, _, size in wanted:
        assert shared.ahead(now) == 0
        shared = shared.with_share(size, now=now, rate=rate)
        now += gap + 1 + size * MICROS // rate


@given(sizes, rates, st.integers(0, HOUR))
def test_every_share_moves_the_record_on(size: int, rate: int, now: int) -> None:
    before = GivenOut(until=NOON, seen=NOON)
    after = before.with_share(size, now=now, rate=rate)
    assert after.until > before.until
    assert after.seen >= before.seen


@given(rates)
def test_usual_shares_are_neither_tiny_nor_longer_than_a_few_seconds(rate: int) -> None:
    share = share_bytes(rate)
    assert 256 * 1024 <= share <= 8 * 1024 * 1024
    assert share <= 3 * rate
