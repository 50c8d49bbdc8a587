"""What the writes of the courses table are made of: keys, conditions, and a row's attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from course_backfill.clock import Clock, to_text
from course_backfill.courses import (
    Course,
    CourseStatus,
    LastIngest,
    Version,
    VersionReplica,
    counted_replicas,
    version_number,
)
from course_backfill.ingests import Ingest, SourceCheck
from course_backfill.ports import Condition, Item, Key

TABLE = "courses"


def course_key(course: str) -> Key:
    """Where a course's row lies."""
    return Key(TABLE, course, "COURSE")


def version_sk(version: str) -> str:
    """Zero-padded, so that versions sort by number."""
    return f"VERSION#{version_number(version):09d}"


def leased(ingest: Ingest) -> Condition:
    """The course is this ingest's."""
    return Condition("activeIngest", "equals", ingest.id)


def same(attribute: str, value: str | None) -> tuple[Condition, ...]:
    """The attribute still has the value, or none."""
    if value is None:
        return (Condition(attribute, "absent"),)
    return (Condition(attribute, "equals", value),)


def to_status(status: CourseStatus) -> dict[str, Any]:
    """A status, by which the row is found too."""
    return {"status": status.value, "statusKey": status.value}


def to_check(check: SourceCheck | None) -> dict[str, Any]:
    """How the source stands to the latest version; nothing where nobody looked."""
    if check is None:
        return {}
    return {"sourceCheckedDate": check.checked_date, "stale": check.stale}


def last_ingest(ingest: Ingest, clock: Clock) -> dict[str, Any]:
    """The ingest as the latest one of its course."""
    date = to_text(clock())
    last = LastIngest(id=ingest.id, status=ingest.status.value, date=date, task=ingest.task)
    return last.to_item()


def to_failed_audit(row: Course, ingest: Ingest, clock: Clock) -> dict[str, Any]:
    """That an audit failed, by which the schedule pauses; nothing where it is none."""
    if ingest.ingest_type != "audit-course":
        return {}
    return {"failedAudits": row.failed_audits + 1, "auditFailedDate": to_text(clock())}


def to_replicas(
    row: Course, versions: Iterable[Version], replicas: Iterable[VersionReplica]
) -> dict[str, Item]:
    """What is in each location once these are all versions and replicas of the course."""
    counted = counted_replicas(row, versions, replicas)
    return {location: replica.to_item() for location, replica in counted.items()}
