"""Plans the warming of a course: what a version has in archive classes of a location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from course_backfill.copies.expected_objects import ManifestsDisagree, distinct
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.copies.places import Places
from course_backfill.copies.replica_planning import joined
from course_backfill.copies.version_objects import ManifestDamaged, version_objects
from course_backfill.courses import CourseId, Version
from course_backfill.errors import NotFound
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
            write = partial(self._write, version, location)
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

    def _write(self, version: Version, location: str, key: str) -> StepFailed | None:
        place = self._places.get(location)

        def archived() -> Iterator[bytes]:
            expected = distinct(version_objects(place.reader, place.location, version))
            for one, stat, _ in joined(expected, place.list(CourseId.parse(version.course))):
                archive = place.archive_of(stat) if stat else None
                if stat and archive:
                    yield replace(one, etag=stat.etag, archive=archive).to_line()

        try:
            self._work.put(key, archived())
        except (ManifestDamaged, ManifestsDisagree, NotFound) as damaged:
            return _failed("manifest-damaged", f"{damaged} (in location {location})")
        return None


def _failed(code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=Stage.PLANNING))
