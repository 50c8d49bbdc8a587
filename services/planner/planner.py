"""Plans an ingest: takes the inventory, decides whether there is anything to do, cuts packets."""

from __future__ import annotations

from collections.abc import Iterator

from course_backfill.clock import Clock, to_text
from course_backfill.copies.leg_planning import packets_of
from course_backfill.copies.places import Places
from course_backfill.courses import Course, CourseId, version_id
from course_backfill.errors import ConditionFailed, Fenced
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced, require_current
from course_backfill.ingest_step import (
    StepCompleted,
    StepFailed,
    StepResult,
    StepSucceeded,
    StepWaiting,
    Work,
)
from course_backfill.ingests import PRIMARY, Ingest, Leg, Replica, ReplicaStatus, SourceCheck, Stage
from course_backfill.inventory import InventorySummary, SourceObject
from course_backfill.locations import inventory_key
from course_backfill.manifests import split_lines
from course_backfill.messages import StepMessage
from course_backfill.packets import PacketRange
from course_backfill.ports import CourseSource, WorkStore, Write
from course_backfill.results import Results
from course_backfill.run_time import in_time
from course_backfill.sorting import in_inventory_order
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import Task
from services.planner.audit_planner import AuditPlanner
from services.planner.dry_run import DryRun
from services.planner.inventory_scan import InventoryScan, failure
from services.planner.location_planner import LocationPlanner
from services.planner.repair_planner import RepairPlanner
from services.planner.version_numbers import unused_number
from services.planner.warm_planner import WarmPlanner


