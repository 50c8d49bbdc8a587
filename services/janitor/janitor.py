"""Rolls back failed and cancelled ingests: removes what they wrote, then ends them."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from course_backfill.addresses import Address
from course_backfill.course_store import CourseStore
from course_backfill.errors import NotFound
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.location_moves import unreached
from course_backfill.location_ports import ObjectEraser
from course_backfill.locations import Location
from course_backfill.messages import StepMessage

logger = logging.getLogger(__name__)


class Janitor:
    """The only one that deletes, and only under a prefix whose number no version has."""

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
        removed = 0
        for location, eraser in self._erasers.values():
            here = self._addresses[location.id]
            if location.id in ingest.locations and ingest.addresses.get(location.id, here) == here:
                removed += eraser.erase(location.prefix_of(ingest))
        return removed

    def _is_registered(self, course: str, version: str) -> bool:
        try:
            self._courses.version(course, version)
        except NotFound:
            return False
        return True


def _is_given_up(ingest: Ingest) -> bool:
    has_failed = ingest.status in {IngestStatus.FAILED, IngestStatus.CANCELLED}
    return ingest.stage is Stage.ROLLING_BACK or (has_failed and not ingest.kept)
