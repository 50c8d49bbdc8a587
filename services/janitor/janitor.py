"""Rolls back failed and cancelled ingests: removes what they wrote, then ends them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping

from course_backfill.addresses import Address
from course_backfill.copies.location_moves import unreached
from course_backfill.copies.location_ports import ObjectEraser
from course_backfill.courses import CourseId
from course_backfill.errors import Conflict, NotFound
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.locations import Location
from course_backfill.messages import StepMessage
from course_backfill.stores.courses import CourseStore

logger = logging.getLogger(__name__)


class Janitor:
    """The only one that deletes: objects only under a prefix whose number no version has, and
    open uploads of a course that nobody works on.
    """

    def __init__(
        self,
        *,
        erasers: dict[str, tuple[Location, ObjectEraser]],
        addresses: Mapping[str, Address],
        courses: CourseStore,
        lifecycle: Lifecycle,
    ) -> None:
        self._erasers = erasers
        self._addresses = addresses
        self._courses = courses
        self._lifecycle = lifecycle

    def roll_back(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Makes the locations what they were, and ends the ingest as it was intended to end."""
        removed = self.erase(ingest)
        end = ingest.intended_end or IngestStatus.FAILED
        description = f"Rolled back: {removed} object(s) and upload(s) removed"
        left = unreached(ingest, self._addresses)
        if left and ingest.version:
            description += f"; not in {', '.join(left)}: not in the settings any more"
        self._lifecycle.end(ingest, end, description=description)
        return StepCompleted()

    def erase(self, ingest: Ingest) -> int:
        """Removes everything below the ingest's own prefix; repeats remove what came late.

        Does nothing where the ingest may still succeed or its number was registered after all,
        and nothing in locations that were taken out of the settings, or are elsewhere by now.
        """
        if ingest.version is None or not _is_given_up(ingest):
            return 0
        if self._is_registered(ingest.course, ingest.version):
            logger.error("refused to erase a registered version", extra={"ingest_id": ingest.id})
            return 0
        return sum(
            eraser.erase(location.prefix_of(ingest))
            for location, eraser in self._reached(ingest, ingest.locations)
        )

    def sweep_behind(self, ingest: Ingest) -> int:
        """Removes what writers left behind an ingest that has ended; how much that was.

        Without a version of its own it can only have left uploads, among registered objects.
        Raises Conflict where these may be another ingest's.
        """
        if ingest.version is not None:
            return self.erase(ingest)
        course = self._courses.get(ingest.course)
        if course.active_ingest:
            raise Conflict(f"course {course.id} is busy with ingest {course.active_ingest}")
        return sum(
            eraser.abort_uploads(location.course_prefix(CourseId.parse(ingest.course)))
            for location, eraser in self._reached(ingest, {*ingest.locations, *ingest.lists})
        )

    def _reached(
        self, ingest: Ingest, wanted: Collection[str]
    ) -> Iterator[tuple[Location, ObjectEraser]]:
        """Of the wanted locations those that are where they were for the ingest."""
        for name, (location, eraser) in self._erasers.items():
            here = self._addresses[name]
            if name in wanted and ingest.addresses.get(name, here) == here:
                yield location, eraser

    def _is_registered(self, course: str, version: str) -> bool:
        try:
            self._courses.version(course, version)
        except NotFound:
            return False
        return True


def _is_given_up(ingest: Ingest) -> bool:
    has_failed = ingest.status in {IngestStatus.FAILED, IngestStatus.CANCELLED}
    return ingest.stage is Stage.ROLLING_BACK or (has_failed and not ingest.kept)
