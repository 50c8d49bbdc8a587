"""Several threads that wait on one clock of a test: none of them waits in fact."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.ports import Item, Key, Write

PATIENCE = 60.0


class Clock(Protocol):
    """Any clock that a test can set."""

    now: datetime


class Turns:
    """Runs threads one at a time: each until it waits or ends, then the one that wakes first.

    So what they do is the same each time. The clock moves on when all of them wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._local = threading.local()
        self._waking: list[tuple[datetime, int]] = []
        self._go: list[threading.Semaphore] = []
        self._back = threading.Semaphore(0)

    def pause(self, seconds: float) -> None:
        """Waits in the thread that calls; must be one of those that `run` began."""
        number: int = self._local.number
        heapq.heappush(self._waking, (self._clock.now + timedelta(seconds=seconds), number))
        self._back.release()
        assert self._go[number].acquire(timeout=PATIENCE)

    def run(self, *works: Callable[[], None]) -> None:
        """Does them all at once; raises what the first of them raised."""
        errors: list[BaseException] = []

        def do(number: int, work: Callable[[], None]) -> None:
            self._local.number = number
            assert self._go[number].acquire(timeout=PATIENCE)
            try:
                work()
            except BaseException as error:
                errors.append(error)
            self._back.release()

        self._go = [threading.Semaphore(0) for _ in works]
        self._waking = [(self._clock.now, number) for number in range(len(works))]
        threads = [threading.Thread(target=do, args=each, daemon=True) for each in enumerate(works)]
        for thread in threads:
            thread.start()
        while self._waking:
            when, number = heapq.heappop(self._waking)
            self._clock.now = max(self._clock.now, when)
            self._go[number].release()
            assert self._back.acquire(timeout=PATIENCE)
        for thread in threads:
            thread.join(PATIENCE)
        if errors:
            raise errors[0]


class DistantState(MemoryStateStore):
    """Each request takes its time on that clock, so that threads lose races."""

    def __init__(self, turns: Turns, seconds: float) -> None:
        super().__init__()
        self._turns = turns
        self._seconds = seconds

    def get(self, key: Key) -> Item | None:
        """See StateStore."""
        item = super().get(key)
        self._turns.pause(self._seconds)
        return item

    def write(self, *writes: Write) -> None:
        """See StateStore."""
        self._turns.pause(self._seconds)
        super().write(*writes)
