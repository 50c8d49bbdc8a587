"""The backfill report: which courses are where, those that are not yet first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeVar
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
from services.ingests_api.answer_sizes import PAGE_BYTES
from services.ingests_api.answers import Answer, answers, csv_answer, json_answer, wants_csv
from services.ingests_api.api import Api
from services.ingests_api.csv_text import csv_text
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
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

Row = TypeVar("Row")
Weigh = Callable[[Row], int]

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
        after = _position(decode_cursor(_asked(wanted), cursor))
        is_csv = wants_csv(request.headers.get("accept"))
        if is_csv:
            return self._csv(request, wanted, limit or MAX_ROWS, after)
        rows: Iterable[ReportRow]
        at_most = min(limit or DEFAULT_LIMIT, MAX_LIMIT)
        if after is None:
            rows, totals = self._report.beginning(wanted, at_most)
            shown_totals = ShownReportTotals.of(totals)
        else:
            rows, shown_totals = self._report.rows(wanted, after=after), None
        shown, position = _page(
            rows,
            at_most,
            lambda row: ShownReportRow.of(row, wanted.locations),
            lambda row: len(row.to_json()),
        )
        return json_answer(
            ShownReport(
                created_date=to_text(self._api.clock()),
                locations=list(wanted.locations),
                totals=shown_totals,
                results=shown,
                next_cursor=encode_cursor(_asked(wanted), position),
            )
        )

    def _csv(
        self, request: Request, wanted: ReportFilter, limit: int, after: ReportPosition | None
    ) -> Answer:
        rows = self._report.rows(wanted, after=after)
        page, position = _page(rows, limit, lambda row: _row(row, wanted), _weight)
        next_cursor = encode_cursor(_asked(wanted), position)
        filters = {
            "location": wanted.location,
            "status": wanted.status,
            "org": wanted.org,
            "cursor": next_cursor,
        }
        query = urlencode({name: one for name, one in filters.items() if one})
        path = f"{request.context['base']}/reports/backfill?{query}"
        header = (
            *COLUMNS,
            *(f"location:{one}" for one in wanted.locations),
            *(f"audited:{one}" for one in wanted.locations),
            *(f"versions:{one}" for one in wanted.locations),
        )
        return csv_answer(
            csv_text(header, page),
            name="backfill-report",
            next_page=path if next_cursor else None,
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
            detail = f"{location[:64]!r} not available; available: {', '.join(available)}"
            raise InvalidInput(Problem("?location", detail))
        return ReportFilter((location,), (location,), status, org, location)


def _asked(wanted: ReportFilter) -> tuple[object, ...]:
    """What a cursor belongs to."""
    return "backfill", wanted.location, wanted.status, wanted.org


def _page(
    rows: Iterable[ReportRow], limit: int, show: Callable[[ReportRow], Row], weigh: Weigh[Row]
) -> tuple[list[Row], str | None]:
    """So many rows, or as many as an answer holds, as they are shown; and the position after them,
    None where there are no more."""
    page: list[Row] = []
    weight = 0
    position = ""
    for row in rows:
        if len(page) == limit or weight > PAGE_BYTES:
            return page, position
        page.append(show(row))
        weight += weigh(page[-1])
        last = position_of(row)
        position = json.dumps([last.backfilled, last.status, last.course])
    return page, None


def _position(text: str) -> ReportPosition | None:
    if not text:
        return None
    backfilled, status, course = json.loads(text)
    return ReportPosition(backfilled, CourseStatus(status), course)


def _weight(row: list[object]) -> int:
    """Bytes of a row of CSV, about."""
    return sum(len(str(cell).encode()) + 1 for cell in row)


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
