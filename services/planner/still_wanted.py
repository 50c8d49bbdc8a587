"""Long work on one ingest that holds no claim: looked at in between, whether anybody wants it."""

from __future__ import annotations

from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.ingest_states import require_current
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.run_time import deadline
from course_backfill.stores.ingests import IngestStore

LOOK_EVERY = timedelta(seconds=10)


class StillWanted:
    """`check` raises Fenced once the message asks for nothing any more, OutOfTime at the run's end.

    It may be called as often as one likes. Every 10 seconds it looks at the ingest, and leaves a
    sign of life there: the message would be taken for lost otherwise, and be worked on twice.
    """

    def __init__(self, ingests: IngestStore, message: StepMessage, clock: Clock) -> None:
        self._ingests = ingests
        self._message = message
        self._clock = clock
        self._deadline = deadline()
        self._looked = clock()

    def check(self) -> None:
        """See the class."""
        self._deadline.check()
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._ingests.update(self._message.ingest, self._at_work)

    def _at_work(self, now: Ingest) -> Ingest:
        require_current(now, self._message)
        return now.model_copy(update={"last_modified_date": self._ingests.now_text()})
