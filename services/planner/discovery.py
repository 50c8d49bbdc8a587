"""Finds courses, then looks at the source of each migrated one; no row is overwritten."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from course_backfill.clock import Clock
from course_backfill.courses import Course, CourseStatus
from course_backfill.discoveries import Discovery, UnreadCourse
from course_backfill.errors import (
    ConditionFailed,
    Fenced,
    KnownOutage,
    OutOfTime,
    SourceRefused,
    SourceUnavailable,
    StateRefused,
)
from course_backfill.failures import Failure
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import CourseSource, MessageSender, Write
from course_backfill.redaction import redacted
from course_backfill.run_time import in_time
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.discoveries import DiscoveryStore
from services.planner.freshness import Freshness

logger = logging.getLogger(__name__)

RUN = timedelta(seconds=20)
"""After so long it sends for the rest, so that no ingest waits long to be planned."""
PAGE = 100
KNOWN_PAGE = 1_000
EXAMPLES = 10
TOO_LARGE = "too many files to compare within a run: have `course-backfill work planner` do it"


class Discoverer:
    """Whatever delivery goes on with a discovery begins where the record says."""

    def __init__(
        self,
        *,
        source: CourseSource,
        courses: CourseStore,
        discoveries: DiscoveryStore,
        freshness: Freshness,
        messages: MessageSender,
        clock: Clock,
        every: timedelta,
    ) -> None:
        self._source = source
        self._courses = courses
        self._discoveries = discoveries
        self._freshness = freshness
        self._messages = messages
        self._clock = clock
        self._every = every

    def schedule(self) -> None:
        """Begins the scheduled discovery if it is time, or sends again for one under way."""
        discovery = self._discoveries.schedule(self._every)
        if discovery is not None:
            self._send(discovery)

    def answer(self, discovery: str) -> None:
        """Goes on with a discovery for a while; a repeat of one that has ended changes nothing."""
        began = time.monotonic()
        outcome = self._answer(discovery)
        seconds = round(time.monotonic() - began, 3)
        logger.info("step", extra={"outcome": outcome, "seconds": seconds})

    def _answer(self, discovery: str) -> str:
        """The outcome in a word."""
        seen = self._discoveries.get(discovery)
        if seen.status.is_end:
            return "not-current"
        try:
            self._go_on(seen)
        except SourceUnavailable as outage:
            return self._fail(discovery, "source-unavailable", outage)
        except SourceRefused as refusal:
            return self._fail(discovery, "source-refused", refusal)
        except Fenced as late:
            logger.info("stopped: %s", late)
            return "fenced"
        return "succeeded"

    def _go_on(self, discovery: Discovery) -> None:
        until = self._clock() + RUN
        if discovery.checked_up_to is None:
            try:
                discovery = self._find(discovery)
            except _Unfinished as part:
                self._send(part.discovery)
                return
        for course in self._migrated(discovery.checked_up_to or ""):
            discovery = self._look_at(course, discovery)
            if self._clock() >= until:
                self._send(discovery)
                return
        try:
            ended = self._discoveries.succeed(discovery)
        except ConditionFailed:
            raise _fenced(discovery) from None
        counted = {"found", "added", "checked", "became_stale", "unread"}
        logger.info("discovered", extra=ended.model_dump(include=counted))

    def _find(self, discovery: Discovery) -> Discovery:
        known, found, added = self._known(), 0, discovery.added
        try:
            for course in in_time(self._source.discover()):
                found += 1
                if str(course) not in known:
                    added += self._courses.add(course)
        except OutOfTime:
            if added == discovery.added:
                raise
            # The next run knows what this one added, and so gets further.
            raise _Unfinished(self._note(discovery, added=added)) from None
        return self._note(discovery, found=found, added=added, checked_up_to="")

    def _known(self) -> set[str]:
        """Courses that have a row, or all but the latest of them: an index follows with a delay."""
        known: set[str] = set()
        for status in CourseStatus:
            cursor: str | None = ""
            while cursor is not None:
                page = self._courses.by_status(status, limit=KNOWN_PAGE, after=cursor)
                known.update(item["id"] for item in page.items)
                cursor = page.cursor
        return known

    def _note(self, discovery: Discovery, **changes: Any) -> Discovery:
        try:
            return self._discoveries.advance(discovery, **changes)
        except ConditionFailed:
            raise _fenced(discovery) from None

    def _migrated(self, after: str) -> Iterator[Course]:
        cursor: str | None = after
        while cursor is not None:
            page = self._courses.by_status(CourseStatus.MIGRATED, limit=PAGE, after=cursor)
            # The index may lag behind, the row does not.
            yield from (self._courses.get(item["id"]) for item in page.items)
            cursor = page.cursor

    def _look_at(self, course: Course, discovery: Discovery) -> Discovery:
        """Compares one course; one that cannot be read does not keep the others from it."""
        if course.active_ingest or course.latest_version is None:
            return discovery  # An active ingest looks by itself.
        try:
            check = self._freshness.check(course.id, course.latest_version)
        except (KnownOutage, StateRefused):
            raise
        except Exception as error:
            return self._advance(discovery, course, _unread(discovery, course, error))
        changes = {
            "checked": discovery.checked + 1,
            "became_stale": discovery.became_stale + (check.stale and not course.stale),
        }
        return self._advance(discovery, course, changes, self._courses.checked(course, check))

    def _advance(
        self, discovery: Discovery, course: Course, changes: dict[str, Any], *also: Write
    ) -> Discovery:
        """The course's row and the discovery's counts in one transaction, so that each is once."""
        done = {"checked_up_to": course.id}
        try:
            return self._discoveries.advance(discovery, *also, **changes, **done)
        except ConditionFailed:
            pass
        try:
            # If this works, it was the course that changed: whoever changed it knows it better.
            return self._discoveries.advance(discovery, **done)
        except ConditionFailed:
            raise _fenced(discovery) from None

    def _fail(self, discovery: str, code: str, error: Exception) -> str:
        failure = Failure.of_ingest(code, str(error), stage="discovering")
        self._discoveries.fail(discovery, failure)
        told = {"code": code, "detail": failure.detail, "action": failure.action}
        logger.error("discovery failed", extra=told)
        return "failed"

    def _send(self, discovery: Discovery) -> None:
        message = StepMessage(ingest=discovery.id, epoch=0, step=Step.DISCOVER)
        self._messages.send([message])


class _Unfinished(Exception):
    """The run was over before all courses of the source were gone through."""

    def __init__(self, discovery: Discovery) -> None:
        super().__init__(discovery.id)
        self.discovery = discovery


def _unread(discovery: Discovery, course: Course, error: Exception) -> dict[str, Any]:
    match error:
        case OutOfTime():  # Runs are short here: it was this course that took all the time.
            said = TOO_LARGE
        case SourceRefused():
            said = redacted(str(error))
        case _:
            said = redacted(f"{type(error).__name__}: {error}")
    logger.warning(
        "could not look at a course: %s",
        said,
        extra={"course": course.id, "stack": "".join(traceback.format_tb(error.__traceback__))},
    )
    example = UnreadCourse(course=course.id, detail=said)
    return {
        "unread": discovery.unread + 1,
        "unread_examples": (*discovery.unread_examples, example)[:EXAMPLES],
    }


def _fenced(discovery: Discovery) -> Fenced:
    return Fenced(f"discovery {discovery.id} has ended, or another worker goes on with it")
