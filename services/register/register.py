"""Registers a version in one transaction, or new replicas of registered versions one by one."""

from __future__ import annotations

from collections.abc import Callable

from course_backfill.clock import Clock, to_text
from course_backfill.copies.places import Places
from course_backfill.courses import VersionReplica
from course_backfill.errors import ConditionFailed
from course_backfill.ingest_states import require_current
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest, IngestStatus, Replica
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import StepMessage
from course_backfill.ports import StateStore, Write
from course_backfill.stores.courses import CourseStore, version_of
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore


class Register:
    """Before it nothing of the version is visible; after it nothing of the version changes."""

    def __init__(
        self,
        *,
        places: Places,
        state: StateStore,
        ingests: IngestStore,
        courses: CourseStore,
        packets: PacketStore,
        lifecycle: Lifecycle,
        clock: Clock,
    ) -> None:
        self._places = places
        self._state = state
        self._ingests = ingests
        self._courses = courses
        self._packets = packets
        self._lifecycle = lifecycle
        self._clock = clock

    def register(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """A made version with its replicas; or else what was brought to further locations."""
        if ingest.version is None:
            return self._place(ingest, message)
        version = version_of(ingest, to_text(self._clock()))
        replicas = [self._record(ingest, version.id, location) for location in ingest.locations]

        def course_writes(after: Ingest) -> list[Write]:
            return self._courses.registered(after, version, replicas)

        totals = f"{version.objects} objects, {version.bytes} bytes"
        self._end(ingest, message, f"Registered {version.id}: {totals}", course_writes)
        return StepCompleted()

    def _place(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Version by version, so that no transaction grows; a repeat finds what is recorded."""
        brought = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        there = {(one.version, one.location) for one in self._courses.all_replicas(ingest.course)}
        for replica in brought:
            for version in replica.versions:
                if (version, replica.location) not in there:
                    self._record_one(ingest, self._record(ingest, version, replica.location))
        self._end(ingest, message, _brought(brought), self._courses.located)
        return StepCompleted()

    def _record_one(self, ingest: Ingest, record: VersionReplica) -> None:
        current = self._ingests.current(ingest)
        try:
            self._state.write(current, *self._courses.placed(ingest, record))
        except ConditionFailed:
            # Another delivery was faster, or the ingest has moved on: its end will tell.
            return

    def _end(
        self,
        ingest: Ingest,
        message: StepMessage,
        description: str,
        course_writes: Callable[[Ingest], list[Write]],
    ) -> None:
        def still_current(now: Ingest) -> Ingest:
            require_current(now, message)
            return now

        self._lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description=description,
            change=still_current,
            course_writes=course_writes,
        )

    def _record(self, ingest: Ingest, version: str, location: str) -> VersionReplica:
        where = self._places.location(location)
        return VersionReplica(
            course=ingest.course,
            version=version,
            location=location,
            bucket=where.bucket,
            prefix=where.prefix,
            registered_date=to_text(self._clock()),
        )


def _brought(replicas: list[Replica]) -> str:
    parts = [
        f"{len(replica.versions)} version(s) to {replica.location}"
        for replica in replicas
        if replica.versions
    ]
    return "Backfilled " + (", ".join(parts) or "nothing")
