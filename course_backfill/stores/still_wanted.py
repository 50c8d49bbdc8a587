"""Long work on an ingest: looked at in between, whether anybody wants it, and seen to go on."""

from __future__ import annotations

from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.ingests import Ingest
from course_backfill.run_time import deadline
from course_backfill.stores.ingests import IngestStore


class StillWanted:
    """`check` raises Fenced once the ingest has moved on, OutOfTime at the run's end.

    It may be called as often as one likes, by several threads. Each time `every` has passed it
    looks at the ingest, and leaves a sign of life there unless the last one is new: the work would
    be taken for lost otherwise, and its message be sent again. Work that does not come to its
    checks leaves none, whatever else is renewed for it.
    """

    def __init__(
        self, ingests: IngestStore, ingest: Ingest, clock: Clock, *, every: timedelta
    ) -> None:
        self._ingests = ingests
        self._ingest = ingest
        self._clock = clock
        self._every = every
        self._deadline = deadline()
        self._looked = clock()

    def check(self) -> None:
        """See the class."""
        self._deadline.check()
        now = self._clock()
        if now - self._looked >= self._every:
            self._looked = now
            self._ingests.leave_sign(self._ingest)
