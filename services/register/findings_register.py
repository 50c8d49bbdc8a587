"""Ends audits and repairs: the course gets what they found, in the transaction of their end."""

from __future__ import annotations

from course_backfill.audits import NO_GOOD_REPLICA, REFUSED
from course_backfill.copies.places import Places
from course_backfill.failures import Failure
from course_backfill.ingest_states import require_current, rolling_back
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest, IngestStatus, Replica, Stage
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import StepMessage
from course_backfill.ports import Write
from course_backfill.results import Results
from course_backfill.stores.audits import AuditStore
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.packets import PacketStore


class FindingsRegister:
    """An audit that read all has succeeded, whatever it found; a repair, if all is well."""

    def __init__(
        self,
        *,
        places: Places,
        courses: CourseStore,
        audits: AuditStore,
        packets: PacketStore,
        results: Results,
        lifecycle: Lifecycle,
    ) -> None:
        self._places = places
        self._courses = courses
        self._audits = audits
        self._packets = packets
        self._results = results
        self._lifecycle = lifecycle

    def register(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """One transaction: the course, the ingest's end, the lease."""
        replicas = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        failure = self._failure(ingest, replicas) if ingest.repairs else _unread(replicas)
        status = IngestStatus.FAILED if failure else IngestStatus.SUCCEEDED

        def told(now: Ingest) -> Ingest:
            require_current(now, message)
            return rolling_back(now, status, failure) if failure else now

        def course_writes(after: Ingest) -> list[Write]:
            return self._audits.told(after, replicas, configured=self._places.names)

        self._lifecycle.end(
            ingest,
            status,
            description=self._description(ingest, replicas),
            change=told,
            course_writes=course_writes,
        )
        return StepCompleted()

    def _failure(self, ingest: Ingest, replicas: list[Replica]) -> Failure | None:
        """Why the course is not whole after the repair."""
        left = sum(one.damaged for one in replicas)
        if left == 0:
            return None
        lost = (one for one in self._results.failures(ingest.id) if one.code == NO_GOOD_REPLICA)
        first = next(lost, None) or next(self._results.failures(ingest.id))
        detail = f"{left} damaged object(s) could not be repaired, the first: {first.detail}"
        return Failure.of_ingest(first.code, detail, stage=Stage.REGISTERING)

    def _description(self, ingest: Ingest, replicas: list[Replica]) -> str:
        if ingest.repairs is None:
            found = (f"{one.location}: {_found(one)}" for one in replicas)
            return "Audited " + "; ".join(found)
        mended = (
            f"{one.objects - one.damaged} of {one.objects} in {one.location}" for one in replicas
        )
        return "Repaired " + ", ".join(mended) + self._what_is_next(ingest)

    def _what_is_next(self, ingest: Ingest) -> str:
        check = ingest.source_check
        if check is not None and check.stale:
            return ". The source has changed: start again to bring the new version"
        course = self._courses.get(ingest.course)
        lacking = [one for one in ingest.locations if not course.is_complete_in(one)]
        if lacking:
            return f". Start again to bring every version to {', '.join(lacking)}"
        return ""


def _found(one: Replica) -> str:
    if one.refusal:
        return one.refusal
    return f"{one.damaged} damaged, {one.surplus} surplus, {one.unread} unread"


def _unread(replicas: list[Replica]) -> Failure | None:
    """Why an audit is not all that it was asked for; what it found elsewhere counts."""
    refused = [f"{one.location} {one.refusal}" for one in replicas if one.refusal]
    if not refused:
        return None
    detail = f"{'; '.join(refused)}. What was found in the other locations is told and counts"
    return Failure.of_ingest(REFUSED, detail, stage=Stage.REGISTERING)
