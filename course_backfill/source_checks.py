"""What is known of the source besides what verifying finds out. Pure."""

from __future__ import annotations

from course_backfill.courses import Course, Version
from course_backfill.ingests import Ingest, SourceCheck


def check_at_planning(ingest: Ingest, course: Course, latest: Version) -> SourceCheck | None:
    """How the source stood to the latest version when the ingest's inventory was taken.

    None where it took none, or where the course was looked at later: the inventory of a retry is
    as old as the first attempt.
    """
    taken = ingest.inventory
    if taken is None or taken.taken_date <= (course.source_checked_date or ""):
        return None
    is_stale = taken.fingerprints != latest.fingerprints
    return SourceCheck(checked_date=taken.taken_date, stale=is_stale)
