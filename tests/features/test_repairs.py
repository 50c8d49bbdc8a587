"""What is damaged behind the product's back is found by an audit, and mended by the next ingest."""

from __future__ import annotations

import os

import pytest

from course_backfill.adapters.setup import create_resources
from course_backfill.audits import AuditWish
from course_backfill.courses import Course
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.locations import Location
from course_backfill.ports import Write
from course_backfill.stores.course_writes import course_key
from tests.features.installation import COURSE, Installation, wait_until

MIB = 1024 * 1024
BOTH = ("primary", "second")
CONTENTS = {f"file{number}.bin": os.urandom(1_000 + number) for number in range(30)} | {
    "large.bin": os.urandom(20 * MIB)
}


@pytest.fixture
def two_locations(installation: Installation) -> Installation:
    """A course of small files and a large one, in two locations."""
    bucket = f"{installation.settings.namespace}-second"
    installation.configure(Location(id="second", bucket=bucket, prefix="copies/"))
    for name, content in CONTENTS.items():
        installation.save(COURSE, name, content)
    installation.work()
    ended = installation.ended(installation.start(locations=BOTH))
    assert (ended.status, ended.failure) == (IngestStatus.SUCCEEDED, None)
    return installation


def course(installation: Installation) -> Course:
    """The course's row."""
    return installation.wiring.courses.get(str(COURSE))


def objects(installation: Installation, location: str) -> dict[str, bytes]:
    """Key below the location's prefix → bytes of all that is there."""
    place = installation.wiring.places.get(location)
    prefix = place.location.prefix
    return {one.key: b"".join(place.reader.read(prefix + one.key)) for one in place.list(COURSE)}


def alter(installation: Installation, location: str, name: str, *, content: bytes | None) -> None:
    """Replaces an object, or deletes it, with a client of our own."""
    where = installation.wiring.locations[location]
    key = where.version_prefix(COURSE, "v1") + name
    if content is None:
        installation.clients.s3.delete_object(Bucket=where.bucket, Key=key)
    else:
        installation.clients.s3.put_object(Bucket=where.bucket, Key=key, Body=content)


def damage(installation: Installation) -> None:
    """Alters and deletes small, large and manifest objects."""
    alter(installation, "primary", "assets/file1.bin", content=b"rotten")
    alter(installation, "primary", "assets/large.bin", content=b"rotten")
    alter(installation, "second", "entries.jsonl", content=b"rotten")
    alter(installation, "second", "assets/file2.bin", content=None)
    alter(installation, "primary", "manifest.json", content=None)


def lose(installation: Installation, bucket: str) -> None:
    """Deletes a bucket with all that is in it."""
    s3 = installation.clients.s3
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def audited(installation: Installation) -> Ingest:
    """An audit of all, which succeeds whatever it finds."""
    audit = installation.start(ingest_type="audit-course", locations=(), audit=AuditWish())
    ended = installation.ended(audit)
    assert (ended.status, ended.failure) == (IngestStatus.SUCCEEDED, None)
    return ended


def test_damage_is_found_by_an_audit_and_mended_byte_by_byte_by_the_next_start(
    two_locations: Installation,
) -> None:
    before = objects(two_locations, "primary")
    assert objects(two_locations, "second") == before
    assert set(CONTENTS.values()) <= set(before.values())
    damage(two_locations)

    audit = audited(two_locations)

    assert audit.failure_count == 5
    assert course(two_locations).damaged == 5
    repair = two_locations.ended(two_locations.start(locations=BOTH))
    assert (repair.status, repair.failure) == (IngestStatus.SUCCEEDED, None)
    assert repair.repairs == audit.id
    assert objects(two_locations, "primary") == objects(two_locations, "second") == before
    assert course(two_locations).damaged == 0
    events, _ = two_locations.wiring.ingests.all_events(repair.id, limit=1_000)
    assert len([one for one in events if one.outcome == "repaired"]) == 5
    assert audited(two_locations).failure_count == 0


@pytest.mark.parametrize("location", BOTH)
def test_a_location_whose_bucket_was_lost_is_filled_again_from_another_in_a_new_bucket(
    two_locations: Installation, location: str
) -> None:
    before = objects(two_locations, location)
    lose(two_locations, two_locations.wiring.locations[location].bucket)

    create_resources(two_locations.settings, two_locations.clients)

    assert objects(two_locations, location) == {}
    assert audited(two_locations).failure_count == len(before)
    repair = two_locations.ended(two_locations.start(locations=BOTH))
    assert (repair.status, repair.failure) == (IngestStatus.SUCCEEDED, None)
    assert objects(two_locations, "primary") == objects(two_locations, "second") == before
    assert course(two_locations).damaged == 0


def test_workers_that_are_killed_while_they_repair_leave_the_rest_to_others(
    two_locations: Installation,
) -> None:
    before = objects(two_locations, "primary")
    for name in CONTENTS:
        alter(two_locations, "primary", f"assets/{name}", content=b"rotten")
    audited(two_locations)
    repair = two_locations.start(locations=BOTH)

    def has_repaired_some() -> bool:
        events, _ = two_locations.wiring.ingests.all_events(repair, limit=1_000)
        return any(one.outcome == "repaired" for one in events)

    wait_until(has_repaired_some)
    two_locations.kill_workers()
    two_locations.work()
    ended = two_locations.ended(repair)

    assert (ended.status, ended.failure) == (IngestStatus.SUCCEEDED, None)
    assert objects(two_locations, "primary") == objects(two_locations, "second") == before
    assert course(two_locations).damaged == 0


def test_a_course_that_was_not_looked_at_for_long_is_audited_by_the_schedule(
    two_locations: Installation,
) -> None:
    alter(two_locations, "primary", "assets/file1.bin", content=b"rotten")
    long_ago = {"unauditedSince": "2020-01-01T00:00:00.000Z"}
    two_locations.wiring.state.write(Write(course_key(str(COURSE)), assign=long_ago))

    wait_until(lambda: course(two_locations).damaged)

    audit, *others = two_locations.wiring.ingests.listing(course=str(COURSE), limit=10)[0]
    assert (audit.ingest_type, audit.requested_by) == ("audit-course", "schedule")
    assert [one.ingest_type for one in others] == ["backfill-course"]
    assert set(course(two_locations).replicas) == {"primary", "second"}
    assert (course(two_locations).unaudited_since or "") > audit.created_date
