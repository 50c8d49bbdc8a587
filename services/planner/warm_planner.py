"""Plans the warming of a course: what its latest version has in archive classes of a location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from course_backfill.clock import Clock, to_text
from course_backfill.course_store import CourseStore
from course_backfill.courses import CourseId, Version
from course_backfill.errors import NotFound
from course_backfill.expected_objects import ManifestsDisagree, distinct
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepFailed, StepResult, StepSucceeded
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import Ingest, Leg, Replica, ReplicaStatus, Stage
from course_backfill.leg_planning import Bringing, LegPlanner
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketStore
from course_backfill.places import Places
from course_backfill.ports import WorkStore, Write
from course_backfill.replica_planning import ExpectedScan, joined
from course_backfill.restore_costs import RestoreCosts
from course_backfill.version_objects import ManifestDamaged, version_objects
from services.planner.location_dry_run import LocationDryRun


class WarmPlanner:
    """Opens the only leg of a warming, which has no packets: nothing is read."""

    def __init__(
        self,
        *,
        places: Places,
        courses: CourseStore,
        ingests: IngestStore,
        packets: PacketStore,
        work: WorkStore,
        legs: LegPlanner,
        costs: RestoreCosts,
        dry_run: LocationDryRun,
        flow: Flow,
        clock: Clock,
    ) -> None:
        self._places = places
        self._courses = courses
        self._ingests = ingests
        self._packets = packets
        self._work = work
        self._legs = legs
        self._costs = costs
        self._dry_run = dry_run
        self._flow = flow
        self._clock = clock

    def plan(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Lists what is archived of the latest version, in each location; a repeat likewise."""
        latest = self._courses.get(ingest.course).latest_version
        if latest is None:
            detail = f"course {ingest.course} has no registered version to warm"
            return _failed("nothing-registered", detail)
        version = self._courses.version(ingest.course, latest)
        there = {one.location for one in self._courses.replicas(ingest.course, latest)}
        for location in ingest.locations:
            self._places.location(location)
            if location not in there:
                return _failed("source-incomplete", f"location {location} has no {latest}")
            write = partial(self._write, version, location)
            listed = self._legs.write_list(ingest, message, location, write)
            if isinstance(listed, StepFailed):
                return listed
            ingest = listed
        wanted = [Bringing(one, [version], source=one) for one in ingest.locations]
        lists = self._legs.lists(ingest, wanted)
        if ingest.dry_run:
            return self._dry_run.end(ingest, message, lists)
        refused = self._costs.refusal(ingest, self._costs.tally(ingest, lists))
        return refused or self._begin(ingest, message, wanted)

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

    def _begin(self, ingest: Ingest, message: StepMessage, wanted: list[Bringing]) -> StepResult:
        replicas = [self._replica(ingest, one) for one in wanted]

        def stored(before: Ingest, after: Ingest) -> list[Write]:
            return self._packets.replica_writes(ingest, replicas)

        cold = sum(one.objects for one in replicas)
        said = f"Planned to warm {wanted[0].versions[0].id}: {cold} object(s) in archive classes"
        begun = self._ingests.update(
            ingest.id,
            lambda now: advanced(now, message, Stage.WARMING, Leg.LOCATIONS),
            event=self._ingests.event(Step.PLAN, "planned", said),
            extra=stored,
        )
        return StepSucceeded(self._flow.messages(begun))

    def _replica(self, ingest: Ingest, one: Bringing) -> Replica:
        scan, key = ExpectedScan(), ingest.lists[one.location]
        scan.packets(self._work, key)
        return Replica(
            location=one.location,
            status=ReplicaStatus.WARMING,
            versions=tuple(version.id for version in one.versions),
            source=one.source,
            expected=key,
            packets=0,
            objects=scan.objects,
            bytes=scan.size,
            started_date=to_text(self._clock()),
        )


def _failed(code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=Stage.PLANNING))
