"""The bus of domain events in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_backfill.domain_events import DomainEvent
from course_backfill.errors import EventsRefused, EventsUnavailable


@dataclass(slots=True)
class MemoryEventBus:
    """Keeps what was published; `faults` are raised first, one after the other."""

    published: list[DomainEvent] = field(default_factory=list)
    faults: list[EventsUnavailable | EventsRefused] = field(default_factory=list)
    is_down: bool = False

    def publish(self, event: DomainEvent) -> None:
        """See EventBus."""
        if self.is_down:
            raise EventsUnavailable("EventBridge gives no usable answer")
        if self.faults:
            raise self.faults.pop(0)
        self.published.append(event)
