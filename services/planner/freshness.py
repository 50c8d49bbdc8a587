"""Looks whether the source of a migrated course still is what the latest version was read from."""

from __future__ import annotations

from course_backfill.clock import Clock, to_text
from course_backfill.courses import CourseId
from course_backfill.ingests import SourceCheck
from course_backfill.inventory import Fingerprints
from course_backfill.ports import CourseSource
from course_backfill.run_time import in_time
from course_backfill.sorting import in_inventory_order
from course_backfill.stores.courses import CourseStore


class Freshness:
    """Compares by fingerprint, in bounded memory; reads documents alone, no content."""

    def __init__(self, *, source: CourseSource, courses: CourseStore, clock: Clock) -> None:
        self._source = source
        self._courses = courses
        self._clock = clock

    def check(self, course: str, version: str) -> SourceCheck:
        """How the source stands to a registered version; raises what the source raises."""
        checked_date = to_text(self._clock())
        known = self._courses.version(course, version).fingerprints
        found = Fingerprints()
        inventory = self._source.inventory(CourseId.parse(course), check_chunks=False)
        for one in in_inventory_order(in_time(inventory)):
            found.add(one)
        return SourceCheck(checked_date=checked_date, stale=found.hexdigests() != known)
