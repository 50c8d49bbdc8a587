"""Starts audits on schedule, the longest unaudited course first, so many at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from course_backfill.audits import AuditWish, Method
from course_backfill.clock import Clock, from_text, to_text
from course_backfill.courses import Course
from course_backfill.errors import ConditionFailed, Conflict
from course_backfill.ingest_states import is_over
from course_backfill.ingests import SCHEDULE, Ingest
from course_backfill.lifecycle import Lifecycle
from course_backfill.ports import Condition, Item, Key, StateStore, Write
from course_backfill.stores.audits import AuditStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.tasks import IngestType

logger = logging.getLogger(__name__)

KEY = Key("ingests", "audits", "SCHEDULE")
LOOKED_AT = 200
"""Courses that one tick looks at; where all are busy or paused, the next one goes on from there."""
PAUSE = timedelta(days=1)
"""How long a course whose audit failed is left alone; doubled with each that fails after it."""


class AuditSchedule:
    """Every machine has a schedule: a record of what was started keeps them to one plan."""

    def __init__(
        self,
        *,
        state: StateStore,
        ingests: IngestStore,
        audits: AuditStore,
        lifecycle: Lifecycle,
        clock: Clock,
        new_id: Callable[[], str],
        every: timedelta,
        at_once: int,
        method: Method,
    ) -> None:
        """`every` is the period in which all is audited; zero turns the schedule off."""
        self._state = state
        self._ingests = ingests
        self._audits = audits
        self._lifecycle = lifecycle
        self._clock = clock
        self._new_id = new_id
        self._every = every
        self._at_once = at_once
        self._method = method

    def tick(self) -> int:
        """Starts what is due and has room; the number of audits started."""
        if not self._every:
            return 0
        before = self._state.get(KEY) or {}
        running = [one for one in before.get("running", []) if self._is_running(one)]
        room = self._at_once - len(running)
        if room <= 0:
            return 0
        after = before.get("after", "")
        due, further = self._due(after, room)
        wanted = {self._new_id(): course for course in due}
        further = "" if wanted else further
        if not wanted and further == after:
            return 0
        if not self._reserve(before, [*running, *wanted], further):
            return 0
        return sum(self._start(audit, course) for audit, course in wanted.items())

    def _is_running(self, audit: str) -> bool:
        # One that was never stored fell to a crash between the record and its start.
        found = self._ingests.find(audit)
        return found is not None and not is_over(found)

    def _due(self, after: str, room: int) -> tuple[list[Course], str]:
        """Those not looked at for half the period, so that a period is time enough for all."""
        now = self._clock()
        looked_at, further = self._audits.longest_unaudited(
            before=now - self._every / 2, at_most=LOOKED_AT, after=after
        )
        ready = (
            one for one in looked_at if one.active_ingest is None and not self._is_paused(one, now)
        )
        return list(islice(ready, room)), further

    def _is_paused(self, course: Course, now: datetime) -> bool:
        """Whether its audits failed of late; it is tried again before half a period is over."""
        if course.failed_audits == 0 or course.audit_failed_date is None:
            return False
        longest = max(self._every / 2, PAUSE)
        pause = min(PAUSE * (1 << min(course.failed_audits - 1, 20)), longest)
        return now - from_text(course.audit_failed_date) < pause

    def _reserve(self, before: Item, running: list[str], after: str) -> bool:
        """False where another schedule was faster."""
        count = before.get("ticks")
        same = Condition("ticks", "equals", count)
        record = {"running": running, "after": after, "ticks": (count or 0) + 1}
        try:
            self._state.write(Write(KEY, assign=record, when=(same,)))
        except ConditionFailed:
            return False
        return True

    def _start(self, audit: str, course: Course) -> bool:
        now = to_text(self._clock())
        ingest = Ingest(
            id=audit,
            course=course.id,
            ingest_type=IngestType.AUDIT,
            locations=(),
            audit=AuditWish(method=self._method),
            requested_by=SCHEDULE,
            created_date=now,
            last_modified_date=now,
        )
        try:
            self._lifecycle.accept(ingest)
        except Conflict as busy:
            logger.info("not audited now: %s", busy, extra={"course": course.id})
            return False
        return True
