"""A new version: the primary first, then every other location from it, then registered at once."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.courses import CourseStatus
from course_backfill.errors import CopyRefused
from course_backfill.ingests import IngestStatus, ReplicaStatus
from course_backfill.manifests import MANIFEST_FILES
from course_backfill.messages import Step
from tests.services.location_world import (
    ARCHIVE,
    FAR,
    LARGE,
    OPTIONAL,
    PRIMARY,
    SECOND,
    LocationWorld,
)
from tests.services.memory_pipeline import COURSE


def filled(*locations: dict[str, object]) -> LocationWorld:
    """A course with awkward files, not yet copied."""
    world = LocationWorld(PRIMARY, *locations)
    world.save("a.txt", b"alpha")
    world.save("empty.txt", b"")
    world.save("100% é.txt", b"odd")
    world.save("large.mp4", LARGE)
    world.pipeline.content.save(COURSE, "a-txt.jpg", b"thumb", kind="thumbnail")
    return world


def test_a_new_version_is_registered_in_every_required_location_in_one_transaction() -> None:
    world = filled(SECOND, FAR, ARCHIVE, OPTIONAL)

    ingest = world.backfill()

    assert (ingest.status, ingest.failure) == (IngestStatus.SUCCEEDED, None)
    required = {"primary", "second", "far", "archive"}
    assert world.replicas() == {("v1", location) for location in required}
    registering = [
        {write.key.sk for write in writes}
        for writes in world.transactions
        if any(write.key.sk.startswith("VERSION#") for write in writes)
    ]
    [keys] = registering
    assert {key for key in keys if "REPLICA#" in key} == {
        f"VERSION#000000001#REPLICA#{location}" for location in required
    }
    assert {"VERSION#000000001", "COURSE", "INGEST"} <= keys
    course = world.pipeline.wiring.courses.get(str(COURSE))
    assert course.status is CourseStatus.MIGRATED
    assert {one: course.is_complete_in(one) for one in [*required, "optional"]} == (
        dict.fromkeys(required, True) | {"optional": False}
    )
    where = {one.location: (one.bucket, one.prefix) for one in world.replica_records()}
    assert where["second"] == ("second-bucket", "copies/")


def test_every_location_holds_the_same_objects_manifest_files_included() -> None:
    world = filled(SECOND, FAR, ARCHIVE, OPTIONAL)
    world.backfill()
    there = world.objects("primary")
    assert len(there) == 5 + len(MANIFEST_FILES)
    assert {key.rpartition("/")[2] for key in there} >= set(MANIFEST_FILES)
    for location in ("second", "far", "archive"):
        assert world.objects(location) == there
        assert set(world.made(location).values()) == {1}
    assert world.objects("optional") == {}


def test_the_primary_is_verified_before_another_location_gets_a_byte() -> None:
    world = filled(SECOND, FAR)
    ingest = world.pipeline.start()
    message = world.run_to(Step.AGGREGATE)
    assert world.objects("second") == world.objects("far") == {}
    replica = world.pipeline.wiring.packets.replica(ingest, "primary")
    assert replica.status is ReplicaStatus.VERIFIED
    world.pipeline.deliver(message)
    message = world.run_to(Step.VERIFY)
    assert world.versions() == []
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert world.versions() == ["v1"]
    statuses = {one.location: one.status for one in world.pipeline.wiring.packets.replicas(ingest)}
    assert set(statuses.values()) == {ReplicaStatus.VERIFIED}
    assert set(statuses) == {"primary", "second", "far"}


def test_a_location_that_is_not_required_is_filled_when_it_is_named() -> None:
    world = filled(OPTIONAL)
    assert world.backfill(locations=("primary", "optional")).status is IngestStatus.SUCCEEDED
    assert world.objects("optional") == world.objects("primary")
    assert world.replicas() == {("v1", "primary"), ("v1", "optional")}


def test_within_an_endpoint_s3_copies_and_between_endpoints_bytes_are_streamed() -> None:
    world = filled(SECOND, FAR)
    world.backfill()
    verbs = {
        location: {verb for where, verb, _ in world.requests if where == location} - {"list"}
        for location in ("second", "far")
    }
    assert verbs["second"] >= {"copy"}
    assert verbs["second"] & {"create", "put_part"} == set()
    assert verbs["far"] >= {"create", "put_part", "complete_upload"}
    assert "copy" not in verbs["far"]


def test_what_s3_does_not_copy_by_itself_on_this_way_is_streamed() -> None:
    world = filled(SECOND)

    def refuse(location: str, verb: str) -> None:
        if (location, verb) == ("second", "copy"):
            raise CopyRefused("S3 copies nothing between them from here")

    world.on_request = refuse
    ingest = world.backfill()

    assert (ingest.status, ingest.failure) == (IngestStatus.SUCCEEDED, None)
    assert world.objects("second") == world.objects("primary")
    verbs = {verb for location, verb, _ in world.requests if location == "second"}
    assert {"create", "complete_upload"} <= verbs


@pytest.mark.parametrize("location", ["second", "far", "archive"])
def test_copies_keep_content_type_and_checksum(location: str) -> None:
    world = filled(SECOND, FAR, ARCHIVE)
    world.backfill()
    prefix = world.pipeline.wiring.locations[location].prefix
    for key in world.objects("primary"):
        first = world.buckets["primary"].latest(key)
        other = world.buckets[location].latest(prefix + key)
        assert first is not None
        assert other is not None
        assert (other.content_type, other.sha256) == (first.content_type, first.sha256)
        assert other.sha256 or (other.crc64 and other.crc64 == first.crc64)


def test_content_goes_to_the_storage_class_and_manifest_files_to_standard() -> None:
    for location in (ARCHIVE, ARCHIVE | {"endpoint_url": "https://s3.far.example.org"}):
        world = filled(location)
        assert world.backfill().status is IngestStatus.SUCCEEDED
        bucket = world.buckets["archive"]
        classes = {
            key.rpartition("/")[2]: found.storage_class
            for key in bucket.versions
            if (found := bucket.latest(key))
        }
        manifests = {name: classes.pop(name) for name in MANIFEST_FILES}
        assert set(manifests.values()) == {"STANDARD"}
        assert set(classes.values()) == {"DEEP_ARCHIVE"}
        assert len(classes) == 5


@pytest.mark.parametrize("fault", [StorageFault.LOST_ANSWER, StorageFault.OUTAGE_AFTER])
@pytest.mark.parametrize("verb", ["create", "complete_upload"])
def test_what_was_stored_cold_though_the_answer_got_lost_is_there(
    verb: str, fault: StorageFault
) -> None:
    world = filled(ARCHIVE | {"endpoint_url": "https://s3.far.example.org"})
    world.buckets["archive"].fail(verb, fault)
    ingest = world.backfill()
    world.pipeline.wiring.clock.advance(minutes=20)
    world.pipeline.sweep()
    world.pipeline.run()
    assert world.pipeline.ingest(ingest.id).status is IngestStatus.SUCCEEDED
    assert world.objects("archive") == world.objects("primary")


@pytest.mark.parametrize("name", ["assets/a.txt", "assets/large.mp4"])
def test_a_wrong_object_in_an_archive_is_found_by_its_stored_checksum(name: str) -> None:
    world = filled(ARCHIVE)
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.VERIFY, "archive")
    key = world.key(name, location="archive")
    bucket = world.buckets["archive"]
    stored = bucket.latest(key)
    assert stored is not None
    assert (stored.sha256 is None) == name.endswith("mp4")
    bucket.change(key, sha256=stored.sha256 and "0" * 64, crc64=stored.crc64 and "AAAAAAAAAAA=")

    world.pipeline.deliver(message)
    world.pipeline.run()

    failed = world.pipeline.ingest(ingest)
    assert failed.failure is not None
    assert failed.failure.code == "fixity-mismatch"
    [failure] = world.pipeline.failures(ingest)
    assert (failure.path, failure.replica) == (world.key(name), "archive")
    assert world.versions() == []


def test_an_archived_copy_without_a_checksum_is_not_taken_for_good() -> None:
    world = filled(ARCHIVE)
    ingest = world.pipeline.start()
    message = world.run_to(Step.VERIFY, "archive")
    world.buckets["archive"].change(world.key("assets/a.txt"), sha256=None, crc64=None)
    world.pipeline.deliver(message)
    world.pipeline.run()
    failed = world.pipeline.ingest(ingest)
    assert failed.failure is not None
    assert failed.failure.code == "unverifiable-copy"
    assert world.objects("archive") == {}


def test_no_content_of_an_archive_is_read_or_restored() -> None:
    world = filled(ARCHIVE)
    world.backfill()
    verbs = {verb for where, verb, _ in world.requests if where == "archive"}
    assert verbs == {"copy", "stat", "list"}
