"""Workers that race for shares of the read rate: no part of it is given out twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from course_backfill.ports import StateStore
from course_backfill.read_rate import MICROS
from course_backfill.stores.read_shares import KEY, ReadShares

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RATE = 2**23
WORKERS, SHARES = 8, 4


def test_racing_workers_are_given_one_share_after_the_other(store: StateStore) -> None:
    """At noon, all of them: whatever waits, waits for its share or for a race to be over."""

    def pause(seconds: float) -> None:
        time.sleep(min(seconds, 0.02))

    def work(_: int) -> None:
        mine = ReadShares(store, lambda: NOON, rate=RATE, pause=pause)
        for _ in range(SHARES):
            mine.take(mine.usual_bytes, lambda: None)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    found = store.get(KEY)
    assert found is not None
    noon = int(NOON.timestamp()) * MICROS
    # Four usual shares are a second: 32 of them are eight, one behind the other.
    assert (found["seen"], found["until"]) == (noon, noon + 8 * MICROS)
