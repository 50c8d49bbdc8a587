"""Merging: sorted streams side by side, as dictionaries of lists would be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.merging import Keyed, first_by_key, merged_by_key

KEYS = st.text(st.sampled_from("ab/é😀"), max_size=2).map(str.encode)
STREAMS = st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=10).map(
    lambda stream: sorted(stream, key=lambda one: one[0])
)


def of_key(stream: list[Keyed[int]], wanted: bytes) -> list[int]:
    return [value for key, value in stream if key == wanted]


@given(first=STREAMS, second=STREAMS)
def test_two_streams_are_merged_as_dictionaries_of_lists_are(
    first: list[Keyed[int]], second: list[Keyed[int]]
) -> None:
    keys = sorted({key for key, _ in first + second})
    assert list(merged_by_key(iter(first), iter(second))) == [
        (key, of_key(first, key), of_key(second, key)) for key in keys
    ]


@given(first=STREAMS, second=STREAMS, third=STREAMS)
def test_three_streams_are_merged_as_dictionaries_of_lists_are(
    first: list[Keyed[int]], second: list[Keyed[int]], third: list[Keyed[int]]
) -> None:
    keys = sorted({key for key, _ in first + second + third})
    assert list(merged_by_key(first, second, third)) == [
        (key, of_key(first, key), of_key(second, key), of_key(third, key)) for key in keys
    ]


@given(streams=st.lists(STREAMS, max_size=4))
def test_of_each_key_the_first_value_of_the_first_stream_stands_for_all(
    streams: list[list[Keyed[int]]],
) -> None:
    together = [one for stream in streams for one in stream]
    keys = sorted({key for key, _ in together})
    assert list(first_by_key(*map(iter, streams))) == [of_key(together, key)[0] for key in keys]


def test_a_value_is_given_out_before_the_next_is_asked_for() -> None:
    def refusing() -> Iterator[Keyed[int]]:
        yield b"a", 1
        raise PermissionError

    found = first_by_key(refusing())
    assert next(found) == 1
    with pytest.raises(PermissionError):
        next(found)


def test_values_of_one_key_need_no_order_of_their_own() -> None:
    incomparable = [(b"a", object()), (b"a", object())]
    [(key, first, second)] = merged_by_key(incomparable, incomparable)
    assert (key, first, second) == (b"a", [one for _, one in incomparable], first)


def test_streams_without_end_are_read_a_key_at_a_time() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Keyed[int]]:
        for number in count():
            taken.append(number)
            yield b"%09d" % number, number

    merged = merged_by_key(endless(), [(b"%09d" % 1, "one")])
    assert [next(merged) for _ in range(2)] == [
        (b"000000000", [0], []),
        (b"000000001", [1], ["one"]),
    ]
    assert max(taken) <= 2
