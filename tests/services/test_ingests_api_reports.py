"""The backfill report over HTTP: JSON and CSV, filtered, paged, with totals."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from course_backfill.courses import CourseId
from tests.services.api_world import ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE

REPORT = "/reports/backfill"
CSV = {"accept": "text/csv"}


@pytest.fixture
def world() -> ApiWorld:
    """One course migrated, one not, one that failed."""
    world = ApiWorld()
    broken = CourseId.parse("course-v1:Org2+Broken+R")
    world.pipeline.discover(broken)
    file = world.pipeline.content.save(broken, "x.txt", b"xx")
    world.pipeline.content.drop_chunk(file, 0)
    world.backfill(broken)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.backfill(COURSE)
    return world


def courses(document: dict[str, Any]) -> list[str]:
    return [row["course"]["id"] for row in document["results"]]


def test_courses_not_yet_backfilled_come_first(world: ApiWorld) -> None:
    report = world.get(REPORT).json
    assert report["type"] == "BackfillReport"
    assert report["locations"] == ["primary"]
    assert courses(report) == ["course-v1:Org2+Broken+R", str(OLD_COURSE), str(COURSE)]
    broken, _, done = report["results"]
    assert (broken["status"]["id"], broken["backfilled"], broken["missing"]) == (
        "failed", False, ["primary"],
    )  # fmt: skip
    assert broken["lastIngest"]["status"]["id"] == "failed"
    assert broken["lastIngest"]["task"] == "fill"
    assert (done["backfilled"], done["version"], done["objects"], done["bytes"]) == (
        True, "v1", 1, 5,
    )  # fmt: skip
    assert (done["locations"], done["stale"]) == ({"primary": "v1"}, False)
    assert done["sourceCheckedDate"]


def test_totals_are_of_the_whole_report_and_on_the_first_page_alone(world: ApiWorld) -> None:
    first = world.get(REPORT, query="limit=2").json
    assert first["totals"] == {
        "courses": 3,
        "notBackfilled": 2,
        "stale": 0,
        "objects": 1,
        "bytes": 5,
        "exceptions": 0,
        "damaged": 0,
        "byStatus": {"failed": 1, "not-migrated": 1, "in-progress": 0, "migrated": 1},
        "byLocation": {"primary": 1},
        "held": {"primary": {"objects": 1, "bytes": 5}},
    }
    second = world.get(REPORT, query=f"limit=2&cursor={first['nextCursor']}").json
    assert (courses(second), second["totals"], second["nextCursor"]) == ([str(COURSE)], None, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=migrated", [str(COURSE)]),
        ("org=Org2", ["course-v1:Org2+Broken+R"]),
        ("org=Org2&status=migrated", []),
        (f"location=primary&org={OLD_COURSE.org}", [str(OLD_COURSE)]),
    ],
)
def test_filters_choose_rows_and_what_is_counted(
    world: ApiWorld, query: str, expected: list[str]
) -> None:
    report = world.get(REPORT, query=query).json
    assert courses(report) == expected
    assert report["totals"]["courses"] == len(expected)


def test_an_unknown_location_is_refused_with_those_there_are(world: ApiWorld) -> None:
    answer = world.get(REPORT, query="location=moon")
    assert (answer.status, answer.pointers) == (422, ["?location"])
    assert "primary" in answer.json["errors"][0]["detail"]


def test_what_a_version_is_without_is_told_of_its_course_and_in_the_totals() -> None:
    world = ApiWorld()
    world.pipeline.content.save(COURSE, "sound.txt", b"alpha")
    file = world.pipeline.content.save(COURSE, "bad.txt", b"xx")
    world.pipeline.content.drop_chunk(file, 0)
    world.backfill(COURSE, corruptObjects="record")
    report = world.get(REPORT, query="status=migrated").json
    (row,) = report["results"]
    (line,) = csv.DictReader(
        io.StringIO(world.get(REPORT, query="status=migrated", headers=CSV).text)
    )
    course = world.get(f"/courses/{COURSE}").json
    assert (row["objects"], row["exceptions"], report["totals"]["exceptions"]) == (1, 1, 1)
    assert (line["objects"], line["exceptions"]) == ("1", "1")
    assert course["latestExceptions"] == 1


def test_the_same_as_csv_has_one_column_per_location(world: ApiWorld) -> None:
    answer = world.get(REPORT, headers=CSV)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["course"] for row in rows] == courses(world.get(REPORT).json)
    assert rows[2] | {"lastIngest": "", "lastIngestDate": "", "sourceCheckedDate": ""} == {
        "course": str(COURSE),
        "org": "Org1",
        "status": "migrated",
        "backfilled": "yes",
        "version": "v1",
        "objects": "1",
        "bytes": "5",
        "exceptions": "0",
        "stale": "no",
        "sourceCheckedDate": "",
        "lastIngest": "",
        "lastIngestStatus": "succeeded",
        "lastIngestDate": "",
        "damaged": "0",
        "versions": "1",
        "location:primary": "v1",
        "audited:primary": "",
        "versions:primary": "1",
    }
    assert "Link" not in answer.headers


def test_a_page_of_csv_says_where_the_rest_is(world: ApiWorld) -> None:
    answer = world.get(REPORT, query="limit=2&location=primary", headers=CSV)
    link = answer.headers["Link"]
    assert link.endswith('>; rel="next"')
    path, _, query = link[1:].partition(">")[0].partition("?")
    rest = world.get(path, query=query, headers=CSV)
    assert [row["course"] for row in csv.DictReader(io.StringIO(rest.text))] == [str(COURSE)]


def test_a_location_that_there_is_none_of_is_repeated_with_those_there_are(
    world: ApiWorld,
) -> None:
    (wrong,) = world.get(REPORT, query="location=nowhere").json["errors"]
    assert wrong == {
        "pointer": "?location",
        "detail": "'nowhere' not available; available: primary",
    }
