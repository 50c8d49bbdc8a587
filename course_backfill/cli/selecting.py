"""Which ingests and courses a command is about: named, or taken from the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from course_backfill.cli.api_client import ApiClient, Document, course_path, ingest_path
from course_backfill.errors import InvalidInput, NotFound, Problem


@dataclass(frozen=True, slots=True)
class Missing:
    """The courses of the report, parted by whether anything is to be done."""

    to_start: list[str]
    up_to_date: int


def missing_courses(
    api: ApiClient, *, is_copied: bool = False, locations: Sequence[str] = ()
) -> Missing:
    """Every course that is not migrated, lacks a location, has damaged copies, or is stale.

    Besides the required locations those that are named. With `is_copied`, only what can come from
    another location counts: courses that are migrated, and lack one of those named, or else one
    that is required. Raises InvalidInput for a location that there is none of that name of.
    """
    to_start: list[str] = []
    up_to_date = 0
    if locations:
        _require_known(locations, [one["id"] for one in api.get("/locations")["results"]])
    for row in api.pages("/reports/backfill"):
        if is_copied and row["version"] is None:
            continue
        is_there = all(row["locations"][one] for one in locations)
        if is_copied:
            is_done = is_there if locations else row["backfilled"]
        else:
            is_done = is_there and is_up_to_date(row)
        if is_done:
            up_to_date += 1
        else:
            to_start.append(str(row["course"]["id"]))
    return Missing(to_start, up_to_date)


def is_up_to_date(row: Document) -> bool:
    """Whether a row of the report says migrated, everywhere, undamaged, and fresh.

    What is beyond repair is not mended by starting, before another audit.
    """
    to_mend = row["damaged"] - sum(one["beyondRepair"] for one in row["replicas"])
    is_whole = row["backfilled"] and to_mend <= 0
    return bool(row["status"]["id"] == "migrated" and is_whole and not row["stale"])


@dataclass(frozen=True, slots=True)
class Registered:
    """The courses that are migrated, parted by whether a version is in the asked locations."""

    there: list[str]
    elsewhere: list[str]


def registered_courses(api: ApiClient, locations: Sequence[str] = ()) -> Registered:
    """Every course that has a registered version; without locations all of them are `there`.

    Raises InvalidInput for a location that there is none of that name of.
    """
    if locations:
        _require_known(locations, [one["id"] for one in api.get("/locations")["results"]])
    found = Registered([], [])
    for row in api.pages("/reports/backfill"):
        if row["version"] is None:
            continue
        holding = {one["location"] for one in row["replicas"] if one["versions"]}
        is_there = not locations or not holding.isdisjoint(locations)
        (found.there if is_there else found.elsewhere).append(str(row["course"]["id"]))
    return found


def ingest_of(api: ApiClient, name: str) -> str:
    """The ingest that is meant: by its id, or as a course's active or latest one, or dry run."""
    if not is_course(name):
        return name
    active = api.get(course_path(name)).get("activeIngest")
    return str(active) if active else _latest(api, name)


def kept_ingest_of(api: ApiClient, name: str) -> str:
    """The ingest that a retry is meant for: by its id, or as the kept failure of a course."""
    if not is_course(name):
        return name
    course = api.get(course_path(name))
    found = course.get("keptIngest") or (course.get("lastIngest") or {}).get("id")
    return str(found) if found else _latest(api, name)


def warming_ingest_of(api: ApiClient, name: str) -> str | None:
    """The ingest that is meant, if it waits for restores; one that is named may be in any state."""
    if not is_course(name):
        return name
    active = api.get(course_path(name)).get("activeIngest")
    if active is None:
        return None
    ingest = api.get(ingest_path(active))
    is_restoring = bool((ingest["warming"] or {}).get("asked"))
    return str(active) if ingest["stage"] == "warming" or is_restoring else None


def active_ingests(api: ApiClient) -> Iterator[Document]:
    """Every ingest that has not ended."""
    for status in ("accepted", "processing"):
        yield from api.pages("/ingests", status=status)


def _require_known(wanted: Sequence[str], known: Iterable[str]) -> None:
    unknown = [one for one in wanted if one not in known]
    if unknown:
        raise InvalidInput(
            Problem("--location", f"no {', '.join(unknown)}; there are {', '.join(known)}")
        )


def _latest(api: ApiClient, course: str) -> str:
    newest = api.get("/ingests", course=course, limit=1)["results"]
    if not newest:
        raise NotFound(
            f"{course} has had no ingest yet: course-backfill start {course} begins one."
        )
    return str(newest[0]["id"])


def is_course(name: str) -> bool:
    """Whether it is a course's name, and no ingest's."""
    return "/" in name or name.startswith("course-v1:")
