"""What is damaged, deleted or replaced where versions are copied from, or there already."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.location_world import (
    ARCHIVE,
    FAR,
    FAR_THIRD,
    FROM_S3,
    LARGE,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
    with_three_versions,
)

Damage = Callable[[LocationWorld], None]


def delete_object(world: LocationWorld) -> None:
    world.buckets["primary"].mark_deleted(world.key("assets/a.txt", version="v2"))


def truncate_object(world: LocationWorld) -> None:
    world.buckets["primary"].store(world.key("assets/a.txt", version="v2"), b"x")


def alter_object(world: LocationWorld) -> None:
    world.buckets["primary"].store(world.key("assets/a.txt", version="v2"), b"ALPHAALPHA")


def alter_entries(world: LocationWorld) -> None:
    bucket, key = world.buckets["primary"], world.key("entries.jsonl", version="v2")
    found = bucket.latest(key)
    assert found is not None
    assert found.content is not None
    bucket.store(key, found.content.replace(b"a.txt", b"b.txt"))


def cut_entries(world: LocationWorld) -> None:
    bucket, key = world.buckets["primary"], world.key("entries.jsonl", version="v2")
    found = bucket.latest(key)
    assert found is not None
    assert found.content is not None
    bucket.store(key, found.content[:-20])


def alter_manifest(world: LocationWorld) -> None:
    world.buckets["primary"].store(world.key("manifest.json", version="v2"), b"{}")


def delete_manifest(world: LocationWorld) -> None:
    world.buckets["primary"].mark_deleted(world.key("manifest.json", version="v2"))


def delete_index(world: LocationWorld) -> None:
    world.buckets["primary"].mark_deleted(world.key("index.json", version="v2"))


@pytest.mark.parametrize("third", [THIRD, FAR_THIRD], ids=["inside", "streamed"])
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (delete_object, "source-copy-damaged"),
        (truncate_object, "source-copy-damaged"),
        (delete_index, "source-copy-damaged"),
        (alter_entries, "manifest-damaged"),
        (cut_entries, "manifest-damaged"),
        (alter_manifest, "manifest-damaged"),
        (delete_manifest, "manifest-damaged"),
    ],
)
def test_damage_at_the_source_that_planning_sees_stops_it_before_a_byte_is_copied(
    third: dict[str, object], damage: Damage, expected: str
) -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, third)
    damage(world)
    ingest = world.backfill(**FROM_S3)
    assert code(ingest) == expected
    assert world.objects("third") == {}
    assert "third" not in {location for _, location in world.replicas()}
    again = world.backfill(provider="amazon-s3", locations=("third",), source="second")
    assert again.status is IngestStatus.SUCCEEDED
    assert world.objects("third") == world.objects("second")


@pytest.mark.parametrize("third", [THIRD, FAR_THIRD], ids=["inside", "streamed"])
def test_damage_that_only_bytes_show_is_found_before_anything_is_recorded(
    third: dict[str, object],
) -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, third)
    alter_object(world)
    ingest = world.backfill(**FROM_S3)
    assert code(ingest) == "source-copy-damaged"
    assert [one.path for one in world.pipeline.failures(ingest.id)] == [
        world.key("assets/a.txt", version="v2")
    ]
    assert "third" not in {location for _, location in world.replicas()}


@pytest.mark.parametrize("third", [THIRD, FAR_THIRD], ids=["inside", "streamed"])
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (delete_object, "source-copy-changed"),
        (truncate_object, "source-copy-damaged"),
        (alter_object, "source-copy-damaged"),
    ],
)
def test_what_changes_between_planning_and_copying_is_not_copied(
    third: dict[str, object], damage: Damage, expected: str
) -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, third)
    ingest = world.pipeline.start(**FROM_S3)
    message = world.run_to(Step.REPLICATE)
    damage(world)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == expected
    [failure] = world.pipeline.failures(ingest)
    assert failure.path == world.key("assets/a.txt", version="v2")
    key = f"deep/er/{world.key('assets/a.txt', version='v2')}"
    assert world.buckets["third"].latest(key) is None
    # What was right stays, and the next attempt finds it.
    there = set(world.objects("third"))
    assert there
    again = world.backfill(provider="amazon-s3", locations=("third",), source="second")
    assert again.status is IngestStatus.SUCCEEDED
    assert set(world.made("third")) == {
        f"deep/er/{key}" for key in set(world.objects("second")) - there
    }


def test_an_object_that_was_stored_anew_with_the_same_bytes_is_good() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    ingest = world.pipeline.start(**FROM_S3)
    message = world.run_to(Step.REPLICATE)
    bucket, key = world.buckets["primary"], world.key("assets/a.txt", version="v2")
    bucket.change(key, etag='"another-way-of-uploading"')
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.objects("third") == world.objects("primary")


@pytest.mark.parametrize("third", [THIRD, FAR_THIRD, ARCHIVE | THIRD], ids=["in", "out", "cold"])
@pytest.mark.parametrize("content", [b"ALPHAALPHA", b"short"], ids=["as-long", "shorter"])
def test_another_object_at_the_target_fails_the_ingest_and_is_never_replaced(
    third: dict[str, object], content: bytes
) -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, third)
    key = world.key("assets/a.txt", version="v2", location="third")
    bucket = world.buckets["third"]
    bucket.store(key, content, sha256="0" * 64)
    ingest = world.backfill(**FROM_S3)
    assert code(ingest) == "wrong-copy"
    found = bucket.latest(key)
    assert found is not None
    assert found.content == content
    assert {one.path for one in world.pipeline.failures(ingest.id)} == {
        world.key("assets/a.txt", version="v2")
    }


@pytest.mark.parametrize("location", [SECOND, FAR], ids=["inside", "streamed"])
def test_another_large_object_at_the_target_is_found_and_never_replaced(
    location: dict[str, object],
) -> None:
    world = LocationWorld(PRIMARY, location)
    world.save("large.mp4", LARGE)
    name = str(location["id"])
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.REPLICATE, name)
    key = world.key("assets/large.mp4", location=name)
    world.buckets[name].store(key, b"another")
    world.pipeline.deliver(message)
    world.pipeline.run()
    failed = world.pipeline.ingest(ingest)
    assert code(failed) == "fixity-mismatch"
    assert failed.failure is not None
    assert f"in {name}" in failed.failure.detail
    found = world.buckets[name].latest(key)
    assert found is not None
    assert found.content == b"another"
    assert not world.buckets[name].uploads


def test_a_surplus_object_below_a_brought_version_is_found_and_elsewhere_it_is_not() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    bucket = world.buckets["third"]
    prefix = world.key("", version="v2", location="third")
    bucket.store(prefix + "assets/stray.txt", b"stray")
    ingest = world.backfill(**FROM_S3)
    assert code(ingest) == "surplus-object"
    assert [one.path for one in world.pipeline.failures(ingest.id)] == [
        world.key("assets/stray.txt", version="v2")
    ]
    assert bucket.latest(prefix + "assets/stray.txt") is not None
    bucket.mark_deleted(prefix + "assets/stray.txt")
    bucket.store(world.key("assets/late.txt", version="v9", location="third"), b"of a dead version")
    bucket.store(world.key("", version="", location="third")[:-1] + "readme", b"nobody's")
    assert world.backfill(**FROM_S3).status is IngestStatus.SUCCEEDED
    assert world.made("third") == {}
