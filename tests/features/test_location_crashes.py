"""Workers are killed while they fill further locations; what each bucket holds is counted."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.locations import Location
from tests.features.installation import COURSE, Installation, wait_until

MIB = 1024 * 1024
BYTES = random.Random(9)  # noqa: S311 - Any bytes do, the same in every run.
CONTENTS = {f"file {number}.bin": BYTES.randbytes(5_000 + number) for number in range(60)} | {
    "large.bin": BYTES.randbytes(17 * MIB)
}


@pytest.fixture
def two_locations(installation: Installation) -> Installation:
    """A course, and two locations that have nothing of it."""
    bucket = f"{installation.settings.namespace}-second"
    installation.configure(Location(id="second", bucket=bucket, prefix="copies/"))
    for name, content in CONTENTS.items():
        installation.save(COURSE, name, content)
    return installation


def counted(installation: Installation, location: str) -> Counter[tuple[str, str]]:
    """(key below the prefix, sha256) of every version of every object, told by S3 alone."""
    where = installation.wiring.locations[location]
    s3 = installation.clients.s3
    found = s3.list_object_versions(Bucket=where.bucket)
    assert not found.get("DeleteMarkers")
    assert not s3.list_multipart_uploads(Bucket=where.bucket).get("Uploads")
    return Counter(
        (
            one["Key"].removeprefix(where.prefix),
            hashlib.sha256(
                s3.get_object(Bucket=where.bucket, Key=one["Key"], VersionId=one["VersionId"])[
                    "Body"
                ].read()
            ).hexdigest(),
        )
        for one in found.get("Versions", [])
    )


def kill_in_the_middle_of_copying(installation: Installation) -> None:
    """Lets a worker copy some objects inside S3, and kills it at one that takes long."""
    installation.fault(service="s3", operation="CopyObject", key="file 45", delay=30, status=503)
    victim = installation.work()
    second = installation.wiring.places.get("second")
    wait_until(lambda: len(list(second.list(COURSE))) >= 10)
    victim.kill()
    installation.heal()
    registered = installation.wiring.courses.all_replicas(str(COURSE))
    assert "second" not in {one.location for one in registered}


def check(installation: Installation, ingest: str) -> None:
    ended = installation.ended(ingest)
    assert (ended.status, ended.failure) == (IngestStatus.SUCCEEDED, None)
    primary = counted(installation, "primary")
    assert set(primary.values()) == {1}
    assert len(primary) == len(CONTENTS) + 3
    digests = {hashlib.sha256(content).hexdigest() for content in CONTENTS.values()}
    assert digests <= {digest for _, digest in primary}
    assert counted(installation, "second") == primary
    course = installation.wiring.courses.get(str(COURSE))
    assert course.is_complete_in("primary")
    assert course.is_complete_in("second")
    packet = installation.wiring.packets.get(ingest, "second", 0)
    assert packet.attempts >= 2


def test_a_worker_killed_while_it_fills_a_second_location_is_replaced(
    two_locations: Installation,
) -> None:
    ingest = two_locations.start(locations=("primary", "second"))
    kill_in_the_middle_of_copying(two_locations)
    assert two_locations.wiring.courses.versions(str(COURSE)) == []
    two_locations.work()
    check(two_locations, ingest)


def test_a_worker_killed_while_it_brings_a_version_to_a_second_location_is_replaced(
    two_locations: Installation,
) -> None:
    two_locations.backfill()
    ingest = two_locations.start(provider="amazon-s3", locations=("second",))
    kill_in_the_middle_of_copying(two_locations)
    two_locations.work()
    check(two_locations, ingest)
