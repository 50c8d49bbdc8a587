"""Plans what is brought from one location to others: all registered versions, nothing read anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from course_backfill.addresses import Address
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.copies.location_moves import require_found_there
from course_backfill.copies.places import Places
from course_backfill.courses import version_number
from course_backfill.failures import Failure
from course_backfill.ingest_states import require_current
from course_backfill.ingest_step import StepCompleted, StepFailed, StepResult
from course_backfill.ingests import Ingest, IngestStatus, SourceCheck, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import StepMessage
from course_backfill.stores.courses import CourseStore
from services.planner.location_dry_run import LocationDryRun


class LocationPlanner:
    """Opens the second leg of an ingest that has no first."""

    def __init__(
        self,
        *,
        places: Places,
        addresses: Mapping[str, Address],
        courses: CourseStore,
        legs: LegPlanner,
        lifecycle: Lifecycle,
        dry_run: LocationDryRun,
    ) -> None:
        self._places = places
        self._addresses = addresses
        self._courses = courses
        self._legs = legs
        self._lifecycle = lifecycle
        self._dry_run = dry_run

    def require_known(self, ingest: Ingest) -> None:
        """Raises LocationUnknown where a location was taken out of the settings, LocationMoved
        where versions were registered in another place than it is by now.
        """
        for location in (ingest.source, *ingest.locations):
            self._places.location(location)
        registered = self._courses.all_replicas(ingest.course)
        require_found_there(ingest, registered, self._addresses)

    def has_missing(self, ingest: Ingest) -> bool:
        """Whether a wanted location lacks a registered version."""
        return any(one.versions for one in self._wanted(ingest))

    def plan(
        self, ingest: Ingest, message: StepMessage, check: SourceCheck | None = None
    ) -> StepResult:
        """Plans every version that a wanted location lacks.

        `check` says how the source stands, where it was looked at.
        """
        source = ingest.source
        wanted = self._wanted(ingest)
        refused = self._refusal(ingest, wanted, source)
        if refused:
            return refused
        is_complete = not any(one.versions for one in wanted)
        if is_complete and not ingest.dry_run:
            self._end_complete(ingest, message, check)
            return StepCompleted()
        listed = self._legs.write_lists(ingest, message, wanted)
        if ingest.dry_run:
            return self._report(ingest, message, wanted, listed)
        if isinstance(listed, StepFailed):
            return listed
        return self._legs.begin(
            listed,
            message,
            wanted,
            description=f"Planned from {source}",
            change=self._checked(ingest, check),
        )

    def _report(
        self,
        ingest: Ingest,
        message: StepMessage,
        wanted: list[PlannedReplica],
        listed: Ingest | StepFailed,
    ) -> StepResult:
        if isinstance(listed, StepFailed):
            return self._dry_run.end_failed(ingest, message, listed)
        return self._dry_run.end(listed, message, self._legs.lists(listed, wanted))

    def _wanted(self, ingest: Ingest) -> list[PlannedReplica]:
        """For every location the versions that are not there, oldest first."""
        versions = self._courses.versions(ingest.course)[::-1]
        there = {(one.version, one.location) for one in self._courses.all_replicas(ingest.course)}
        return [
            PlannedReplica(
                location,
                [one for one in versions if (one.id, location) not in there],
                source=ingest.source,
            )
            for location in ingest.locations
        ]

    def _refusal(
        self, ingest: Ingest, wanted: list[PlannedReplica], source: str
    ) -> StepFailed | None:
        there = {
            one.version
            for one in self._courses.all_replicas(ingest.course)
            if one.location == source
        }
        lacking = sorted(
            {version.id for one in wanted for version in one.versions} - there,
            key=version_number,
        )
        if lacking:
            return _failed("source-incomplete", f"location {source} has no {', '.join(lacking)}")
        return None

    def _end_complete(
        self, ingest: Ingest, message: StepMessage, check: SourceCheck | None
    ) -> None:
        def still_current(now: Ingest) -> Ingest:
            require_current(now, message)
            return self._checked(ingest, check)(now)

        latest = self._courses.get(ingest.course).latest_version
        fresh = f"{latest} equals the source, and " if check else ""
        everywhere = ", ".join(ingest.locations)
        self._lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description=f"Nothing to do: {fresh}every version is in {everywhere}",
            change=still_current,
            course_writes=self._courses.located,
        )

    def _checked(self, ingest: Ingest, check: SourceCheck | None) -> Callable[[Ingest], Ingest]:
        latest = self._courses.get(ingest.course).latest_version
        changes = {"source_check": check, "previous_version": latest}
        return lambda now: now.model_copy(update=changes)


def _failed(code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=Stage.PLANNING))
