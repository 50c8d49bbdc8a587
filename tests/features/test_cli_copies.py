"""Commands about copies: locations, audit, warm, and starting from a location."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from course_backfill.courses import CourseId
from course_backfill.locations import Location
from tests.features.installation import Installation, installation
from tests.features.parts import Shell, shell_beside

HOUR_LONG = 3_600


@dataclass(frozen=True, slots=True)
class World:
    """An installation with a worker, a required location and a spare one, and a shell beside it."""

    installed: Installation
    shell: Shell

    def backfilled(self, name: str) -> str:
        """A course of that name with one file, in both required locations; its id."""
        course = CourseId.parse(f"course-v1:Org1+{name}+R1")
        self.installed.save(course, "a.txt", b"alpha")
        self.installed.wiring.courses.add(course)
        started = self.shell.command("start", str(course), "--watch")
        assert started.code == 0, started.err
        return str(course)

    def bucket(self, location: str = "primary") -> str:
        """The bucket of a location."""
        return self.installed.wiring.locations[location].bucket

    def order(self, path: str, **order: Any) -> None:
        """Orders something of the embedded AWS."""
        httpx.post(f"{self.installed.endpoint}{path}", json=order).raise_for_status()

    def cool(self, course: str) -> None:
        """Moves the course's content in the primary to GLACIER."""
        prefix = f"courses/{course}/v1/assets/"
        self.order("/_archive", bucket=self.bucket(), prefix=prefix, storageClass="GLACIER")


@pytest.fixture(scope="module")
def world(mongo_uri: str, endpoint: str) -> Iterator[World]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_uri)
    database = client[f"edxapp_{uuid.uuid4().hex[:8]}"]
    database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    with installation(mongo_uri, database, endpoint) as installed:
        namespace = installed.settings.namespace
        installed.configure(
            Location(id="second", bucket=f"{namespace}-second"),
            Location(id="spare", bucket=f"{namespace}-spare", required=False),
        )
        installed.work()
        with shell_beside(installed) as shell:
            yield World(installed, shell)
    client.drop_database(database.name)
    client.close()


@pytest.fixture(autouse=True)
def usual_pace(world: World) -> Iterator[None]:
    yield
    world.order("/_restores")


def test_locations_are_listed_with_the_courses_that_each_lacks(world: World) -> None:
    world.installed.wiring.courses.add(CourseId.parse("course-v1:Org1+Unmigrated+R1"))
    listed = world.shell.command("locations")
    assert listed.code == 0, listed.err
    for location in ("primary", "second", "spare"):
        assert f"{world.bucket(location)}/" in listed.out
    assert "course-backfill report --location second" in listed.out
    assert "report --location spare" not in listed.out
    found = {one["id"]: one for one in world.shell.command("locations", "--json").document}
    assert [one["required"] for one in found.values()] == [True, True, False]


def test_a_course_is_brought_from_one_location_to_another_and_then_there_is_nothing_to_do(
    world: World,
) -> None:
    course = world.backfilled("Brought")
    to_spare = ("start", course, "--from", "second", "--location", "spare")
    brought = world.shell.command(*to_spare, "--watch")
    assert brought.code == 0, brought.err
    assert "brought to spare: 4 objects" in brought.out
    assert "nothing to do" in world.shell.command(*to_spare, "--watch").out
    (row,) = [
        one
        for one in world.shell.command("report", "--json").document["results"]
        if one["course"]["id"] == course
    ]
    assert row["locations"] == {"primary": "v1", "second": "v1", "spare": "v1"}
    missing = world.shell.command(
        "start", "--all-missing", "--from", "primary", "--location", "spare", "--json"
    )
    assert course not in [one["course"]["id"] for one in missing.document]


