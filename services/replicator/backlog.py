"""Work under way on small objects while further ones are read: bounded in bytes, never idle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
U = TypeVar("U")

GROUP_ITEMS = 4
GROUP_BYTES = 256 * 1024
"""Small items are handed over in groups: waking a thread, and being woken by it, costs as much as
hashing one of them."""


@dataclass(slots=True)
class _Group(Generic[T]):
    items: list[T] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.items) >= GROUP_ITEMS or self.size >= GROUP_BYTES


class Backlog(Generic[T, U]):
    """Hands items to threads that do one thing with each; a context that leaves none running.

    Items that wait keep every thread busy while the one who adds them reads on; where they hold
    memory, `most_bytes` bounds it. An error ends the rest: what has not begun never does.
    """

    def __init__(
        self, work: Callable[[T], U], executor: Executor, *, most_bytes: float = inf
    ) -> None:
        self._work = work
        self._executor = executor
        self._most_bytes = most_bytes
        self._bytes = 0
        self._group: _Group[T] = _Group()
        self._under_way: deque[tuple[int, Future[list[U]]]] = deque()
        self._done: list[U] = []

    def add(self, item: T, *, size: int) -> None:
        """Takes an item that holds so many bytes; waits while all that wait hold too many.

        Raises what the work on an earlier item raised.
        """
        self._group.items.append(item)
        self._group.size += size
        if self._group.is_full:
            self._begin()
        while self._bytes > self._most_bytes:
            # Half of them at once, so that this thread is woken once and not for each.
            self._finish_oldest(-(-len(self._under_way) // 2))

    def finish(self) -> list[U]:
        """What came of all items, in their order; raises what the work on one of them raised."""
        self._begin()
        self._finish_oldest(len(self._under_way))
        return self._done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        futures = [future for _, future in self._under_way]
        for future in futures:
            future.cancel()
        wait(futures)

    def _begin(self) -> None:
        group, self._group = self._group, _Group()
        if group.items:
            future = self._executor.submit(self._work_on, group.items)
            self._under_way.append((group.size, future))
            self._bytes += group.size

    def _work_on(self, items: list[T]) -> list[U]:
        return [self._work(item) for item in items]

    def _finish_oldest(self, number: int) -> None:
        oldest = [future for _, future in self._under_way][:number]
        wait(oldest, return_when=FIRST_EXCEPTION)
        for future in oldest:
            self._done += future.result()
            self._bytes -= self._under_way.popleft()[0]
