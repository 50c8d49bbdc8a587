"""Whatever order, repeat or race messages come in, the locations end up the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from course_backfill import sorting
from course_backfill.copies.replica_planning import expected_objects
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.manifests import MANIFEST_FILES
from course_backfill.messages import Step
from course_backfill.ports import Write
from tests.services.location_world import (
    FAR,
    FROM_S3,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    with_three_versions,
)
from tests.services.memory_pipeline import COURSE

KINDS = pytest.mark.parametrize("kind", ["new", "added"])


pytestmark = pytest.mark.usefixtures("small_packets")


def started(kind: str) -> tuple[LocationWorld, str]:
    """An ingest of a new version to three locations, or of three versions to two more."""
    if kind == "new":
        world = LocationWorld(PRIMARY, SECOND, FAR, is_versioned=True)
        for number in range(8):
            world.save(f"{number}.txt", bytes(number))
        return world, world.pipeline.start()
    world = with_three_versions(is_versioned=True)
    world.configure(PRIMARY, SECOND, FAR, THIRD)
    return world, world.pipeline.start(**FROM_S3 | {"locations": ("far", "third")})


def outcome(world: LocationWorld, ingest: str) -> dict[str, Any]:
    """Everything that an order of messages must not make a difference to."""
    ended = world.pipeline.ingest(ingest)
    assert (ended.status, ended.failure) == (IngestStatus.SUCCEEDED, None)
    for bucket in world.buckets.values():
        assert {len(versions) for versions in bucket.versions.values()} == {1}
        assert not bucket.uploads
    row = world.pipeline.wiring.courses.get(str(COURSE)).model_dump(exclude={"last_ingest"})
    counters = [
        one.model_dump(exclude={"started_date", "progress_date", "expected"})
        for one in world.pipeline.wiring.packets.replicas(ingest)
    ]
    return {
        "objects": {location: world.objects(location) for location in world.buckets},
        "replicas": world.replicas(),
        "versions": world.versions(),
        "row": {name: row[name] for name in row if not name.endswith(("_date", "_since"))},
        "counters": counters,
    }


@cache
def expected(kind: str) -> dict[str, Any]:
    """What comes of messages that are delivered once and in their order."""
    world, ingest = started(kind)
    world.pipeline.run()
    return undated(outcome(world, ingest))


def undated(found: dict[str, Any]) -> dict[str, Any]:
    """Without manifest.json and what tells of it: it holds the moment of its ingest."""
    objects = {
        location: {key: content for key, content in there.items() if "manifest.json" not in key}
        for location, there in found["objects"].items()
    }
    return found | {"objects": objects}


@KINDS
@pytest.mark.parametrize("seed", range(12))
def test_shuffled_and_repeated_messages_end_the_same(kind: str, seed: int) -> None:
    world, ingest = started(kind)
    world.pipeline.run_shuffled(seed)
    assert undated(outcome(world, ingest)) == expected(kind)


@KINDS
def test_two_deliveries_of_every_message_end_the_same(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order = expected(kind)  # Of the small packets that all tests here compare with.
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 30)
    world, ingest = started(kind)
    world.pipeline.run(copies=2)
    found = undated(outcome(world, ingest))
    assert found | {"counters": []} == in_order | {"counters": []}


@KINDS
@pytest.mark.parametrize("step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE])
@pytest.mark.parametrize("at", range(5))
def test_a_delivery_overtaken_by_its_repeat_ends_the_same(kind: str, step: Step, at: int) -> None:
    """At its nth write the repeat comes, and does all that the message asks for."""
    world, ingest = started(kind)
    is_of_packet = step in {Step.REPLICATE, Step.VERIFY}
    last = world.pipeline.ingest(ingest).locations[-1]
    message = world.run_to(step, last if is_of_packet else None)
    writes = 0

    def overtake(_: Sequence[Write]) -> None:
        nonlocal writes
        writes += 1
        if writes == at + 1:
            world.pipeline.deliver(message)

    world.pipeline.wiring.state.before_write = overtake
    world.pipeline.deliver(message)
    world.pipeline.wiring.state.before_write = None
    world.pipeline.run()
    assert undated(outcome(world, ingest)) == expected(kind)


@pytest.mark.parametrize("at", range(8))
def test_a_registering_delivery_overtaken_by_its_repeat_records_each_version_once(at: int) -> None:
    world, ingest = started("added")
    message = world.run_to(Step.REGISTER)
    writes = 0

    def overtake(_: Sequence[Write]) -> None:
        nonlocal writes
        writes += 1
        if writes == at + 1:
            world.pipeline.deliver(message)

    world.pipeline.wiring.state.before_write = overtake
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert undated(outcome(world, ingest)) == expected("added")


@KINDS
def test_a_register_that_died_after_any_of_its_writes_is_gone_on_with(kind: str) -> None:
    for at in range(4):
        world, ingest = started(kind)
        message = world.run_to(Step.REGISTER)
        left = at

        def die(_: Sequence[Write]) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise RuntimeError("killed")

        world.pipeline.wiring.state.before_write = die
        try:
            world.pipeline.deliver(message)
        except RuntimeError:
            world.pipeline.wiring.state.before_write = None
            world.pipeline.deliver(message)
        assert undated(outcome(world, ingest)) == expected(kind)


@KINDS
def test_lists_packets_and_results_stay_bounded_and_no_item_names_a_file(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "RUN_RECORDS", 2)
    world, ingest = started(kind)
    world.pipeline.run()
    ended = world.pipeline.ingest(ingest)
    for location in ended.lists:
        listed = list(expected_objects(world.pipeline.wiring.work, ended.lists[location]))
        assert len(listed) == len({one.key for one in listed}) == objects_of(world, ended)
        packets = list(world.pipeline.wiring.packets.packets(ingest, location))
        assert [one.objects for one in packets[:-1]] == [3] * (len(packets) - 1)
        assert sum(one.objects for one in packets) == len(listed)
        assert sum(one.bytes for one in packets) == sum(one.size for one in listed)
        replica = world.pipeline.wiring.packets.replica(ingest, location)
        assert (replica.objects, replica.packets) == (len(listed), len(packets))
    page = world.pipeline.wiring.state.query("ingests", ingest)
    assert not [item for item in page.items if ".txt" in str(item)]
    assert undated(outcome(world, ingest)) == expected(kind)


def objects_of(world: LocationWorld, ingest: Ingest) -> int:
    entries = sum(len(world.pipeline.entries(version)) for version in world.versions())
    return entries + len(MANIFEST_FILES) * len(world.versions())
