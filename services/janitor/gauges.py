"""Gauges: how many there are of what somebody has to know, counted at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from course_backfill.clock import Clock, from_text, to_text
from course_backfill.courses import CourseStatus
from course_backfill.dead_letters import DEAD
from course_backfill.errors import ConditionFailed
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.metrics import (
    COURSES,
    DEAD_LETTERS_OPEN,
    RESTORES_PENDING,
    STALLED_INGESTS,
)
from course_backfill.ports import Condition, Key, Meter, StateStore, Write
from course_backfill.standstill import is_stalled
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore

EVERY = timedelta(minutes=4)
"""Each of the five minutes over which alarms look has one, whenever the schedule runs."""
COURSES_EVERY = timedelta(minutes=30)
"""Courses are many, and their statuses change slowly."""
LOOKED_AT = 1_000
"""Ingests that are looked at, the newest first: more are not under way at a time."""
QUIET = 200
"""Of these, those whose replicas and events are read because their record is old: the oldest."""
PAGE = 100

_INGESTS = Key("ingests", "schedule", "GAUGES#ingests")
_COURSES = Key("ingests", "schedule", "GAUGES#courses")


class Gauges:
    """Counts by index, never by a scan; a record of when keeps all machines to one count a period.

    Where nobody reads metrics nothing is counted.
    """

    def __init__(
        self,
        *,
        meter: Meter,
        state: StateStore,
        ingests: IngestStore,
        packets: PacketStore,
        clock: Clock,
        stalled_after: timedelta,
    ) -> None:
        self._meter = meter
        self._state = state
        self._ingests = ingests
        self._packets = packets
        self._clock = clock
        self._stalled_after = stalled_after

    def tick(self) -> None:
        """Emits what it is time to count again."""
        if not self._meter.is_read:
            return
        if self._is_due(_INGESTS, EVERY):
            self._count_ingests()
        if self._is_due(_COURSES, COURSES_EVERY):
            self._count_courses()

    def _is_due(self, key: Key, every: timedelta) -> bool:
        """Whether it is time, and nobody else was faster."""
        now = self._clock()
        before = (self._state.get(key) or {}).get("countedDate")
        if before is not None and now - from_text(before) < every:
            return False
        same = Condition("countedDate", "equals", before)
        try:
            self._state.write(Write(key, assign={"countedDate": to_text(now)}, when=(same,)))
        except ConditionFailed:
            return False
        return True

    def _count_ingests(self) -> None:
        running = list(islice(self._running(), LOOKED_AT))
        pending = sum(
            one.warming.objects - one.warming.ready for one in running if one.warming is not None
        )
        figures = {
            STALLED_INGESTS: self._stalled(running),
            RESTORES_PENDING: pending,
            DEAD_LETTERS_OPEN: self._state.count_index("by-status", DEAD),
        }
        self._meter.emit(figures)

    def _running(self) -> Iterator[Ingest]:
        for status in (IngestStatus.PROCESSING, IngestStatus.ACCEPTED):
            before: str | None = ""
            while before is not None:
                page, before = self._ingests.listing(status=status, limit=PAGE, before=before)
                yield from page

    def _stalled(self, running: list[Ingest]) -> int:
        now, after = self._clock(), self._stalled_after
        quiet = [one for one in running if is_stalled(one, (), (), now=now, after=after)]
        return sum(
            is_stalled(
                one,
                self._packets.replicas(one.id),
                self._ingests.events(one.id),
                now=now,
                after=after,
            )
            for one in quiet[-QUIET:]
        )

    def _count_courses(self) -> None:
        for status in CourseStatus:
            count = self._state.count_index("courses-by-status", status.value)
            self._meter.emit({COURSES: count}, by=status)
