"""Plans the repair of what audits found damaged, before anything else of its course is brought."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from course_backfill.addresses import Address
from course_backfill.clock import Clock
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.copies.location_moves import require_found_there
from course_backfill.copies.places import Places
from course_backfill.courses import Course, CourseId, version_number
from course_backfill.errors import NotFound, SourceRefused, SourceUnavailable
from course_backfill.failures import Failure
from course_backfill.ingest_states import require_current
from course_backfill.ingest_step import StepFailed, StepResult
from course_backfill.ingests import Ingest, SourceCheck, Stage
from course_backfill.messages import StepMessage
from course_backfill.ports import WorkStore
from course_backfill.results import Results
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import IngestType
from services.planner.freshness import Freshness
from services.planner.repair_lists import AuditedPlace, write_repairs

logger = logging.getLogger(__name__)


class RepairPlanner:
    """Opens the only leg of a repair: from the copies that audits found good."""

    def __init__(
        self,
        *,
        places: Places,
        addresses: Mapping[str, Address],
        courses: CourseStore,
        ingests: IngestStore,
        packets: PacketStore,
        work: WorkStore,
        results: Results,
        legs: LegPlanner,
        freshness: Freshness,
        clock: Clock,
    ) -> None:
        self._places = places
        self._addresses = addresses
        self._courses = courses
        self._ingests = ingests
        self._packets = packets
        self._work = work
        self._results = results
        self._legs = legs
        self._freshness = freshness
        self._clock = clock

    def is_due(self, ingest: Ingest) -> bool:
        """Whether the ingest has to mend before it does what it was started for."""
        if ingest.repairs is not None:
            return True
        is_backfill = ingest.ingest_type is IngestType.BACKFILL and not ingest.dry_run
        return is_backfill and bool(self._damaged(self._courses.get(ingest.course)))

    def plan(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Lists for each damaged location what is mended from where; a repeat likewise."""
        course = self._courses.get(ingest.course)
        audits = self._damaged(course)
        ingest = self._begin(ingest, message, max(audits.values(), default=""))
        require_found_there(ingest, self._courses.all_replicas(course.id), self._addresses)
        for location, audit in audits.items():
            write = partial(self._write, course, location, audit)
            listed = self._legs.write_list(ingest, message, location, write)
            if isinstance(listed, StepFailed):
                return listed
            ingest = listed
        check = self._source_check(ingest, course)
        changes = {"source_check": check, "previous_version": course.latest_version}
        return self._legs.begin(
            ingest,
            message,
            [PlannedReplica(location, []) for location in ingest.leg_replicas],
            description="Repairing what an audit found damaged",
            change=lambda now: now.model_copy(update=changes),
        )

    def _damaged(self, course: Course) -> dict[str, str]:
        """Each location where something waits for its repair → the audit that found it."""
        return {
            location: replica.audit
            for location, replica in sorted(course.replicas.items())
            if replica.to_repair > 0 and replica.audit and location in self._places.names
        }

    def _begin(self, ingest: Ingest, message: StepMessage, audit: str) -> Ingest:
        def repairing(now: Ingest) -> Ingest:
            require_current(now, message)
            return now.model_copy(update={"repairs": now.repairs or audit})

        return self._ingests.update(ingest.id, repairing)

    def _write(self, course: Course, location: str, audit: str, key: str) -> StepFailed | None:
        audited = [
            AuditedPlace(self._places.get(replica.location), frozenset(replica.versions))
            for name in self._places.names
            for replica in self._packets.replicas(audit)
            if replica.location == name and replica.refusal is None
        ]
        wanted = sorted({one for place in audited for one in place.versions}, key=version_number)
        try:
            write_repairs(
                self._work,
                key,
                location,
                course=CourseId.parse(course.id),
                findings=self._results.failures(audit),
                versions=[self._courses.version(course.id, one) for one in wanted],
                audited=audited,
                now=self._clock(),
            )
        except NotFound as missing:
            detail = f"the findings of audit {audit} are gone: {missing}"
            return StepFailed(Failure.of_ingest("findings-gone", detail, stage=Stage.PLANNING))
        return None

    def _source_check(self, ingest: Ingest, course: Course) -> SourceCheck | None:
        """How the source stands: a repair needs no source, so one that is away is passed over."""
        if ingest.provider != "mongodb" or course.latest_version is None:
            return None
        try:
            return self._freshness.check(course.id, course.latest_version)
        except (SourceUnavailable, SourceRefused) as error:
            logger.warning("could not look at the source: %s", error, extra={"course": course.id})
            return None