class Planner:
    """Brings an ingest from accepted to its packets; a repeat finds the inventory of the first."""

    def __init__(
        self,
        *,
        source: CourseSource,
        places: Places,
        work: WorkStore,
        results: Results,
        ingests: IngestStore,
        courses: CourseStore,
        packets: PacketStore,
        dry_run: DryRun,
        locations: LocationPlanner,
        warmings: WarmPlanner,
        audits: AuditPlanner,
        repairs: RepairPlanner,
        flow: Flow,
        clock: Clock,
    ) -> None:
        self._source = source
        self._places = places
        self._work = work
        self._results = results
        self._ingests = ingests
        self._courses = courses
        self._packets = packets
        self._dry_run = dry_run
        self._locations = locations
        self._warmings = warmings
        self._audits = audits
        self._repairs = repairs
        self._flow = flow
        self._clock = clock

    def plan(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Ends a dry run or an unchanged course; otherwise allots the version and its packets."""
        self._locations.require_known(ingest)
        if ingest.version is not None:
            return self._resume(ingest, message)
        plan_copies = self._planner_of_copies(ingest)
        if plan_copies is not None:
            return plan_copies(ingest, message)
        taken = ingest.inventory or self._take_inventory(ingest, message)
        scan = InventoryScan()
        packets = list(scan.packets(self._inventory(taken.key)))
        unchanged = self._is_unchanged(ingest, taken)
        if ingest.dry_run:
            return self._report(ingest, message, scan, taken.key, unchanged=unchanged)
        if scan.faults and ingest.corrupt_objects == "fail":
            return self._refuse(ingest, taken.key, scan.faults)
        if unchanged:
            # What MongoDB has is registered already: other locations are filled without it.
            check = SourceCheck(checked_date=taken.taken_date, stale=False)
            return self._locations.plan(ingest, message, check)
        return self._begin(ingest, message, taken, packets)

    def _report(
        self,
        ingest: Ingest,
        message: StepMessage,
        scan: InventoryScan,
        inventory: str,
        *,
        unchanged: bool,
    ) -> StepResult:
        """Where MongoDB has nothing new, what other locations lack; unless it is to be read."""
        if unchanged and not ingest.read_source and self._locations.has_missing(ingest):
            return self._locations.plan(ingest, message)
        self._dry_run.end(ingest, scan, lambda: self._inventory(inventory), unchanged=unchanged)
        return StepCompleted()

    def _planner_of_copies(self, ingest: Ingest) -> Work | None:
        """Who plans an ingest of copies that are registered already; None for one of the source."""
        if ingest.task is Task.AUDIT:
            return self._audits.plan
        if ingest.task is Task.WARM:
            return self._warmings.plan
        if self._repairs.is_due(ingest):
            return self._repairs.plan
        return None if ingest.provider == "mongodb" else self._locations.plan

    def _take_inventory(self, ingest: Ingest, message: StepMessage) -> InventorySummary:
        """Takes an inventory to a file of its own; where another planner was faster, gives that."""

        def begun(now: Ingest) -> Ingest:
            require_current(now, message)
            return now.model_copy(update={"inventories": now.inventories + 1})

        attempt = self._ingests.update(ingest.id, begun)
        key = inventory_key(attempt.id, attempt.inventories)
        scan = InventoryScan()
        found = self._source.inventory(CourseId.parse(ingest.course), check_chunks=True)
        self._work.put(
            key, (one.to_line() for one in scan.passing(in_inventory_order(in_time(found))))
        )
        summary = scan.summary(
            key, database=self._source.database, taken_date=attempt.last_modified_date
        )

        def taken(now: Ingest) -> Ingest:
            require_current(now, message)
            return now if now.inventory else now.model_copy(update={"inventory": summary})

        return self._ingests.update(ingest.id, taken).inventory or summary

    def _inventory(self, key: str) -> Iterator[SourceObject]:
        return map(SourceObject.from_line, split_lines(self._work.read(key)))

    def _is_unchanged(self, ingest: Ingest, summary: InventorySummary) -> bool:
        """Whether the latest version equals the source."""
        latest = self._courses.get(ingest.course).latest_version
        if latest is None:
            return False
        version = self._courses.version(ingest.course, latest)
        return version.exceptions == 0 and version.fingerprints == summary.fingerprints

    def _refuse(self, ingest: Ingest, key: str, faults: int) -> StepFailed:
        """Chunk faults end the ingest before a byte is copied."""
        bad = (failure(one, one.fault) for one in self._inventory(key) if one.fault)
        self._results.write_failures(ingest, bad)
        first = next(failure(one, one.fault) for one in self._inventory(key) if one.fault)
        detail = (
            f"{faults} bad object(s) found before anything was copied, "
            f"the first is {first.path!r}: {first.detail}. "
            "Bytes were not read yet, so there may be more: a dry run with readSource finds all"
        )
        whole = Failure.of_ingest(first.code, detail, stage=Stage.PLANNING)
        return StepFailed(whole, objects=faults)

    def _begin(
        self,
        ingest: Ingest,
        message: StepMessage,
        summary: InventorySummary,
        ranges: list[PacketRange],
    ) -> StepResult:
        """Stores the packets, then allots the version and opens the next stage at once."""
        self._packets.plan(ingest, PRIMARY, packets_of(PRIMARY, ranges))
        course = self._courses.get(ingest.course)
        number = self._next_number(ingest, course)
        stage = Stage.REPLICATING if ranges else Stage.VERIFYING

        def planned(now: Ingest) -> Ingest:
            changes = {
                "version": version_id(number),
                "previous_version": course.latest_version,
            }
            return advanced(now, message, stage).model_copy(update=changes)

        def allotted(before: Ingest, after: Ingest) -> list[Write]:
            planned = [self._replica(summary, ranges)]
            return [
                self._courses.allot_version(after, number, last=course.last_version_number),
                *self._packets.replica_writes(ingest, planned),
            ]

        description = (
            f"Planned v{number}: {summary.objects} objects, {summary.bytes} bytes, "
            f"{len(ranges)} packet(s)"
        )
        try:
            begun = self._ingests.update(
                ingest.id,
                planned,
                event=self._ingests.event("plan", "succeeded", description),
                extra=allotted,
            )
        except ConditionFailed:
            raise Fenced(f"course {ingest.course} is no longer ingest {ingest.id}'s") from None
        return StepSucceeded(self._flow.messages(begun))

    def _next_number(self, ingest: Ingest, course: Course) -> int:
        places = map(self._places.get, ingest.locations)
        return unused_number(CourseId.parse(course.id), places, last=course.last_version_number)

    def _replica(self, summary: InventorySummary, ranges: list[PacketRange]) -> Replica:
        return Replica(
            location=PRIMARY,
            status=ReplicaStatus.REPLICATING if ranges else ReplicaStatus.VERIFYING,
            packets=len(ranges),
            objects=summary.objects,
            bytes=summary.bytes,
            started_date=to_text(self._clock()),
        )

    def _resume(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """A retry goes on with the packets that were finished; those with bad objects go again.

        Not once the manifest is written: it says what is without them, and is never replaced.
        """
        is_open = ingest.aggregated is None
        for replica in self._packets.replicas(ingest.id):
            for packet in self._packets.packets(ingest.id, replica.location):
                if self._packets.is_claimed(packet):
                    # Its worker has yet to notice; meanwhile it would turn others away.
                    return StepWaiting("a worker of the attempt before has not let go yet")
                has_faults = packet.copied and (packet.bad or packet.mismatched)
                if has_faults and (is_open or replica.location != PRIMARY):
                    self._packets.reopen(ingest, packet)
        # The second leg begins at warming: what was restored may have gone cold again.
        is_second = self._is_second_planned(ingest)
        leg = Leg.LOCATIONS if is_second else Leg.SOURCE
        stage = Stage.WARMING if is_second else Stage.REPLICATING
        resumed = self._ingests.update(
            ingest.id,
            lambda now: advanced(now, message, stage, leg),
            event=self._ingests.event("plan", "succeeded", "Resumed from the finished packets"),
        )
        return StepSucceeded(self._flow.messages(resumed))

    def _is_second_planned(self, ingest: Ingest) -> bool:
        """Whether every other location has its list and its packets, and not lists alone."""
        planned = {one.location: one.expected for one in self._packets.replicas(ingest.id)}
        others = [one for one in ingest.locations if one != PRIMARY]
        return bool(others) and all(
            one in ingest.lists and ingest.lists[one] == planned.get(one) for one in others
        )
