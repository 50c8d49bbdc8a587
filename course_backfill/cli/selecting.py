"""Which ingests and courses a command is about: named, or taken from the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_backfill.cli.api_client import ApiClient, Document, course_path
from course_backfill.errors import NotFound


@dataclass(frozen=True, slots=True)
class Missing:
    """The courses of the report, parted by whether anything is to be done."""

    to_start: list[str]
    up_to_date: int


def missing_courses(api: ApiClient) -> Missing:
    """Every course that is not migrated, or whose latest version is stale."""
    to_start: list[str] = []
    up_to_date = 0
    for row in api.pages("/reports/backfill"):
        if is_up_to_date(row):
            up_to_date += 1
        else:
            to_start.append(str(row["course"]["id"]))
    return Missing(to_start, up_to_date)


def is_up_to_date(row: Document) -> bool:
    """Whether a row of the report says migrated, everywhere, and fresh."""
    return bool(row["status"]["id"] == "migrated" and row["backfilled"] and not row["stale"])


def ingest_of(api: ApiClient, name: str) -> str:
    """The ingest that is meant: by its id, or as a course's active or latest one, or dry run."""
    if not _is_course(name):
        return name
    active = api.get(course_path(name)).get("activeIngest")
    return str(active) if active else _latest(api, name)


def kept_ingest_of(api: ApiClient, name: str) -> str:
    """The ingest that a retry is meant for: by its id, or as the kept failure of a course."""
    if not _is_course(name):
        return name
    course = api.get(course_path(name))
    found = course.get("keptIngest") or (course.get("lastIngest") or {}).get("id")
    return str(found) if found else _latest(api, name)


def active_ingests(api: ApiClient) -> Iterator[Document]:
    """Every ingest that has not ended."""
    for status in ("accepted", "processing"):
        yield from api.pages("/ingests", status=status)


def _latest(api: ApiClient, course: str) -> str:
    newest = api.get("/ingests", course=course, limit=1)["results"]
    if not newest:
        raise NotFound(
            f"{course} has had no ingest yet: course-backfill start {course} begins one."
        )
    return str(newest[0]["id"])


def _is_course(name: str) -> bool:
    return "/" in name or name.startswith("course-v1:")
