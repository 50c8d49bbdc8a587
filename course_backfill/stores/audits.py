"""What audits and repairs leave in the courses table, and who is to be audited next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from course_backfill.clock import Clock, to_text
from course_backfill.courses import Course, CourseReplica, CourseStatus
from course_backfill.ingests import Ingest, Replica
from course_backfill.ports import StateStore, Write
from course_backfill.stores.course_writes import (
    course_key,
    last_ingest,
    leased,
    to_check,
    to_failed_audit,
)
from course_backfill.stores.courses import CourseStore

BY_AUDIT = "courses-by-audit"


class AuditStore:
    """Makes the writes that end an audit or a repair, and reads courses by their last audit."""

    def __init__(self, state: StateStore, courses: CourseStore, clock: Clock) -> None:
        self._state = state
        self._courses = courses
        self._clock = clock

    def told(
        self, ingest: Ingest, replicas: Sequence[Replica], *, configured: Collection[str]
    ) -> list[Write]:
        """The course with what was found in its replicas, and the lease released.

        What could not be read keeps what was known of it. `configured` are the locations of the
        settings: what is nowhere to be reached any more keeps no course at the head of the queue.
        """
        row = self._courses.get(ingest.course)
        there = dict(row.replicas)
        read = [one for one in replicas if one.refusal is None]
        for one in read:
            there[one.location] = _told(ingest, one, there.get(one.location, CourseReplica()))
        changes = {
            "replicas": {location: one.to_item() for location, one in there.items()},
            "lastIngest": last_ingest(ingest, self._clock),
            **to_check(ingest.source_check),
            **_unaudited(row, [one for name, one in there.items() if name in configured]),
            **self._success(row, ingest, is_all=len(read) == len(replicas)),
        }
        key = course_key(row.id)
        return [Write(key, assign=changes, remove=["activeIngest"], when=(leased(ingest),))]

    def _success(self, row: Course, ingest: Ingest, *, is_all: bool) -> dict[str, Any]:
        """Whether the schedule is to pause: an audit has failed where a location was not read."""
        if ingest.repairs is not None:
            return {}
        return {"failedAudits": 0} if is_all else to_failed_audit(row, ingest, self._clock)

    def longest_unaudited(
        self, *, before: datetime, at_most: int, after: str = ""
    ) -> tuple[list[Course], str]:
        """So many courses that were last looked at before then, the longest unaudited first.

        With them comes the `after` of the next ones; empty where these were the last.
        """
        page = self._state.query_index(
            BY_AUDIT,
            CourseStatus.MIGRATED.value,
            limit=at_most,
            after=after,
            before=to_text(before),
        )
        found = [Course.from_item(item) for item in page.items]
        if page.cursor is None:
            return found, ""
        # Courses of one moment may lie on both sides of the cut: they are given out again.
        dates = {one.unaudited_since or "" for one in found}
        return found, max(dates - {page.cursor}, default=page.cursor)


def _told(ingest: Ingest, found: Replica, before: CourseReplica) -> CourseReplica:
    changes = {"damaged": found.damaged, "beyond_repair": found.beyond_repair}
    if ingest.repairs is not None:
        return before.model_copy(update=changes)
    audited = {
        "audited_date": found.started_date,
        "audit": ingest.id,
        "surplus": found.surplus,
        "unread": found.unread,
    }
    return before.model_copy(update=changes | audited)


def _unaudited(row: Course, there: Sequence[CourseReplica]) -> dict[str, str]:
    """Since when the copy that was looked at longest ago has not been looked at again."""
    dates = [one.audited_date or row.unaudited_since for one in there if one.versions]
    oldest = min((one for one in dates if one), default=None)
    return {} if oldest is None else {"unauditedSince": oldest}
