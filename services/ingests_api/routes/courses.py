"""Routes of courses: the migration status table, and one course."""

from __future__ import annotations

from course_backfill.courses import Course, CourseStatus
from course_backfill.reports import ORDER
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownCourseRecord, ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    CoursePath,
    CourseStatusQuery,
    Cursor,
    Limit,
)

TAG = "Courses"


class CourseRoutes:
    """Answers for courses."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        return [
            Endpoint(
                method="GET",
                path="/courses",
                handler=self.listing,
                tag=TAG,
                summary="List courses and how far each is",
                description="By status (failed, not-migrated, in-progress, migrated), then by id.",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownCourseRecord])}, refusals=(400, 422)
                ),
            ),
            Endpoint(
                method="GET",
                path="/courses/<course_id>",
                handler=self.get,
                tag=TAG,
                summary="Look at a course",
                answers=answers(
                    {200: ("The course.", ShownCourseRecord)}, refusals=(400, 404, 422)
                ),
            ),
        ]

    def listing(
        self, status: CourseStatusQuery = None, limit: Limit = None, cursor: Cursor = None
    ) -> Answer:
        """A page of courses."""
        asked = ("courses", status)
        position = decode_cursor(asked, cursor)
        found, after = self._page(status, limit or DEFAULT_LIMIT, position)
        shown = [ShownCourseRecord.of(course) for course in found]
        next_cursor = encode_cursor(asked, after)
        return json_answer(ShownResults[ShownCourseRecord](results=shown, next_cursor=next_cursor))

    def get(self, course_id: CoursePath) -> Answer:
        """One course."""
        return json_answer(ShownCourseRecord.of(self._api.courses.get(course_id)))

    def _page(
        self, wanted: CourseStatus | None, limit: int, position: str
    ) -> tuple[list[Course], str | None]:
        """Courses status by status; a position is a status and the last course given out."""
        begin, _, last = position.partition(" ")
        statuses = [wanted] if wanted else list(ORDER)
        if begin:
            statuses = statuses[statuses.index(CourseStatus(begin)) :]
        found: list[Course] = []
        for number, status in enumerate(statuses):
            after = last if number == 0 else ""
            cursor: str | None = after
            while cursor is not None:
                page = self._api.courses.by_status(status, limit=limit - len(found), after=cursor)
                found += map(Course.from_item, page.items)
                cursor = page.cursor
                if len(found) == limit:
                    is_last = cursor is None and number == len(statuses) - 1
                    return found, None if is_last else f"{status.value} {found[-1].id}"
        return found, None
