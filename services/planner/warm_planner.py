"""Plans the warming of a course: what a version has in archive classes of a location."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from course_backfill.copies.expected_objects import ManifestsDisagree, distinct
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.copies.places import Place, Places
from course_backfill.copies.proven_versions import UnprovenFile, read_proven, write_proven
from course_backfill.copies.replica_planning import joined
from course_backfill.courses import CourseId, Version
from course_backfill.failures import Failure
from course_backfill.ingest_step import StepFailed, StepResult
from course_backfill.ingests import Ingest, Stage
from course_backfill.messages import StepMessage
from course_backfill.ports import WorkStore
from course_backfill.stores.courses import CourseStore
from services.planner.location_dry_run import LocationDryRun


class WarmPlanner:
    """Opens the only leg of a warming, which has no packets: nothing is read."""

    def __init__(
        self,
        *,
        places: Places,
        courses: CourseStore,
        work: WorkStore,
        legs: LegPlanner,
        dry_run: LocationDryRun,
    ) -> None:
        self._places = places
        self._courses = courses
        self._work = work
        self._legs = legs
        self._dry_run = dry_run

    def plan(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Lists what is archived of the wished version, in each location; a repeat likewise."""
        version = self._version(ingest)
        there = {one.location for one in self._courses.replicas(ingest.course, version.id)}
        for location in ingest.locations:
            self._places.location(location)
            if location not in there:
                return _failed("source-incomplete", f"location {location} has no {version.id}")
            write = partial(self._write, version, self._having(location, there))
            listed = self._legs.write_list(ingest, message, location, write)
            if isinstance(listed, StepFailed):
                return listed
            ingest = listed
        wanted = [PlannedReplica(one, [version], source=one) for one in ingest.locations]
        if ingest.dry_run:
            return self._dry_run.end(ingest, message, self._legs.lists(ingest, wanted))
        return self._legs.begin(
            ingest, message, wanted, description=f"Planned to warm {version.id}", work=Stage.WARMING
        )

    def _version(self, ingest: Ingest) -> Version:
        """The wished version, or else the latest: an ingest of versions began with one."""
        if ingest.wished_version is not None:
            return self._courses.version(ingest.course, ingest.wished_version)
        return self._courses.versions(ingest.course)[0]

    def _having(self, first: str, there: set[str]) -> list[Place]:
        """The configured places that have the version, `first` before the others."""
        others = [one for one in self._places.names if one in there and one != first]
        return [self._places.get(one) for one in (first, *others)]

    def _write(self, version: Version, places: list[Place], key: str) -> StepFailed | None:
        """Lists what is archived in the first of the places; any of them may prove what it is."""
        place = places[0]
        with tempfile.TemporaryFile(prefix="course-backfill-") as file:
            unproven = write_proven(file, version, places)
            if unproven:
                return _unreadable(unproven, places)

            def archived() -> Iterator[bytes]:
                expected = distinct(read_proven(file))
                for one, stat, _ in joined(expected, place.list(CourseId.parse(version.course))):
                    archive = place.archive_of(stat) if stat else None
                    if stat and archive:
                        yield replace(one, etag=stat.etag, archive=archive).to_line()

            try:
                self._work.put(key, archived())
            except ManifestsDisagree as damaged:
                detail = f"{damaged} (in location {place.location.id})"
                return _failed("manifest-damaged", detail)
        return None


def _unreadable(unproven: Sequence[UnprovenFile], places: Sequence[Place]) -> StepFailed:
    """What nobody can read because it is archived is not lost."""
    where = f"(in location {', '.join(one.location.id for one in places)})"
    cold = next((one.cold for one in unproven if one.cold is not None), None)
    if cold is not None:
        return _failed("manifest-cold", f"{cold} {where}")
    detail = f"{unproven[0].key!r} is missing, or is not the file that was registered {where}"
    return _failed("manifest-damaged", detail)


def _failed(code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=Stage.PLANNING))
