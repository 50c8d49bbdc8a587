"""The steps of the demo about further copies: a location added, a course gone cold, damage."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from course_backfill.cli.api_client import ApiClient, ApiError, Document, course_path
from course_backfill.cli.audit_findings import Damage, print_findings
from course_backfill.cli.copy_sentences import AUDIT, BACKFILL, WARM, count_of
from course_backfill.cli.demo_runs import DemoRuns
from course_backfill.cli.locating import print_locations
from course_backfill.cli.printing import courses, number, objects, say, size
from course_backfill.cli.reports import print_report
from course_backfill.cli.selecting import missing_courses
from course_backfill.local.demo_locations import (
    SECOND,
    add_location,
    count_bucket,
    damage,
    let_go_cold,
    read_copy,
)

if TYPE_CHECKING:
    from course_backfill.local.sample_facts import CourseFacts, FileFacts, SampleFacts
    from course_backfill.local.stack import Stack

FROM_PRIMARY: Document = {
    "type": "Ingest",
    "ingestType": {"id": BACKFILL},
    "sourceLocation": {"provider": {"id": "amazon-s3"}, "id": "primary"},
}
CONFLICT = 409


class CopySteps:
    """Goes on where all courses are in the primary."""

    def __init__(self, stack: Stack, api: ApiClient, runs: DemoRuns, facts: SampleFacts) -> None:
        self._stack = stack
        self._api = api
        self._runs = runs
        self._facts = facts

    def add_location(self, settings_file: Path) -> None:
        """Every migrated course is brought to a location that was added later, from S3 alone."""
        self._stack = add_location(self._stack, settings_file)
        say("   the settings file names a second location; API and workers were restarted with it")
        missing = missing_courses(self._api, is_copied=True)
        migrated = len(self._facts.courses) - len(self._facts.failing)
        self._runs.must(len(missing.to_start) == migrated, "not all lacked the new location")
        self._runs.run(missing.to_start, FROM_PRIMARY)
        left = missing_courses(self._api, is_copied=True)
        self._runs.must(left.up_to_date == migrated, "not all were brought to the new location")
        print_locations(self._api.get("/locations")["results"])

    def warm(self) -> None:
        """A file that has gone cold cannot be read, and can after warming."""
        course, file = self._chosen()
        count = let_go_cold(self._stack, course.id)
        say(f"   a lifecycle rule has moved {objects(count)} of {course.id} to GLACIER")
        content = course_path(course.id, "versions", "v1", "content", file.path)
        self._runs.must(self._is_refused(content), f"{file.path} could be read though it is cold")
        (end,) = self._runs.run([course.id], _asked(WARM, restoreTier="Expedited"))
        self._runs.must(end.status == "succeeded", f"{course.id} could not be warmed")
        self._api.redirect(content)
        say(f"   {file.path} can be read again", style="green")

    def mend(self) -> None:
        """An altered copy is found by an audit, and made anew from the copy that is good."""
        course, file = self._chosen()
        damage(self._stack, SECOND, course.id, file.path)
        say(f"   other bytes were written over {file.path} of {course.id} in {SECOND}")
        audits = self._runs.run([course.id], _asked(AUDIT))
        print_findings(audits, partial(Damage.read, self._api))
        self._runs.must(
            [count_of(one.document, "damaged") for one in audits] == [1],
            "the audit did not find exactly the damaged copy",
        )
        say(f"   mending it: course-backfill start {course.id}")
        (end,) = self._runs.run([course.id], _asked(BACKFILL))
        self._runs.must(end.document["repairs"] == audits[0].id, "the damage was not mended")
        found = hashlib.sha256(read_copy(self._stack, SECOND, course.id, file.path)).hexdigest()
        say(f"   sha256 in {SECOND} {found}", style="green" if found == file.sha256 else "red")
        self._runs.must(found == file.sha256, f"{file.path} in {SECOND} is not what was saved")

    def report(self) -> None:
        """Exactly the expected course failed, and the totals are those of the buckets."""
        rows = list(self._api.pages("/reports/backfill"))
        totals = self._api.get("/reports/backfill", limit=1)["totals"]
        print_report(rows, totals)
        for row in rows:
            expected = "failed" if row["course"]["id"] in self._facts.failing else "migrated"
            found = row["status"]["id"]
            self._runs.must(found == expected, f"{row['course']['id']} is {found}, not {expected}")
            self._runs.must(
                row["version"] in {None, "v1"}, f"{row['course']['id']} was copied twice"
            )
        self._runs.must(totals["damaged"] == 0, "the report knows of damage that was mended")
        for location, backfilled in totals["byLocation"].items():
            count = count_bucket(self._stack, location)
            held = totals["held"][location]
            told = (backfilled, held["objects"], held["bytes"])
            agrees = told == (count.courses, count.objects, count.size)
            say(
                f"   a listing of the bucket of {location}: {courses(count.courses)}, "
                f"{objects(count.objects)}, {size(count.size)} ({number(count.size)} bytes)",
                style="green" if agrees else "red",
            )
            self._runs.must(agrees, f"the report and the bucket of {location} do not agree")

    def _is_refused(self, content: str) -> bool:
        try:
            self._api.redirect(content)
        except ApiError as refused:
            say(f"   {refused}", style="yellow")
            return refused.status == CONFLICT
        return False

    def _chosen(self) -> tuple[CourseFacts, FileFacts]:
        """A file of a course of usual size."""
        courses_by_size = sorted(
            (one for one in self._facts.courses.values() if one.files and not one.damaged),
            key=lambda one: len(one.files),
        )
        course = courses_by_size[len(courses_by_size) // 2]
        files = (one for one in course.files if one.path.startswith("assets/") and one.size)
        return course, max(files, key=lambda one: one.size)


def _asked(kind: str, **fields: object) -> Document:
    return {"type": "Ingest", "ingestType": {"id": kind}, **fields}
