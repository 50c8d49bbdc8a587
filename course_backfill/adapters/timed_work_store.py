"""The work bucket as a run sees it whose time is limited: all long work streams through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from course_backfill.ports import WorkStore
from course_backfill.run_time import in_time


class TimedWorkStore:
    """Any WorkStore; raises OutOfTime between two blocks once the present run has to stop."""

    def __init__(self, work: WorkStore) -> None:
        self._work = work

    def put(self, key: str, content: Iterable[bytes]) -> None:
        """See WorkStore; a file that is not finished is not there."""
        self._work.put(key, in_time(content))

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See WorkStore."""
        return in_time(self._work.read(key, start=start, end=end))
