"""Discoveries: the record of one search for courses and of what has changed in the source."""

from __future__ import annotations

from course_backfill.failures import Failure
from course_backfill.ingests import IngestStatus
from course_backfill.records import Record


class UnreadCourse(Record):
    """A course whose source could not be looked at, and why."""

    course: str
    detail: str


class Discovery(Record):
    """Finds every course of the source, then compares each migrated one with its source.

    `checked` counts those that were compared, `became_stale` those of them that were fresh before
    and differ now, `unread` those that could not be compared; at most ten of these are examples.
    """

    id: str
    status: IngestStatus = IngestStatus.ACCEPTED
    requested_by: str
    created_date: str
    ended_date: str | None = None
    found: int = 0
    added: int = 0
    checked: int = 0
    became_stale: int = 0
    unread: int = 0
    unread_examples: tuple[UnreadCourse, ...] = ()
    checked_up_to: str | None = None
    """Courses are compared in the order of their keys; null until all are found."""
    failure: Failure | None = None
