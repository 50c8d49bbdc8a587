"""Merges streams that are sorted by the same keys, a key at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Keyed = tuple[bytes, A]
"""A value and the key that its stream is sorted by, bytewise."""


@overload
def merged_by_key(
    first: Iterable[Keyed[A]], second: Iterable[Keyed[B]], /
) -> Iterator[tuple[bytes, list[A], list[B]]]: ...


@overload
def merged_by_key(
    first: Iterable[Keyed[A]], second: Iterable[Keyed[B]], third: Iterable[Keyed[C]], /
) -> Iterator[tuple[bytes, list[A], list[B], list[C]]]: ...


def merged_by_key(*streams: Iterable[Keyed[Any]]) -> Iterator[tuple[Any, ...]]:
    """Each key, in order, with what every stream has of it, in the order of the stream.

    Holds one value of each stream, and those of one key.
    """
    sides = [_of_side(side, stream) for side, stream in enumerate(streams)]
    for key, group in groupby(heapq.merge(*sides, key=itemgetter(0)), key=itemgetter(0)):
        found: list[list[Any]] = [[] for _ in streams]
        for _, side, value in group:
            found[side].append(value)
        yield key, *found


def first_by_key(*streams: Iterable[Keyed[A]]) -> Iterator[A]:
    """One value of each key, in order: the first of the first stream that has it."""
    last = None
    for key, value in heapq.merge(*streams, key=itemgetter(0)):
        if key != last:
            yield value
        last = key


def _of_side(side: int, stream: Iterable[Keyed[Any]]) -> Iterator[tuple[bytes, int, Any]]:
    return ((key, side, value) for key, value in stream)
