"""The bus of domain events, which other systems listen to."""

from __future__ import annotations

from typing import Protocol

from course_backfill.domain_events import DomainEvent


class EventBus(Protocol):
    """Takes domain events, each at least once; listeners tell repeats by the event's id."""

    def publish(self, event: DomainEvent) -> None:
        """Hands over one event.

        Raises EventsUnavailable when trying again may help (the event may have been taken), and
        EventsRefused when not.
        """
        ...
