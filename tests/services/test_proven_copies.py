"""What is registered was proven by bytes: no checksum that S3 stores of other bytes proves any."""

from __future__ import annotations

from typing import Any

import pytest
from awscrt.checksums import crc64nvme

from course_backfill.crc import crc_text
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.audit_world import FILES, AuditWorld
from tests.services.location_world import (
    ARCHIVE,
    LARGE,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
)

ROTTEN = b"X" + LARGE[1:]
"""Other bytes of the same size."""


def rot(world: LocationWorld, name: str, content: bytes, *, location: str = "primary") -> None:
    """Someone stores other bytes as today's tools do: with a CRC64NVME of theirs, and no sha256."""
    bucket, key = world.buckets[location], world.key(name, location=location)
    stat = bucket.stat(key)
    assert stat is not None
    bucket.store(
        key, content, crc64=crc_text(crc64nvme(content, 0)), storage_class=stat.storage_class
    )


def filled_later(target: dict[str, Any], **files: bytes) -> AuditWorld:
    """A version in the primary, and a location that was added since."""
    world = AuditWorld(PRIMARY, files=files)
    world.configure(PRIMARY, target | {"required": False})
    return world


def test_an_archive_is_not_proven_by_the_checksum_of_a_source_with_other_bytes() -> None:
    world = filled_later(ARCHIVE, large=LARGE)
    rot(world, "assets/large", ROTTEN)
    ingest = world.backfill(provider="amazon-s3", locations=("archive",))
    assert code(ingest) == "unverifiable-copy"
    assert world.replicas() == {("v1", "primary")}


def test_an_archive_is_proven_by_the_bytes_of_its_source() -> None:
    world = filled_later(ARCHIVE, large=LARGE)
    ingest = world.backfill(provider="amazon-s3", locations=("archive",))
    assert ingest.status is IngestStatus.SUCCEEDED
    assert world.objects("archive") == world.objects("primary")
    stat = world.buckets["archive"].stat(world.key("assets/large", location="archive"))
    assert stat is not None
    assert stat.sha256 is None


def test_a_version_whose_primary_was_altered_before_the_second_leg_is_not_registered() -> None:
    world = LocationWorld(PRIMARY, ARCHIVE)
    world.save("large", LARGE)
    ingest = world.pipeline.start()
    message = world.run_to(Step.AGGREGATE)
    rot(world, "assets/large", ROTTEN)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "unverifiable-copy"
    assert world.versions() == []
