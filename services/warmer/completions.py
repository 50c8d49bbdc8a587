"""S3's word that a restore is done: a hint to look sooner, and never more than that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from course_backfill.clock import Clock, to_text
from course_backfill.errors import ConditionFailed
from course_backfill.ingest_step import parked_name
from course_backfill.locations import Location
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import StateStore
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import bring_forward, find_timer

logger = logging.getLogger(__name__)

DETAIL_TYPE = "Object Restore Completed"
GATHER = timedelta(minutes=1)
"""Restores that were asked for together are done within minutes: they are looked at together."""


def is_completion(event: Mapping[str, Any]) -> bool:
    """Whether EventBridge says that S3 has restored an object."""
    return event.get("detail-type") == DETAIL_TYPE


class Completions:
    """Has the warmer look a minute after the first restore of a course is done.

    Thousands of objects are done at about the same time: of one course, one event a minute reads
    anything. Lost, repeated and false events cost at most a look too many or a longer wait.
    """

    def __init__(
        self,
        *,
        locations: Mapping[str, Location],
        state: StateStore,
        ingests: IngestStore,
        courses: CourseStore,
        clock: Clock,
        poll: timedelta,
    ) -> None:
        self._locations = locations
        self._state = state
        self._ingests = ingests
        self._courses = courses
        self._clock = clock
        self._gather = min(GATHER, poll)
        self._told: dict[str, datetime] = {}

    def completed(self, event: Mapping[str, Any]) -> None:
        """Brings the warmer's next look at the object's course forward, if one is waiting."""
        course, now = self._course_of(event), self._clock()
        if course is None or self._told.get(course, now) > now:
            return
        self._told = {name: until for name, until in self._told.items() if until > now}
        self._told[course] = now + self._gather
        self._bring_forward(course, now + self._gather)

    def _bring_forward(self, course: str, due: datetime) -> None:
        found = self._courses.find(course)
        ingest = self._ingests.find(found.active_ingest) if found and found.active_ingest else None
        if ingest is None:
            return
        message = StepMessage(ingest=ingest.id, epoch=ingest.epoch, step=Step.WARM)
        timer = find_timer(self._state, ingest.id, parked_name(message))
        if timer is None or timer.due_date <= to_text(due):
            return
        try:
            self._state.write(bring_forward(timer, due))
        except ConditionFailed:
            logger.info("the look is taken already", extra={"ingest_id": ingest.id})

    def _course_of(self, event: Mapping[str, Any]) -> str | None:
        """The course whose object it is; None where it is none of ours, or no such event."""
        match event.get("detail") if is_completion(event) else None:
            case {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}}:
                pass
            case _:
                return None
        for location in self._locations.values():
            prefix = f"{location.prefix}courses/"
            if location.bucket == bucket and key.startswith(prefix):
                return unquote(key.removeprefix(prefix).partition("/")[0])
        return None
