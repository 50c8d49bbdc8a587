"""Attempts at filling locations that fail, are retried, cancelled, or lose a location."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.ingests import IngestStatus, Leg
from course_backfill.manifests import MANIFEST_FILES
from course_backfill.messages import Step
from tests.services.location_world import (
    FAR,
    FROM_S3,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
    with_three_versions,
)

FILES = {f"{number}.txt": bytes([number]) * number for number in range(1, 10)}


pytestmark = pytest.mark.usefixtures("small_packets")


def filled(*locations: dict[str, Any], **settings: Any) -> LocationWorld:
    world = LocationWorld(PRIMARY, *locations, **settings)
    for name, content in FILES.items():
        world.save(name, content)
    return world


@pytest.mark.parametrize("is_versioned", [True, False])
def test_where_one_location_fails_nothing_is_registered_and_nothing_stays_in_any(
    is_versioned: bool,
) -> None:
    world = filled(SECOND, FAR, is_versioned=is_versioned)
    ingest = world.pipeline.start()
    world.run_to(Step.VERIFY, "far")
    assert world.objects("second") == world.objects("primary")
    world.buckets["far"].store(world.key("assets/stray", location="far"), b"stray")
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(ingest))
    )
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "surplus-object"
    assert world.versions() == []
    assert world.replicas() == set()
    for bucket in world.buckets.values():
        assert not any(bucket.versions.values())
        assert not bucket.uploads
    assert world.backfill().version == "v2"
    assert world.objects("primary") == world.objects("second") == world.objects("far")


def test_what_a_late_writer_leaves_in_any_location_is_swept_away() -> None:
    world = filled(SECOND, FAR)
    ingest = world.pipeline.start()
    world.run_to(Step.VERIFY, "second")
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()
    for location in ("primary", "second", "far"):
        assert world.objects(location) == {}
        world.buckets[location].store(world.key("assets/late", location=location), b"late")
    world.pipeline.wiring.clock.advance(minutes=11)
    world.pipeline.sweep()
    assert [world.objects(location) for location in ("primary", "second", "far")] == [{}] * 3


def test_a_retry_goes_on_with_the_unfinished_packets_of_the_replica_that_failed() -> None:
    world = filled(SECOND, FAR)
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.REPLICATE, "far")
    while message.packet != 1:
        world.pipeline.deliver(message)
        message = world.run_to(Step.REPLICATE, "far")
    world.buckets["far"].fail("create", StorageFault.REFUSED)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "storage-refused"
    assert world.pipeline.ingest(ingest).kept
    assert world.versions() == []
    copied = {
        location: {
            one.number: one.copied
            for one in world.pipeline.wiring.packets.packets(ingest, location)
            if one.copied
        }
        for location in ("primary", "second", "far")
    }
    assert 0 < len(world.objects("far")) < len(FILES)
    world.forget()

    world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    world.pipeline.run()

    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    for location, done in copied.items():
        after = {
            one.number: one.copied
            for one in world.pipeline.wiring.packets.packets(ingest, location)
        }
        assert done.items() <= after.items()
    assert world.made("primary") == world.made("second") == {}
    assert set(copied["far"]) == {0}
    assert not set(sorted(world.objects("primary"))[:3]) & set(world.made("far"))
    assert world.objects("far") == world.objects("primary")
    assert world.replicas() == {("v1", one) for one in ("primary", "second", "far")}


@pytest.mark.parametrize("location", ["second", "far"])
def test_a_retry_copies_what_was_wrong_or_has_vanished_from_a_location(location: str) -> None:
    world = filled(SECOND, FAR)
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.REPLICATE, location)
    keys = [world.key(f"assets/{name}", location=location) for name in ("1.txt", "2.txt")]
    world.buckets[location].store(keys[0], b"?")
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "fixity-mismatch"
    for key in keys:
        world.buckets[location].mark_deleted(key)
    world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.objects(location) == world.objects("primary")


def test_a_retry_after_lists_were_planned_in_part_plans_the_rest() -> None:
    world = filled(SECOND, FAR)
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.AGGREGATE)
    hidden = world.key("assets/1.txt")
    bucket = world.buckets["primary"]
    listings = 0

    def hide_before_the_second_list(location: str, verb: str) -> None:
        nonlocal listings
        listings += (location, verb) == ("primary", "list")
        if listings == 2:
            bucket.versions.pop(hidden, None)

    found = bucket.versions[hidden]
    world.on_request = hide_before_the_second_list
    world.pipeline.deliver(message)
    world.pipeline.run()
    failed = world.pipeline.ingest(ingest)
    assert code(failed) == "source-copy-damaged"
    assert set(failed.lists) == {"second"}
    assert failed.leg is Leg.SOURCE

    world.on_request = None
    bucket.versions[hidden] = found
    world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert world.objects("far") == world.objects("second") == world.objects("primary")


@pytest.mark.parametrize("on_failure", ["rollback", "keep"])
@pytest.mark.parametrize("step", [Step.PLAN, Step.REPLICATE, Step.AGGREGATE, Step.VERIFY])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_location_removed_from_the_settings_ends_the_ingest_that_needs_it(
    on_failure: Any, step: Step, is_new: bool
) -> None:
    if is_new:
        world, request = filled(THIRD), {}
    else:
        world, request = with_three_versions(), FROM_S3
        world.configure(PRIMARY, SECOND, THIRD)
    versions = world.versions()
    ingest = world.pipeline.start(on_failure=on_failure, **request)
    replica = "third" if step in {Step.REPLICATE, Step.VERIFY} else None
    message = world.run_to(step, replica)
    known = [PRIMARY] if is_new else [PRIMARY, SECOND]
    world.configure(*known)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "location-removed"
    assert world.versions() == versions
    assert "third" not in {location for _, location in world.replicas()}
    if is_new and on_failure == "rollback":
        assert world.objects("primary") == {}

    world.configure(*known, THIRD)
    if on_failure == "keep":
        world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
        world.pipeline.run()
        assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    else:
        assert world.backfill(**request).status is IngestStatus.SUCCEEDED
    # What the rollback could not reach is swept away once it can be.
    world.pipeline.wiring.clock.advance(days=2)
    world.pipeline.sweep()
    assert world.objects("third") == world.objects("primary")


def test_what_stays_in_a_location_that_was_removed_is_said() -> None:
    world = filled(SECOND, THIRD)
    ingest = world.pipeline.start()
    world.run_to(Step.VERIFY, "third")
    world.configure(PRIMARY, SECOND)
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert world.objects("primary") == world.objects("second") == {}
    assert len(world.buckets["third"].versions) == len(FILES) + len(MANIFEST_FILES)
    [end] = [one for one in world.pipeline.wiring.ingests.events(ingest) if one.step == "end"]
    assert "not in third" in end.description
