"""Publishes the domain event of an ingest's end; no failure of the bus keeps a callback waiting."""

from __future__ import annotations

from course_backfill.clock import Clock
from course_backfill.domain_events import domain_event
from course_backfill.errors import EventsRefused, EventsUnavailable
from course_backfill.ingests import Ingest
from course_backfill.messages import StepMessage
from course_backfill.ports import EventBus
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.timers import TimerKind
from services.notifier.persistence import Persistence
from services.notifier.telling import Telling

TWO_WEEKS_OF_ATTEMPTS = 60


class Announcer:
    """Publishes at least once; whoever listens tells repeats by the event's id."""

    def __init__(
        self, *, ingests: IngestStore, bus: EventBus | None, namespace: str, clock: Clock
    ) -> None:
        self._bus = bus
        self._namespace = namespace
        self._telling = Telling(
            kind=TimerKind.ANNOUNCEMENT,
            step="announce",
            words=("Domain event", "published"),
            end=lambda ingest: ingest.announcement and ingest.announcement.event,
            act=self._publish,
            persistence=Persistence(attempts=TWO_WEEKS_OF_ATTEMPTS),
            ingests=ingests,
            clock=clock,
        )

    def announce(self, ingest: Ingest, message: StepMessage) -> None:
        """Publishes once, if it is due; records what came of it, and raises nothing of the bus."""
        self._telling.tell(ingest, message)

    def _publish(self, ingest: Ingest) -> str | None:
        if self._bus is None or ingest.announcement is None:
            return "no bus is set: set COURSE_BACKFILL_EVENT_BUS of the notifier"
        try:
            self._bus.publish(domain_event(ingest, ingest.announcement, namespace=self._namespace))
        except (EventsUnavailable, EventsRefused) as fault:
            return str(fault)
        return None
