"""Registers a version: the one commit point, one transaction."""

from __future__ import annotations

from course_backfill.clock import Clock, to_text
from course_backfill.course_store import CourseStore
from course_backfill.courses import Version, VersionReplica
from course_backfill.errors import Fenced
from course_backfill.ingest_states import allotted_version, require_current
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.lifecycle import Lifecycle
from course_backfill.locations import Location
from course_backfill.messages import StepMessage
from course_backfill.ports import Write


class Register:
    """Before it nothing of the version is visible; after it nothing of the version changes."""

    def __init__(
        self,
        *,
        locations: dict[str, Location],
        courses: CourseStore,
        lifecycle: Lifecycle,
        clock: Clock,
    ) -> None:
        self._locations = locations
        self._courses = courses
        self._lifecycle = lifecycle
        self._clock = clock

    def register(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Version, replicas, course, ingest and lease change together or not at all."""
        version = self._version(ingest)
        replicas = [self._replica(version, location) for location in ingest.locations]

        def still_current(now: Ingest) -> Ingest:
            require_current(now, message)
            return now

        def course_writes(after: Ingest) -> list[Write]:
            return self._courses.registered(after, version, replicas)

        totals = f"{version.objects} objects, {version.bytes} bytes"
        self._lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description=f"Registered {version.id}: {totals}",
            change=still_current,
            course_writes=course_writes,
        )
        return StepCompleted()

    def _version(self, ingest: Ingest) -> Version:
        written = ingest.aggregated
        if written is None:
            raise Fenced(f"ingest {ingest.id} has no manifest")
        return Version(
            course=ingest.course,
            id=allotted_version(ingest),
            ingest=ingest.id,
            created_date=to_text(self._clock()),
            previous_version=ingest.previous_version,
            **written.model_dump(),
        )

    def _replica(self, version: Version, location: str) -> VersionReplica:
        where = self._locations[location]
        return VersionReplica(
            course=version.course,
            version=version.id,
            location=location,
            bucket=where.bucket,
            prefix=where.prefix,
            registered_date=version.created_date,
        )
