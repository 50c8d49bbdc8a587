"""Plans an audit: every version of a course, in every location that is to be looked at."""

from __future__ import annotations

from functools import partial

from course_backfill.audits import AuditWish
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.copies.places import Place, Places
from course_backfill.courses import Version, VersionReplica
from course_backfill.failures import Failure
from course_backfill.ingest_step import StepFailed, StepResult
from course_backfill.ingests import Ingest, Stage
from course_backfill.messages import StepMessage
from course_backfill.ports import WorkStore
from course_backfill.stores.courses import CourseStore
from services.planner.audit_lists import known_versions, write_audited


class AuditPlanner:
    """Opens the only leg of an audit, whose packets are read and never copied."""

    def __init__(
        self, *, places: Places, courses: CourseStore, work: WorkStore, legs: LegPlanner
    ) -> None:
        self._places = places
        self._courses = courses
        self._work = work
        self._legs = legs

    def plan(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Lists what each asked location that has the course is to hold; a repeat likewise.

        Raises LocationUnknown where a location of an earlier delivery's lists is not configured.
        """
        for listed_before in ingest.lists:
            self._places.location(listed_before)
        there = self._courses.all_replicas(ingest.course)
        locations = [one for one in self._asked(ingest) if any(one == r.location for r in there)]
        if not locations:
            detail = f"course {ingest.course} has no registered version in the asked locations"
            return StepFailed(Failure.of_ingest("nothing-to-audit", detail, stage=Stage.PLANNING))
        versions = self._courses.versions(ingest.course)[::-1]
        for location in locations:
            write = partial(self._write, ingest, versions, there, location)
            listed = self._legs.write_list(ingest, message, location, write)
            if isinstance(listed, StepFailed):
                return listed
            ingest = listed
        wanted = [self._audited(ingest, versions, location) for location in locations]
        description = f"Auditing {len(versions)} version(s)"
        return self._legs.begin(
            ingest, message, wanted, description=description, work=Stage.VERIFYING
        )

    def _asked(self, ingest: Ingest) -> list[str]:
        """In the order of the settings."""
        return [one for one in self._places.names if one in (ingest.locations or [one])]

    def _write(
        self,
        ingest: Ingest,
        versions: list[Version],
        there: list[VersionReplica],
        location: str,
        key: str,
    ) -> None:
        write_audited(
            self._work,
            key,
            versions=[
                (one, self._having(one, there))
                for one in versions
                if any((one.id, location) == (r.version, r.location) for r in there)
            ],
            target=self._places.get(location),
            is_warming=(ingest.audit or AuditWish()).warm,
        )

    def _having(self, version: Version, there: list[VersionReplica]) -> list[Place]:
        """The configured places that a version is registered in, in the order of the settings."""
        having = {one.location for one in there if one.version == version.id}
        return [self._places.get(one) for one in self._places.names if one in having]

    def _audited(self, ingest: Ingest, versions: list[Version], location: str) -> PlannedReplica:
        known = known_versions(self._work, ingest.lists[location])
        return PlannedReplica(
            location, [one for one in versions if one.id in known], source=location
        )
