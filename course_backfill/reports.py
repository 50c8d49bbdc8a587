"""The backfill report: which courses are where, and which are not yet, from the courses' rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from course_backfill.courses import Course, CourseReplica, CourseStatus
from course_backfill.stores.courses import CourseStore

PAGE = 500
ORDER = (
    CourseStatus.FAILED,
    CourseStatus.NOT_MIGRATED,
    CourseStatus.IN_PROGRESS,
    CourseStatus.MIGRATED,
)
"""Courses are told in this order: what needs a person first, what is done last."""


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which courses to tell about, and which locations they are held against."""

    locations: tuple[str, ...]
    """Those that are told about."""
    needed: tuple[str, ...]
    """Those of them that a course must be in, with every version, to count as backfilled."""
    status: CourseStatus | None = None
    org: str | None = None
    location: str | None = None
    """The one that alone is told about, where one was asked for."""

    def includes(self, course: Course) -> bool:
        """Whether the course is told about."""
        return (self.status in {None, course.status}) and (self.org in {None, course.org})

    def missing(self, course: Course) -> tuple[str, ...]:
        """The needed locations that lack a registered version of the course."""
        return tuple(one for one in self.needed if not course.is_complete_in(one))

    def replicas(self, course: Course) -> dict[str, CourseReplica]:
        """What is told of the course's locations; all of it, unless one alone was asked for."""
        told = course.replicas.items()
        return {name: one for name, one in told if self.location in {None, name}}


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One course of the report."""

    course: Course
    missing: tuple[str, ...]
    replicas: Mapping[str, CourseReplica]

    @property
    def damaged(self) -> int:
        """Copies in these locations that audits found damaged and that are not repaired."""
        return sum(one.damaged for one in self.replicas.values())

    @property
    def is_backfilled(self) -> bool:
        """Whether every version of it is in every needed location."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class ReportPosition:
    """A place between two rows: the part of the report, the status, the last course told."""

    backfilled: bool
    status: CourseStatus
    course: str


@dataclass(slots=True)
class Held:
    """What a location holds of registered versions, manifest files apart."""

    objects: int = 0
    bytes: int = 0

    def add(self, replica: CourseReplica) -> None:
        """Takes the next course's part of it."""
        self.objects += replica.objects
        self.bytes += replica.bytes


@dataclass(slots=True)
class ReportTotals:
    """Sums over every course that the filter includes; `objects`, `bytes`: latest versions."""

    locations: tuple[str, ...]
    courses: int = 0
    not_backfilled: int = 0
    stale: int = 0
    objects: int = 0
    bytes: int = 0
    exceptions: int = 0
    damaged: int = 0
    by_status: dict[str, int] = field(default_factory=lambda: {one.value: 0 for one in ORDER})
    by_location: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    """Location → what it holds of all versions."""

    def __post_init__(self) -> None:
        self.by_location = dict.fromkeys(self.locations, 0)
        self.held = {location: Held() for location in self.locations}

    def add(self, row: ReportRow) -> None:
        """Takes the next row."""
        self.courses += 1
        self.not_backfilled += not row.is_backfilled
        self.stale += bool(row.course.stale)
        self.objects += row.course.latest_objects or 0
        self.bytes += row.course.latest_bytes or 0
        self.exceptions += row.course.latest_exceptions or 0
        self.damaged += row.damaged
        self.by_status[row.course.status.value] += 1
        for location in self.locations:
            self.by_location[location] += row.course.is_complete_in(location)
            self.held[location].add(row.course.replicas.get(location, CourseReplica()))


class BackfillReport:
    """Reads the rows as they are asked for; holds a page of them at a time."""

    def __init__(self, courses: CourseStore) -> None:
        self._courses = courses

    def rows(
        self, wanted: ReportFilter, *, after: ReportPosition | None = None
    ) -> Iterator[ReportRow]:
        """Courses not yet everywhere first, then the others; within each, what needs help first."""
        for backfilled, status in _parts(after):
            begin = after.course if after and after.status is status else ""
            begin = begin if after and after.backfilled == backfilled else ""
            for row in self._of_status(wanted, status, begin):
                if row.is_backfilled == backfilled:
                    yield row

    def beginning(self, wanted: ReportFilter, limit: int) -> tuple[list[ReportRow], ReportTotals]:
        """The first rows, more than `limit` where there are, and the totals, in one reading."""
        totals = ReportTotals(wanted.locations)
        missing: list[ReportRow] = []
        backfilled: list[ReportRow] = []
        for status in ORDER:
            for row in self._of_status(wanted, status, ""):
                totals.add(row)
                part = backfilled if row.is_backfilled else missing
                if len(part) <= limit:
                    part.append(row)
        return missing + backfilled, totals

    def totals(self, wanted: ReportFilter) -> ReportTotals:
        """Sums over the whole report."""
        totals = ReportTotals(wanted.locations)
        for status in ORDER:
            for row in self._of_status(wanted, status, ""):
                totals.add(row)
        return totals

    def _of_status(
        self, wanted: ReportFilter, status: CourseStatus, after: str
    ) -> Iterator[ReportRow]:
        if wanted.status in {None, status}:
            yield from rows_of(self._of_index(status, after), wanted)

    def _of_index(self, status: CourseStatus, after: str) -> Iterator[Course]:
        cursor: str | None = after
        while cursor is not None:
            page = self._courses.by_status(status, limit=PAGE, after=cursor)
            yield from map(Course.from_item, page.items)
            cursor = page.cursor


def rows_of(courses: Iterable[Course], wanted: ReportFilter) -> Iterator[ReportRow]:
    """The rows of the courses that the filter includes."""
    for course in courses:
        if wanted.includes(course):
            yield ReportRow(course, wanted.missing(course), wanted.replicas(course))


def position_of(row: ReportRow) -> ReportPosition:
    """Where the report goes on after this row."""
    return ReportPosition(row.is_backfilled, row.course.status, row.course.id)


def _parts(after: ReportPosition | None) -> Sequence[tuple[bool, CourseStatus]]:
    parts = [(backfilled, status) for backfilled in (False, True) for status in ORDER]
    if after is None:
        return parts
    return parts[parts.index((after.backfilled, after.status)) :]
