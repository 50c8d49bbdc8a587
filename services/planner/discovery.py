"""Finds courses: every course that the source knows of gets a row, and no row is overwritten."""

from __future__ import annotations

import logging

from course_backfill.course_store import CourseStore
from course_backfill.ports import CourseSource

logger = logging.getLogger(__name__)


class Discoverer:
    """Looks through the source and adds the courses that are new."""

    def __init__(self, *, source: CourseSource, courses: CourseStore) -> None:
        self._source = source
        self._courses = courses

    def discover(self) -> tuple[int, int]:
        """(courses found, courses added); raises what the source raises."""
        found = added = 0
        for course in self._source.discover():
            found += 1
            added += self._courses.add(course)
        logger.info("discovered", extra={"found": found, "added": added})
        return found, added