def test_options_of_one_source_are_refused_for_the_other_before_anything_is_started(
    world: World,
) -> None:
    refused = world.shell.command(
        "start", "course-v1:A+B+C", "--from", "primary", "--corrupt-objects", "record"
    )
    assert (refused.code, refused.out) == (2, "")
    assert "--from does not read" in refused.err
    unknown = world.shell.command("start", "--all-missing", "--location", "moon")
    assert unknown.code == 2
    assert "there are primary, second, spare" in unknown.err


def test_a_dry_run_from_cold_storage_tells_hours_and_cost_of_every_tier(world: World) -> None:
    course = world.backfilled("Costly")
    world.cool(course)
    told = world.shell.command(
        "start", course, "--from", "primary", "--location", "spare", "--dry-run"
    )
    assert told.code == 0, told.err
    shown = [line.split() for line in told.out.splitlines()]
    assert ["GLACIER", "1", "5", "bytes"] in shown
    assert ["Expedited", "1", "5", "min", "0", "s", "0.01", "USD"] in shown
    assert ["Standard", "1", "5", "h", "0", "min", "0.01", "USD", "this", "one"] in shown


def test_what_is_cold_says_how_it_is_warmed_and_warming_can_be_sped_up(world: World) -> None:
    course = world.backfilled("Cold")
    world.cool(course)
    world.order("/_restores", seconds=HOUR_LONG, expedited_seconds=0)
    refused = world.shell.command("get", course, "assets/a.txt", "-o", "-")
    assert refused.code == 1
    assert f"course-backfill warm {course}" in refused.err
    assert world.shell.command("warm", course).code == 0
    sped_up = world.shell.command("warm", course, "--tier", "expedited", "--watch")
    assert sped_up.code == 0, sped_up.err
    assert "1 object (5 bytes) can be read until" in sped_up.out
    assert world.shell.output("get", course, "assets/a.txt", "-o", "-") == b"alpha"


def test_an_older_version_that_is_cold_names_the_command_that_makes_it_readable(
    world: World,
) -> None:
    course = world.backfilled("Older")
    world.installed.save(CourseId.parse(course), "a.txt", b"another")
    assert world.shell.command("start", course, "--watch").code == 0
    world.cool(course)
    world.order("/_restores", seconds=0)
    older = ("get", course, "assets/a.txt", "--version", "v1", "-o", "-")
    refused = world.shell.command(*older)
    assert refused.code == 1
    assert f"course-backfill warm {course} --version v1 has it restored" in refused.err
    assert world.shell.command("warm", course, "--version", "v9").code == 2
    told = world.shell.command("warm", course, "--version", "v1", "--dry-run")
    assert f"{course}: cold in primary: 1 object, 5 bytes" in told.out
    warmed = world.shell.command("warm", course, "--version", "v1", "--watch")
    assert "1 object (5 bytes) of v1 can be read until" in warmed.out
    assert world.shell.output(*older) == b"alpha"


def test_damage_is_found_by_location_then_mended_and_both_are_told(world: World) -> None:
    course = world.backfilled("Damaged")
    key = f"courses/{course}/v1/assets/a.txt"
    world.installed.clients.s3.put_object(Bucket=world.bucket("second"), Key=key, Body=b"alphA")

    alone = world.shell.command("audit", course, "--location", "second", "--watch")
    audit = world.shell.command("audit", course, "--watch")

    assert "nothing that was read is a good copy of 1 object" in alone.out
    assert f"audit all its locations first: course-backfill audit {course}" in alone.out
    assert audit.code == 1
    assert "1 damaged in second" in audit.out
    assert "good copy" not in audit.out
    assert f"to mend:  course-backfill start {course}" in audit.out
    assert f"{key} in second" in world.shell.command("failures", course).out
    assert f"{course}: damaged copies: 1 in second" in world.shell.command("report").out
    mended = world.shell.command("start", "--all-missing", "--watch")
    assert "what an audit found: 1 object" in mended.out
    again = world.shell.command("audit", course, "--watch")
    assert (again.code, "nothing is damaged" in again.out) == (0, True)
    assert "damaged" not in world.shell.command("report").out
