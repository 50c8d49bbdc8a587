"""The steps of the demo: each does a thing as a person would, and notes what is not as it must."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from course_backfill.cli.api_client import ApiClient, Document, course_path, ingest_path
from course_backfill.cli.demo_runs import DemoRuns
from course_backfill.cli.discovering import find_courses
from course_backfill.cli.download import download
from course_backfill.cli.dry_runs import print_report as print_dry_run
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import console, courses, number, objects, say, size
from course_backfill.cli.selecting import missing_courses
from course_backfill.cli.starts import Starts
from course_backfill.local.demo_kill import Kill, WorkerKiller, count_copies
from course_backfill.local.sample import write_sample
from course_backfill.local.stack import COPIERS

if TYPE_CHECKING:
    from course_backfill.local.sample_facts import CourseFacts, FileFacts, SampleFacts
    from course_backfill.local.stack import Stack

INGEST: Document = {"type": "Ingest", "ingestType": {"id": "backfill-course"}}


class DemoSteps:
    """Works through the API alone, but for the sample and the kill."""

    def __init__(self, stack: Stack, api: ApiClient, runs: DemoRuns) -> None:
        self._stack = stack
        self._api = api
        self._runs = runs
        self._screen = console()
        self.facts: SampleFacts
        """Of the sample, once it is written."""

    def write_sample(self, large_bytes: int) -> None:
        """Several courses, split and old; one file of one course is corrupt."""
        from course_backfill.adapters.mongodb import connect

        own = self._stack.client
        with connect(own.mongo_uri or "") as client:
            self.facts = write_sample(client[own.mongo_database or ""], large_bytes=large_bytes)
        found = list(self.facts.courses.values())
        files = [file for course in found for file in course.files]
        say(
            f"   {courses(len(found))} with {number(len(files))} files, "
            f"{size(sum(file.size for file in files))}: new and old keys, locked, empty, large and "
            "oddly named files, a re-run, an empty course"
        )
        for name in self.facts.failing:
            damaged = ", ".join(self.facts.courses[name].damaged)
            say(f"   one bit of {damaged} in {name} is flipped", style="yellow")

    def discover(self) -> None:
        """Every course of the sample is found."""
        found = find_courses(self._api)["found"]
        say(f"   found {courses(found)}")
        self._runs.must(
            found == len(self.facts.courses), "not every course of the sample was found"
        )

    def dry_run(self) -> None:
        """Nothing is copied, and the corrupt file is known beforehand."""
        for course in self.facts.failing:
            wanted = {**INGEST, "dryRun": True, "readSource": True}
            (end,) = self._runs.run([course], wanted, is_told=False)
            print_dry_run(end)
            report, expected = end.document["report"], self.facts.courses[course]
            self._runs.must(report["objects"] == len(expected.files), "the dry run counted wrongly")
            self._runs.must(report["wouldFail"], "the dry run did not find the corrupt file")

    def backfill(self) -> None:
        """All courses at once; the worker that copies the largest is killed in the middle."""
        killer = WorkerKiller(
            self._stack.settings, self._stack.supervisor, COPIERS, self._tell_kill
        )
        missing = missing_courses(self._api)
        self._runs.must(
            len(missing.to_start) == len(self.facts.courses), "not all were to be started"
        )
        started = Starts(api=self._api, wanted=INGEST)
        started.start(missing.to_start)
        largest = started.ingests[missing.to_start.index(self._largest().id)]
        killer.start(largest)
        try:
            self._runs.follow(started.ingests)
        finally:
            killer.stop()
        self._tell_replacement(killer, largest)

    def fetch(self, target: Path) -> None:
        """The largest file of all comes back as it was saved."""
        course = self._largest()
        file = max(course.files, key=lambda one: one.size)
        version = self._api.get(course_path(course.id))["latestVersion"]
        url = self._api.redirect(course_path(course.id, "versions", version, "content", file.path))
        download(url, target, sha256=file.sha256, size=file.size, replace=False)
        found = _sha256(target)
        say(f"   {course.id} {file.path}, {size(file.size)}")
        say(f"   saved as sha256 {file.sha256}")
        say(f"   fetched  sha256 {found}", style="green" if found == file.sha256 else "red")
        self._runs.must(found == file.sha256, f"{file.path} came back changed")

    def repeat(self) -> None:
        """Nothing is moved for what is migrated; what failed is tried again."""
        missing = missing_courses(self._api)
        say(f"   {courses(missing.up_to_date)} migrated and fresh: nothing to do")
        ends = self._runs.run(missing.to_start, INGEST)
        self._runs.must(
            {end.course for end in ends} == set(self.facts.failing),
            "a course that is migrated was started again",
        )
        say("   and a migrated course by name:")
        ends = self._runs.run([self._largest().id], INGEST)
        self._runs.must(
            all(end.had_nothing_to_do for end in ends), "a migrated course was moved again"
        )

    def tell_failures(self) -> None:
        """The corrupt file alone made its course fail, of which nothing is left."""
        for course in self.facts.failing:
            self._tell_failures(course)

    def _tell_kill(self, kill: Kill) -> None:
        self._screen.print(
            f"-- kill -9 {kill.pid}: the worker that held packet {kill.packet} of "
            f"{self._largest().id}",
            style="bold yellow",
            soft_wrap=True,
        )

    def _tell_replacement(self, killer: WorkerKiller, ingest: str) -> None:
        replacement, kill = killer.replacement(), killer.kill
        if kill is None or replacement is None:
            self._runs.wrong.append(
                "no worker was killed with a packet in hand, or none replaced it"
            )
            return
        attempts = killer.attempts(ingest)
        say(
            f"-- worker {kill.pid} was replaced by {replacement}, which took the packet over",
            style="bold yellow",
        )
        # It is taken in hand once more to be copied, and then to be verified.
        self._runs.must(
            attempts >= kill.attempts + 2, "the killed worker's packet was not taken over"
        )
        view = IngestView(self._api.get(ingest_path(ingest)))
        self._runs.must(view.status == "succeeded", f"{view.course} did not outlive its worker")

    def _tell_failures(self, course: str) -> None:
        last = self._api.get(course_path(course))["lastIngest"]["id"]
        found = list(self._api.pages(ingest_path(last, "failures")))
        for one in found:
            say(f"  {one['path']}: {one['code']}, {one['detail']}")
            say(f"  {one['action']}")
        left = count_copies(self._stack.settings, course)
        say(f"  {objects(left)} of the course are left in S3")
        self._runs.must(left == 0, f"{course} left something behind in S3")
        self._runs.must(
            tuple(one["path"] for one in found) == self.facts.courses[course].damaged,
            f"{course} failed because of other files than the corrupt one",
        )

    def _largest(self) -> CourseFacts:
        return max(self.facts.courses.values(), key=_size)


def _size(course: CourseFacts) -> int:
    files: tuple[FileFacts, ...] = course.files
    return sum(file.size for file in files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
