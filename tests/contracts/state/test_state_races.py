"""Many writers at once: the state store lets exactly one of them win."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from course_backfill.errors import ConditionFailed
from course_backfill.ports import Condition, Key, StateStore, Write
from tests.contracts.state.items import KEY, OTHER, sort_keys


def race(work: Callable[[int], object], threads: int = 16) -> list[bool]:
    """Which of the threads, all let go at once, got through without ConditionFailed."""
    start = threading.Barrier(threads)

    def run(number: int) -> bool:
        start.wait()
        try:
            work(number)
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.mark.parametrize("kind", ["put", "update", "transaction"])
def test_a_race_has_exactly_one_winner(store: StateStore, kind: str) -> None:
    absent = [Condition("winner", "absent")]

    def work(number: int) -> None:
        if kind == "put":
            store.write(Write(KEY, item={"winner": number}, when=absent))
        elif kind == "update":
            store.write(Write(KEY, assign={"winner": number}, when=absent))
        else:
            store.write(
                Write(KEY, assign={"winner": number}, when=absent),
                Write(Key("ingests", "p", f"{number}"), item={}),
            )

    won = race(work)
    assert won.count(True) == 1
    found = store.get(KEY)
    assert found is not None
    assert found["winner"] == won.index(True)
    if kind == "transaction":
        assert sort_keys(store) == [str(won.index(True))]


def test_no_addition_is_lost(store: StateStore) -> None:
    race(lambda _: store.write(Write(KEY, add={"n": 1}), Write(OTHER, add={"n": 2})))
    one, other = store.get(KEY), store.get(OTHER)
    assert one is not None
    assert other is not None
    assert (one["n"], other["n"]) == (16, 32)


def test_transactions_that_race_are_all_or_nothing(store: StateStore) -> None:
    """Sixteen transfers between two counters: the sum stays whatever the order."""
    store.write(Write(KEY, item={"n": 4}), Write(OTHER, item={"n": 0}))

    def transfer(_: int) -> None:
        while True:
            item = store.get(KEY)
            assert item is not None
            left = item["n"]
            if left == 0:
                raise ConditionFailed("nothing is left to transfer")
            same = Condition("n", "equals", left)
            try:
                store.write(
                    Write(KEY, assign={"n": left - 1}, when=[same]),
                    Write(OTHER, add={"n": 1}),
                )
            except ConditionFailed:
                continue
            return

    won = race(transfer)
    one, other = store.get(KEY), store.get(OTHER)
    assert one is not None
    assert other is not None
    assert (one["n"], other["n"], won.count(True)) == (0, 4, 4)
