"""The turns of an ingest's life: accepted, failed, kept, retried, cancelled, ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from course_backfill import ingest_states
from course_backfill.clock import Clock, to_text
from course_backfill.courses import Course
from course_backfill.domain_events import announced
from course_backfill.end_guards import Guard, still_kept, unmoved
from course_backfill.errors import ConditionFailed, Conflict, Fenced, NotFound
from course_backfill.failures import Failure
from course_backfill.ingest_states import is_to_be_told
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step, StepMessage
from course_backfill.metrics import FAILURES, INGESTS
from course_backfill.ports import MessageSender, Meter, Write
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore, end_writes, expiry_timer
from course_backfill.stores.timers import TimerKind, clear_timer
from course_backfill.tasks import IngestType

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things are left alone before something is done about them."""

    keep_failures: timedelta = timedelta(days=14)
    resweep_after: tuple[timedelta, ...] = (timedelta(minutes=10), timedelta(hours=24))
    """When to sweep again behind writers that outlived their ingest."""


class Lifecycle:
    """Every start and every end of an ingest; each is one transaction, then its messages."""

    def __init__(
        self,
        *,
        ingests: IngestStore,
        courses: CourseStore,
        messages: MessageSender,
        meter: Meter,
        clock: Clock,
        patience: Patience,
        announces: bool = False,
    ) -> None:
        """`announces`: whether a bus of domain events is to be told of ends."""
        self._ingests = ingests
        self._courses = courses
        self._messages = messages
        self._meter = meter
        self._clock = clock
        self._patience = patience
        self._announces = announces

    def accept(self, ingest: Ingest) -> None:
        """Stores the ingest with the course's lease, and sends the first message.

        Kept copies of an earlier failure are rolled back before a backfill. Raises Conflict
        where the course is busy, or has no version yet that the ingest could be about; NotFound
        where it, or the version, is not known, ConditionFailed where the ingest's id is taken.
        """
        course = self._courses.get(ingest.course)
        if ingest.is_of_versions:
            self._require_versions(course, ingest.wished_version)
        lease: list[Write] = []
        if not ingest.dry_run:
            if course.kept_ingest and ingest.ingest_type is IngestType.BACKFILL:
                self._supersede(course.kept_ingest, ingest)
            lease = self._courses.take_lease(ingest)
        event = self._ingests.event(
            "accept", "succeeded", "Ingest accepted", requested_by=ingest.requested_by
        )
        try:
            self._ingests.add(ingest, event=event, extra=lease)
        except ConditionFailed:
            if not ingest.dry_run and self._ingests.find(ingest.id) is None:
                self._courses.take_lease(ingest)  # Names the ingest that came first.
                raise Conflict(f"course {ingest.course} changed; try again") from None
            raise
        self._meter.emit({INGESTS: 1}, by=IngestStatus.ACCEPTED)
        told = {"ingest_id": ingest.id, "course": ingest.course, "outcome": "accepted"}
        logger.info("ingest accepted", extra=told)
        self._send(ingest, Step.PLAN)

    def fail(self, ingest: Ingest, failure: Failure, *, objects: int = 0) -> Ingest:
        """Ends the ingest as failed: kept if the request says so, otherwise rolled back.

        `objects` counts what is listed under its failures. Raises Fenced or Conflict where the
        ingest has moved on meanwhile.
        """
        has_moved_on = False
        try:
            if ingest.on_failure == "keep" and not ingest.dry_run:
                failed = self._keep(ingest, failure, objects)
            else:
                guard = unmoved(ingest)
                failed = self._roll_back_or_end(
                    ingest, IngestStatus.FAILED, failure, objects=objects, guard=guard
                )
        except (Fenced, Conflict):
            has_moved_on = True
            raise
        else:
            self._meter.emit({FAILURES: 1}, by=failure.code)
            return failed
        finally:
            if not has_moved_on:
                _log_failure(ingest, failure, objects)

    def cancel(self, ingest: str, *, by: str) -> Ingest:
        """Fences the ingest and has its copies removed; raises Conflict where it has ended."""
        current = self._ingests.get(ingest)
        return self._roll_back_or_end(
            current, IngestStatus.CANCELLED, None, by=by, reason="cancelled on request"
        )

    def expire(self, ingest: Ingest) -> None:
        """A kept failure was not retried in time: its copies are removed.

        Raises Conflict where it is not kept any more.
        """
        self._roll_back_or_end(
            ingest, IngestStatus.FAILED, ingest.failure, reason="expired", guard=still_kept
        )

    def retry(self, ingest: str, *, by: str) -> Ingest:
        """Takes the lease again and starts a kept failure from its finished packets.

        Raises Conflict where nothing was kept, the course is busy, or a newer version was
        registered meanwhile.
        """

        def again(before: Ingest, after: Ingest) -> list[Write]:
            course = self._courses.get(before.course)
            if course.latest_version != before.previous_version and before.version:
                raise Conflict(
                    f"{course.latest_version} of {course.id} was registered since: "
                    f"cancel ingest {before.id}, then start the course again"
                )
            clear = clear_timer(before.id, TimerKind.EXPIRY)
            return [*self._courses.take_lease(after), clear]

        event = self._ingests.event("retry", "succeeded", "Retry accepted", requested_by=by)
        retried = self._ingests.update(ingest, ingest_states.retried, event=event, extra=again)
        self._send(retried, Step.PLAN)
        return retried

    def end(
        self,
        ingest: Ingest,
        status: IngestStatus,
        *,
        description: str,
        change: Callable[[Ingest], Ingest] = lambda ingest: ingest,
        course_writes: Callable[[Ingest], list[Write]] | None = None,
        also: Sequence[Write] = (),
    ) -> Ingest:
        """The one end of every ingest; `change` may raise to refuse it, and adds what was found.

        `course_writes` replaces the plain release of the course's lease; `also` is written in the
        same transaction.
        """
        release = course_writes or self._courses.release_lease
        had_ended = False

        def last(before: Ingest, after: Ingest) -> list[Write]:
            nonlocal had_ended
            had_ended = before.status.is_end  # Kept, until now.
            resweep = self._patience.resweep_after
            return [
                *release(after),
                *also,
                *end_writes(after, self._clock(), resweep_after=resweep),
            ]

        ended = self._ingests.update(
            ingest.id,
            lambda now: self._announced(ingest_states.ended(change(now), status)),
            event=self._ingests.event("end", status.value, description),
            extra=last,
        )
        if not had_ended:
            self._meter.emit({INGESTS: 1}, by=status)
        logger.info(
            "ingest ended",
            extra={"ingest_id": ended.id, "course": ended.course, "outcome": status.value},
        )
        if is_to_be_told(ended):
            self._send(ended, Step.NOTIFY)
        return ended

    def _announced(self, ended: Ingest) -> Ingest:
        return announced(ended, now=self._ingests.now_text()) if self._announces else ended

    def _require_versions(self, course: Course, wished: str | None) -> None:
        if not course.versions:
            raise Conflict(
                f"course {course.id} has no registered version yet: "
                "backfill it from its source first (course-backfill start)"
            )
        if wished is None:
            return
        try:
            self._courses.version(course.id, wished)
        except NotFound as missing:
            raise NotFound(
                f"{missing}: course-backfill versions {course.id} lists those that it has"
            ) from None

    def _supersede(self, kept: str, successor: Ingest) -> None:
        self._roll_back_or_end(
            self._ingests.get(kept),
            IngestStatus.FAILED,
            None,
            by=successor.requested_by,
            reason=f"superseded by ingest {successor.id}",
            guard=still_kept,
        )

    def _roll_back_or_end(
        self,
        ingest: Ingest,
        status: IngestStatus,
        failure: Failure | None,
        *,
        objects: int = 0,
        by: str | None = None,
        reason: str = "",
        guard: Guard = lambda now: None,
    ) -> Ingest:
        """Removes what was copied, if any could have been, and then ends."""

        def fenced(now: Ingest) -> Ingest:
            guard(now)
            changed = ingest_states.rolling_back(now, status, failure)
            counted = objects or changed.failure_count
            return changed.model_copy(update={"failure_count": counted})

        def forget(before: Ingest, after: Ingest) -> list[Write]:
            clear = clear_timer(before.id, TimerKind.EXPIRY)
            return [*self._courses.forget_kept(after), clear] if before.kept else []

        description = failure.detail if failure else f"Rolling back: {reason}"
        event = self._ingests.event("roll-back", "started", description, requested_by=by)
        changed = self._ingests.update(ingest.id, fenced, event=event, extra=forget)
        if changed.version is None:
            return self.end(changed, status, description=_ended_text(status))
        self._send(changed, Step.ROLL_BACK)
        return changed

    def _keep(self, ingest: Ingest, failure: Failure, objects: int) -> Ingest:
        until = self._clock() + self._patience.keep_failures
        is_unmoved = unmoved(ingest)

        def keep(now: Ingest) -> Ingest:
            is_unmoved(now)
            changed = ingest_states.kept(now, failure, to_text(until))
            return self._announced(changed.model_copy(update={"failure_count": objects}))

        def give_back(before: Ingest, after: Ingest) -> list[Write]:
            return [
                *self._courses.release_lease(after),
                *end_writes(after.model_copy(update={"version": None}), self._clock()),
                expiry_timer(after, until),
            ]

        event = self._ingests.event(
            "end", "failed", f"{failure.detail} (copies kept until {to_text(until)})"
        )
        changed = self._ingests.update(ingest.id, keep, event=event, extra=give_back)
        self._meter.emit({INGESTS: 1}, by=IngestStatus.FAILED)
        if is_to_be_told(changed):
            self._send(changed, Step.NOTIFY)
        return changed

    def _send(self, ingest: Ingest, step: Step) -> None:
        self._messages.send([StepMessage(ingest=ingest.id, epoch=ingest.epoch, step=step)])


def _log_failure(ingest: Ingest, failure: Failure, objects: int) -> None:
    logger.error(
        "ingest failed",
        extra={
            "ingest_id": ingest.id,
            "course": ingest.course,
            **failure.model_dump(include={"stage", "code", "detail", "action"}),
            "objects": objects,
        },
    )


def _ended_text(status: IngestStatus) -> str:
    return "Ingest failed" if status is IngestStatus.FAILED else "Ingest cancelled"
