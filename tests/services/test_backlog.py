"""The replicator's backlog: every item once, in order, within its bytes, and none left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replicator.backlog import GROUP_BYTES, GROUP_ITEMS, Backlog

THREADS = 3
SIZES = st.lists(st.sampled_from([0, 1, 1000, GROUP_BYTES - 1, GROUP_BYTES, 3 * GROUP_BYTES]))


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as executor:
        yield executor


@given(sizes=SIZES, most=st.sampled_from([0, 1, GROUP_BYTES, 100 * GROUP_BYTES]))
def test_every_item_is_worked_on_once_and_in_order(
    threads: ThreadPoolExecutor, sizes: list[int], most: int
) -> None:
    with Backlog(int.__neg__, threads, most_bytes=most) as backlog:
        for item, size in enumerate(sizes):
            backlog.add(item, size=size)

        assert backlog.finish() == [-item for item in range(len(sizes))]


@given(sizes=SIZES)
def test_what_waits_stays_within_its_bytes(threads: ThreadPoolExecutor, sizes: list[int]) -> None:
    most = 2 * GROUP_BYTES
    held = 0
    changing = threading.Lock()

    def release(size: int) -> None:
        nonlocal held
        with changing:
            held -= size

    with Backlog(release, threads, most_bytes=most) as backlog:
        for size in sizes:
            with changing:
                held += size
            backlog.add(size, size=size)
            with changing:
                # What waits for its group to fill is not under way yet, and is less than a group.
                assert held <= most + GROUP_BYTES
        backlog.finish()
    assert held == 0


def test_an_error_comes_through_and_ends_the_rest(threads: ThreadPoolExecutor) -> None:
    let_go = threading.Event()
    worked_on: list[int] = []

    def work(item: int) -> None:
        let_go.wait(30)
        worked_on.append(item)
        if item == 0:
            raise OSError("the first")

    items = GROUP_ITEMS * (THREADS + 5)

    def add_all() -> None:
        with Backlog(work, threads, most_bytes=GROUP_BYTES) as backlog:
            for item in range(items):
                backlog.add(item, size=1)
            let_go.set()
            backlog.finish()

    with pytest.raises(OSError, match="the first"):
        add_all()

    assert set(range(1, GROUP_ITEMS)).isdisjoint(worked_on), "its group goes no further"
    before = len(worked_on)
    threads.submit(lambda: None).result()
    assert len(worked_on) == before < items


def test_leaving_with_an_error_waits_for_what_is_under_way(threads: ThreadPoolExecutor) -> None:
    begun, let_go = threading.Event(), threading.Event()
    ended: list[int] = []

    def work(item: int) -> None:
        begun.set()
        let_go.wait(30)
        ended.append(item)

    def interrupted() -> None:
        with Backlog(work, threads, most_bytes=100 * GROUP_BYTES) as backlog:
            backlog.add(0, size=GROUP_BYTES)
            begun.wait(30)
            threading.Timer(0.05, let_go.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert ended == [0]
