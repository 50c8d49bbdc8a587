"""Publishes the domain event of an ingest's end; no failure of the bus keeps a callback waiting."""

from __future__ import annotations

import logging

from course_backfill.clock import Clock, to_text
from course_backfill.domain_events import domain_event
from course_backfill.errors import EventsRefused, EventsUnavailable
from course_backfill.ingest_states import is_announcement_pending
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.notifications import Announcement, CallbackStatus
from course_backfill.ports import EventBus
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import Timer, TimerKind, clear_timer, set_timer
from services.notifier.persistence import NotDueError, Persistence, is_early

logger = logging.getLogger(__name__)

TIMER = TimerKind.ANNOUNCEMENT.value
TWO_WEEKS_OF_ATTEMPTS = 60


class Announcer:
    """Publishes at least once: a death between publishing and recording it publishes again.

    An attempt is claimed before it is made, by the same write that sets the time of the next, so
    that repeated messages do not make two of one.
    """

    def __init__(
        self,
        *,
        ingests: IngestStore,
        bus: EventBus | None,
        namespace: str,
        clock: Clock,
        persistence: Persistence | None = None,
    ) -> None:
        self._ingests = ingests
        self._bus = bus
        self._namespace = namespace
        self._clock = clock
        self._persistence = persistence or Persistence(attempts=TWO_WEEKS_OF_ATTEMPTS)

    def announce(self, ingest: Ingest, message: StepMessage) -> None:
        """Publishes once, if it is due; records what came of it, and raises nothing of the bus."""
        try:
            claimed, announcement = self._claim(ingest, message)
        except NotDueError:
            return
        fault = self._publish(claimed, announcement)
        if fault is None:
            self._end(claimed, announcement, CallbackStatus.SUCCEEDED, "Domain event published")
        elif announcement.attempts >= self._persistence.attempts:
            said = f"Domain event given up after {announcement.attempts} attempts: {fault}"
            self._end(claimed, announcement, CallbackStatus.FAILED, said)
        else:
            self._note_wait(claimed, announcement, fault)

    def _claim(self, ingest: Ingest, message: StepMessage) -> tuple[Ingest, Announcement]:
        now = self._clock()

        def claimed(before: Ingest) -> Ingest:
            waiting = before.announcement
            if waiting is None or not (is_announcement_pending(before) and before.status.is_end):
                raise NotDueError
            if is_early(waiting, now):
                raise NotDueError
            attempts = waiting.attempts + 1
            due = to_text(now + self._persistence.gap(attempts))
            update = {"attempts": attempts, "next_attempt_date": due}
            return before.model_copy(update={"announcement": waiting.model_copy(update=update)})

        after = self._ingests.update(
            ingest.id, claimed, extra=lambda _, after: [set_timer(_timer(after, message))]
        )
        if after.announcement is None:
            raise NotDueError
        return after, after.announcement

    def _publish(self, ingest: Ingest, announcement: Announcement) -> str | None:
        """None, or why it did not work."""
        if self._bus is None:
            return "no bus is set: set COURSE_BACKFILL_EVENT_BUS of the notifier"
        try:
            self._bus.publish(domain_event(ingest, announcement, namespace=self._namespace))
        except (EventsUnavailable, EventsRefused) as fault:
            return str(fault)
        return None

    def _end(
        self,
        ingest: Ingest,
        announcement: Announcement,
        status: CallbackStatus,
        description: str,
    ) -> None:
        def ended(before: Ingest) -> Ingest:
            now = before.announcement
            if (
                now is None
                or now.event != announcement.event
                or not is_announcement_pending(before)
            ):
                return before
            done = now.model_copy(update={"status": status, "next_attempt_date": None})
            return before.model_copy(update={"announcement": done})

        self._ingests.update(
            ingest.id,
            ended,
            event=self._ingests.event("announce", status.value, description),
            extra=lambda before, _: [clear_timer(before.id, TIMER)],
        )
        logger.info(
            "domain event",
            extra={"ingest_id": ingest.id, "course": ingest.course, "outcome": status.value},
        )

    def _note_wait(self, ingest: Ingest, announcement: Announcement, fault: str) -> None:
        due = announcement.next_attempt_date
        said = f"Domain event not published: {fault}; next attempt at {due}"
        self._ingests.note(ingest, self._ingests.event("announce", "waiting", said))
        logger.warning(
            "domain event not published: %s",
            fault,
            extra={"ingest_id": ingest.id, "course": ingest.course, "outcome": "waiting"},
        )


def _timer(ingest: Ingest, message: StepMessage) -> Timer:
    due = ingest.announcement.next_attempt_date if ingest.announcement else None
    return Timer(
        ingest=ingest.id,
        name=TIMER,
        kind=TimerKind.ANNOUNCEMENT,
        due_date=due or ingest.last_modified_date,
        message=message,
    )
