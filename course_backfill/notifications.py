"""Whom to tell of an ingest's end, and how far it is with that."""

from __future__ import annotations

from enum import StrEnum

from course_backfill.records import Record


class CallbackStatus(StrEnum):
    """pending → succeeded | failed; never changes the ingest's own status."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Delivering(Record):
    """How far it is with telling someone of an end."""

    status: CallbackStatus = CallbackStatus.PENDING
    attempts: int = 0
    """Deliveries that were begun."""
    next_attempt_date: str | None = None
    """Not before then is another delivery begun, whoever asks for it."""

    @property
    def is_pending(self) -> bool:
        """Whether someone is still to be told."""
        return self.status is CallbackStatus.PENDING


class Callback(Delivering):
    """Whom to tell when the ingest has ended."""

    url: str


class Announcement(Delivering):
    """The domain event that tells of the ingest's end."""

    event: str
    """Its id: the same for each publication of one end."""
    ended_date: str
