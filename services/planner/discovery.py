"""Finds courses: every course that the source knows of gets a row, and no row is overwritten."""

from __future__ import annotations

import logging

from course_backfill.course_store import CourseStore
from course_backfill.discovery_store import DiscoveryStore
from course_backfill.errors import SourceRefused, SourceUnavailable
from course_backfill.failures import Failure
from course_backfill.ports import CourseSource

logger = logging.getLogger(__name__)


class Discoverer:
    """Looks through the source and adds the courses that are new."""

    def __init__(
        self, *, source: CourseSource, courses: CourseStore, discoveries: DiscoveryStore
    ) -> None:
        self._source = source
        self._courses = courses
        self._discoveries = discoveries

    def discover(self) -> tuple[int, int]:
        """(courses found, courses added); raises what the source raises."""
        found = added = 0
        for course in self._source.discover():
            found += 1
            added += self._courses.add(course)
        logger.info("discovered", extra={"found": found, "added": added})
        return found, added

    def answer(self, discovery: str) -> None:
        """Does one requested discovery, and records what came of it."""
        try:
            found, added = self.discover()
        except SourceUnavailable as outage:
            self._fail(discovery, "source-unavailable", outage)
        except SourceRefused as refusal:
            self._fail(discovery, "source-refused", refusal)
        else:
            self._discoveries.end(discovery, found=found, added=added)

    def _fail(self, discovery: str, code: str, error: Exception) -> None:
        failure = Failure.of_ingest(code, str(error), stage="discovering")
        self._discoveries.end(discovery, failure=failure)
