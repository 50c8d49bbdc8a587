"""Work under way on small objects while further ones are read: bounded in bytes, never idle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """Hands pieces of work to threads; a context that leaves none of them running.

    Work that waits keeps every thread busy while the one who adds it reads on. An error ends the
    rest: what has not begun never does.
    """

    def __init__(self, executor: Executor, *, most_bytes: int) -> None:
        self._executor = executor
        self._most_bytes = most_bytes
        self._bytes = 0
        self._under_way: deque[tuple[int, Future[T]]] = deque()
        self._done: list[T] = []

    def add(self, work: Callable[[], T], *, size: int) -> None:
        """Begins a piece that holds so many bytes; waits for the oldest while all hold too many.

        Raises what a piece raised.
        """
        self._under_way.append((size, self._executor.submit(work)))
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._finish_oldest()

    def finish(self) -> list[T]:
        """What came of all pieces, in their order; raises what one of them raised."""
        while self._under_way:
            self._finish_oldest()
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

    def _finish_oldest(self) -> None:
        size, future = self._under_way[0]
        self._done.append(future.result())
        self._under_way.popleft()
        self._bytes -= size
