"""A source that is read at a rate: nothing before it is paid for, and the same content as ever."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.memory_source import MemorySource
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.inventory import SourceObject
from course_backfill.ports import BadObject
from course_backfill.rated_source import RatedSource
from course_backfill.source_reading import BATCH_BYTES
from course_backfill.stores.read_shares import Check, ReadShares
from tests.generators import COURSE, ManualClock

RATE = 1_000_000
SHARE = 256 * 1024
CHUNK = 255 * 1024

near = st.integers(-1, 1)
sizes = st.builds(
    lambda whole, of, off: max(whole * of + off, 0),
    st.integers(0, 4),
    st.sampled_from([SHARE, CHUNK]),
    near,
)


class Paid:
    """A source read at a rate, beside what was paid for it."""

    def __init__(self, *sizes: int) -> None:
        self.source = MemorySource()
        self.bytes = 0
        self.most = 0
        clock = ManualClock()
        self._shares = ReadShares(
            MemoryStateStore(),
            clock,
            rate=RATE,
            pause=lambda seconds: clock.advance(seconds=seconds),
        )
        self.rated = RatedSource(self.source, self._shares, lambda: None)
        self._take = self._shares.take
        self._shares.take = self._pay  # type: ignore[method-assign] # What it is asked for.
        for number, size in enumerate(sizes):
            self.source.content.save(COURSE, f"{number:03}", bytes([number]) * size)
        self.objects = list(self.source.inventory(COURSE, check_chunks=False))

    def _pay(self, size: int, check: Check) -> None:
        self._take(size, check)
        self.bytes += size
        self.most = max(self.most, size)


@given(sizes)
def test_no_block_of_a_stream_is_read_where_nothing_more_is_paid_for(size: int) -> None:
    paid = Paid(size)
    read = b""
    for block in paid.rated.stream(paid.objects[0]):
        assert len(read) < paid.bytes
        read += block
    assert read == bytes(size)
    assert (paid.bytes, paid.most <= SHARE) == (size, True)


@given(st.lists(sizes, min_size=1, max_size=6))
def test_no_batch_is_read_before_it_is_paid_for(sizes: list[int]) -> None:
    paid = Paid(*sizes)
    asked: list[int] = []
    read = paid.source.read_batch

    def noting(objects: Sequence[SourceObject]) -> object:
        asked.append(sum(found.size for found in objects))
        assert sum(asked) <= paid.bytes
        return read(objects)

    paid.source.read_batch = noting  # type: ignore[method-assign,assignment] # Seen by this test.
    contents = [one.content for one in paid.rated.read_batch(paid.objects)]
    assert contents == [bytes([number]) * size for number, size in enumerate(sizes)]
    assert paid.bytes == sum(sizes)
    assert max(asked) <= max(SHARE, *sizes)


@given(st.integers(-(2**40), -1))
def test_a_length_below_nothing_is_paid_for_with_nothing(size: int) -> None:
    paid = Paid(10, 20)
    one, other = paid.objects
    list(paid.rated.read_batch([replace(one, size=size), other]))
    assert paid.bytes == 20
    with suppress(BadObject):
        list(paid.rated.stream(replace(one, size=size)))
    assert paid.bytes == 20


def test_a_length_that_is_made_up_is_not_waited_for() -> None:
    paid = Paid(3 * SHARE)
    with suppress(BadObject):
        for _ in paid.rated.stream(replace(paid.objects[0], size=2**60)):
            pass
    assert paid.bytes <= 4 * SHARE
    list(paid.rated.read_batch([replace(paid.objects[0], size=2**60)]))
    assert paid.bytes <= 4 * SHARE + BATCH_BYTES
