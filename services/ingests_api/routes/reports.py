"""The backfill report: which courses are where, those that are not yet first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Request

from course_backfill.clock import to_text
from course_backfill.courses import Course, CourseReplica, CourseStatus
from course_backfill.errors import InvalidInput, Problem
from course_backfill.reports import (
    BackfillReport,
    ReportFilter,
    ReportPosition,
    ReportRow,
    position_of,
)
from services.ingests_api.answers import Answer, answers, csv_answer, json_answer, wants_csv
from services.ingests_api.api import Api
from services.ingests_api.csv_text import csv_text
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    CourseStatusQuery,
    CsvLimit,
    Cursor,
    LocationQuery,
    OrgQuery,
)
from services.ingests_api.report_display import (
    ShownReport,
    ShownReportRow,
    ShownReportTotals,
)

MAX_ROWS = 20_000
COLUMNS = (
    "course",
    "org",
    "status",
    "backfilled",
    "version",
    "objects",
    "bytes",
    "exceptions",
    "stale",
    "sourceCheckedDate",
    "lastIngest",
    "lastIngestStatus",
    "lastIngestDate",
    "damaged",
    "versions",
)


class ReportRoutes:
    """Answers for reports."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._report = BackfillReport(api.courses)

    def endpoints(self) -> list[Endpoint]:
        """The route, and how it is described."""
        return [
            Endpoint(
                method="GET",
                path="/reports/backfill",
                handler=self.backfill,
                tag="Reports",
                summary="Report which courses are backfilled, those that are not yet first",
                description="As CSV with `Accept: text/csv`: for each location the latest version "
                "where every version is, the last audit, and how many versions are there.",
                answers=answers(
                    {200: ("One page; the first has the totals.", ShownReport)},
                    refusals=(400, 422),
                    csv=True,
                ),
            )
        ]

    def backfill(
        self,
        request: Request,
        *,
        location: LocationQuery = None,
        status: CourseStatusQuery = None,
        org: OrgQuery = None,
        limit: CsvLimit = None,
        cursor: Cursor = None,
    ) -> Answer:
        """A page of the report."""
        wanted = self._filter(location, status, org)
        asked = ("backfill", location, status, org)
        after = _position(decode_cursor(asked, cursor))
        is_csv = wants_csv(request.headers.get("accept"))
        rows = self._report.rows(wanted, after=after)
        page, position = _page(rows, limit or (MAX_ROWS if is_csv else DEFAULT_LIMIT))
        next_cursor = encode_cursor(asked, position)
        if is_csv:
            filters = {"location": location, "status": status, "org": org, "cursor": next_cursor}
            query = urlencode({name: one for name, one in filters.items() if one})
            path = f"{request.context['base']}/reports/backfill?{query}"
            return csv_answer(
                csv_text(
                    (
                        *COLUMNS,
                        *(f"location:{one}" for one in wanted.locations),
                        *(f"audited:{one}" for one in wanted.locations),
                        *(f"versions:{one}" for one in wanted.locations),
                    ),
                    (_row(row, wanted) for row in page),
                ),
                name="backfill-report",
                next_page=path if next_cursor else None,
            )
        totals = None if after else ShownReportTotals.of(self._report.totals(wanted))
        return json_answer(
            ShownReport(
                created_date=to_text(self._api.clock()),
                locations=list(wanted.locations),
                totals=totals,
                results=[ShownReportRow.of(row, wanted.locations) for row in page],
                next_cursor=next_cursor,
            )
        )

    def _filter(
        self, location: str | None, status: CourseStatus | None, org: str | None
    ) -> ReportFilter:
        """Held against the location asked for, or else against every required one."""
        available = self._api.locations
        if location is None:
            needed = tuple(one.id for one in available.values() if one.required)
            return ReportFilter(tuple(available), needed, status, org)
        if location not in available:
            detail = f"not available; available: {', '.join(available)}"
            raise InvalidInput(Problem("?location", detail))
        return ReportFilter((location,), (location,), status, org, location)


def _page(rows: Iterator[ReportRow], limit: int) -> tuple[list[ReportRow], str | None]:
    """So many rows, and the position after them; None where there are no more."""
    page = list(islice(rows, limit + 1))
    if len(page) <= limit:
        return page, None
    last = position_of(page[limit - 1])
    return page[:limit], json.dumps([last.backfilled, last.status, last.course])


def _position(text: str) -> ReportPosition | None:
    if not text:
        return None
    backfilled, status, course = json.loads(text)
    return ReportPosition(backfilled, CourseStatus(status), course)


def _row(row: ReportRow, wanted: ReportFilter) -> list[object]:
    course = row.course
    last = course.last_ingest
    return [
        course.id,
        course.org,
        course.status.value,
        row.is_backfilled,
        course.latest_version,
        course.latest_objects,
        course.latest_bytes,
        course.latest_exceptions,
        course.stale,
        course.source_checked_date,
        *((last.id, last.status, last.date) if last else (None, None, None)),
        row.damaged,
        course.versions,
        *(
            course.latest_version if course.is_complete_in(one) else None
            for one in wanted.locations
        ),
        *(_replica(course, one).audited_date for one in wanted.locations),
        *(_replica(course, one).versions for one in wanted.locations),
    ]


def _replica(course: Course, location: str) -> CourseReplica:
    return course.replicas.get(location, CourseReplica())
