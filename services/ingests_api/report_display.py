"""How reports and locations are shown."""

from __future__ import annotations

from typing import Literal, Self

from course_backfill.display import ShownProvider, ShownStatus
from course_backfill.locations import Location
from course_backfill.reports import ReportRow, ReportTotals
from course_backfill.shown import Shown
from services.ingests_api.display import (
    ShownCourseName,
    ShownCourseReplica,
    ShownLastIngest,
    last_ingest_of,
)


class ShownLocation(Shown):
    """A configured location; `backfilled` of `courses` have every version there."""

    type: Literal["Location"] = "Location"
    id: str
    provider: ShownProvider
    bucket: str
    prefix: str
    storage_class: str
    region: str | None
    endpoint_url: str | None
    required: bool
    backfilled: int
    courses: int

    @classmethod
    def of(cls, location: Location, *, backfilled: int, courses: int) -> Self:
        """The location as shown; the role by which it is reached stays inside."""
        own = set(cls.model_fields) - {"type", "provider", "backfilled", "courses"}
        return cls(
            provider=ShownProvider(id=location.provider),
            backfilled=backfilled,
            courses=courses,
            **location.model_dump(include=own),
        )


class ShownReportRow(Shown):
    """One course of the backfill report.

    `locations` has the latest version where every one of `versions` is, `replicas` more of each: of
    all of them, or of the one asked for. `exceptions` counts the bad objects that the version is
    without, `damaged` copies that an audit found damaged in these locations.
    """

    type: Literal["BackfillReportRow"] = "BackfillReportRow"
    course: ShownCourseName
    org: str
    status: ShownStatus
    backfilled: bool
    missing: list[str]
    locations: dict[str, str | None]
    replicas: list[ShownCourseReplica]
    version: str | None
    versions: int
    objects: int | None
    bytes: int | None
    exceptions: int | None
    damaged: int
    stale: bool | None
    source_checked_date: str | None
    last_ingest: ShownLastIngest | None

    @classmethod
    def of(cls, row: ReportRow, locations: tuple[str, ...]) -> Self:
        """The row as shown."""
        course = row.course
        return cls(
            course=ShownCourseName(id=course.id),
            org=course.org,
            status=ShownStatus(id=course.status.value),
            backfilled=row.is_backfilled,
            missing=list(row.missing),
            locations={
                one: course.latest_version if course.is_complete_in(one) else None
                for one in locations
            },
            replicas=ShownCourseReplica.all_of(course, row.replicas),
            version=course.latest_version,
            versions=course.versions,
            objects=course.latest_objects,
            bytes=course.latest_bytes,
            exceptions=course.latest_exceptions,
            damaged=row.damaged,
            stale=course.stale,
            source_checked_date=course.source_checked_date,
            last_ingest=last_ingest_of(course),
        )


class ShownHeld(Shown):
    """What a location holds of registered versions, each object once; manifest files apart."""

    objects: int
    bytes: int


class ShownReportTotals(Shown):
    """Sums over the whole report, not over one page.

    `objects` and `bytes` are those of the latest versions, `held` those of all versions that a
    location has. `byLocation` counts backfilled courses.
    """

    courses: int
    not_backfilled: int
    stale: int
    objects: int
    bytes: int
    exceptions: int
    damaged: int
    by_status: dict[str, int]
    by_location: dict[str, int]
    held: dict[str, ShownHeld]

    @classmethod
    def of(cls, totals: ReportTotals) -> Self:
        """The totals as shown."""
        return cls.model_validate(totals, from_attributes=True)


class ShownReport(Shown):
    """Courses not yet backfilled first. `totals` come with the first page alone."""

    type: Literal["BackfillReport"] = "BackfillReport"
    created_date: str
    locations: list[str]
    totals: ShownReportTotals | None
    results: list[ShownReportRow]
    next_cursor: str | None
