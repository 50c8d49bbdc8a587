"""What is registered was proven by bytes: no checksum that S3 stores of other bytes proves any."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.audit_world import AuditWorld
from tests.services.location_world import (
    ARCHIVE,
    COPYING,
    LARGE,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
)

ROTTEN = b"X" + LARGE[1:]
"""Other bytes of the same size."""


def filled_later(target: dict[str, Any], **files: bytes) -> AuditWorld:
    """A version in the primary, and a location that was added since."""
    world = AuditWorld(PRIMARY, files=files)
    world.configure(PRIMARY, target | {"required": False})
    return world


def test_an_archive_is_not_proven_by_the_checksum_of_a_source_with_other_bytes() -> None:
    world = filled_later(ARCHIVE, large=LARGE)
    world.rot(world.key("assets/large"), ROTTEN, location="primary")
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
    world.rot(world.key("assets/large"), ROTTEN, location="primary")
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "unverifiable-copy"
    assert world.versions() == []


def test_other_bytes_of_the_same_size_are_not_copied_and_block_no_later_attempt() -> None:
    world = AuditWorld(PRIMARY, SECOND)
    world.configure(PRIMARY, SECOND, THIRD | {"required": False})
    world.rot(world.key("assets/3.txt"), b"xxx", location="primary")
    ingest = world.backfill(provider="amazon-s3", locations=("third",))
    assert code(ingest) == "source-copy-damaged"
    assert world.found(ingest) == {("third", "3.txt", "source-copy-damaged")}
    assert world.key("assets/3.txt") not in world.objects("third")
    world.audit()
    world.repaired()
    world.repaired(provider="amazon-s3", locations=("third",))
    assert world.objects("third") == world.objects("second")


@pytest.mark.parametrize("target", [THIRD, ARCHIVE], ids=["standard", "archive"])
def test_a_source_that_its_etags_prove_is_neither_asked_nor_read(target: dict[str, Any]) -> None:
    world = filled_later(target, small=b"small", empty=b"", large=LARGE)
    world.repaired(provider="amazon-s3", locations=(target["id"],))
    copied = [
        key for where, verb, key in world.requests if (where, verb) == ("primary", "copy from")
    ]
    assert len(copied) == len(world.objects("primary"))
    asked = [key for where, verb, key in world.requests if (where, verb) == ("primary", "stat")]
    assert asked == []
    read = {key for where, verb, key in world.requests if (where, verb) == ("primary", "read")}
    # What is cold and was uploaded in parts has no sha256 in S3: only the source's bytes prove it.
    of_content = {world.key("assets/large")} if target is ARCHIVE else set()
    manifests = {world.key("entries.jsonl"), world.key("manifest.json")}
    assert read == of_content | manifests


def test_where_etags_tell_nothing_the_sha256_that_s3_stores_proves_a_source() -> None:
    world = filled_later(THIRD, good=b"good", bad=b"good")
    bucket = world.buckets["primary"]
    bucket.change(world.key("assets/good"), etag='"of-kms"')
    bucket.change(world.key("assets/bad"), etag='"of-kms-too"', sha256="0" * 64)
    ingest = world.backfill(provider="amazon-s3", locations=("third",))
    assert world.found(ingest) == {("third", "bad", "source-copy-damaged")}
    assert world.objects("third")[world.key("assets/good")] == b"good"
    read = {key for where, verb, key in world.requests if (where, verb) == ("primary", "read")}
    assert not {world.key("assets/good"), world.key("assets/bad")} & read


def test_where_s3_stores_no_sha256_either_the_bytes_prove_a_small_source() -> None:
    world = filled_later(THIRD, good=b"good")
    world.buckets["primary"].change(world.key("assets/good"), etag='"of-kms"', sha256=None)
    world.repaired(provider="amazon-s3", locations=("third",))
    key = world.key("assets/good", location="third")
    made = [verb for where, verb, at in world.requests if at == key and verb in COPYING]
    assert made == ["create"]
    assert world.objects("third") == world.objects("primary")


@pytest.mark.parametrize("content", [b"xxx", b"no"], ids=["as-long", "shorter"])
def test_what_is_wrong_in_a_location_without_the_version_says_what_to_delete(
    content: bytes,
) -> None:
    world = AuditWorld(PRIMARY)
    world.configure(PRIMARY, THIRD | {"required": False})
    key = world.key("assets/3.txt", location="third")
    world.buckets["third"].store(key, content)
    ingest = world.backfill(provider="amazon-s3", locations=("third",))
    [finding] = {one.path: one for one in world.findings(ingest)}.values()
    assert (finding.code, finding.path) == ("wrong-copy", world.key("assets/3.txt"))
    assert "v1 is not registered in third" in finding.detail
    world.buckets["third"].mark_deleted(key)
    world.repaired(provider="amazon-s3", locations=("third",))


def test_a_cold_object_is_not_found_good_by_the_checksum_of_a_good_copy_that_went_bad() -> None:
    world = AuditWorld(PRIMARY, ARCHIVE, files={"large": LARGE})
    world.rot(world.key("assets/large", location="archive"), ROTTEN, location="archive")
    assert world.found(world.audit()) == {("archive", "large", "fixity-mismatch")}
    # As if somebody had synchronised the wrong way round.
    world.rot(world.key("assets/large"), ROTTEN, location="primary")
    ingest = world.backfill()
    assert code(ingest) == "source-copy-damaged"
    assert world.events(ingest, "repair") == []
    assert world.course.damaged == 1
