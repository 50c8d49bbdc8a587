"""Whatever is damaged, wherever: a repair restores all that one location has, and only that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pytest
from awscrt import checksums
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from course_backfill.copies.version_objects import version_objects
from course_backfill.crc import crc_text
from course_backfill.ingests import IngestStatus
from tests.services.audit_world import AUDIT, AuditWorld
from tests.services.location_world import (
    ARCHIVE,
    COLD_THIRD,
    FAR,
    FAR_THIRD,
    FROM_S3,
    OPTIONAL,
    PRIMARY,
    SECOND,
    THIRD,
)
from tests.services.memory_pipeline import COURSE

Damage = tuple[int, int, str]
"""Which location, which of its objects, and how; numbers wrap around."""

KINDS = st.sampled_from(["remove", "alter", "same-size"])
DAMAGE = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), KINDS), max_size=8)


pytestmark = pytest.mark.usefixtures("small_packets")


def world_of(others: list[dict[str, Any]], versions: int, brought_after: int) -> AuditWorld:
    """Versions in all locations, but for the optional one, which has the first ones alone."""
    world = AuditWorld(PRIMARY, *others, OPTIONAL, files={"a.txt": b"alpha", "empty": b""})
    for number in range(1, versions + 1):
        if number > 1:
            world.save("a.txt", b"alpha" * number)
            world.save(f"{number}.txt", b"%d" % number)
            assert world.backfill().version == f"v{number}"
        if number == brought_after:
            world.repaired(locations=("optional",), provider="amazon-s3")
    return world


def inflict(world: AuditWorld, damage: list[Damage]) -> None:
    """Damages objects behind the product's back."""
    for where, which, how in damage:
        location = list(world.buckets)[where % len(world.buckets)]
        keys = sorted(world.objects(location))
        if not keys:
            continue
        key = keys[which % len(keys)]
        bucket = world.buckets[location]
        whole = world.pipeline.wiring.locations[location].prefix + key
        content = world.objects(location)[key]
        stat = bucket.stat(whole)
        assert stat is not None
        if how == "remove":
            bucket.mark_deleted(whole)
        else:
            altered = content + b"!" if how == "alter" else bytes(len(content))
            # S3 stores a checksum of whatever it is sent.
            crc64 = crc_text(checksums.crc64nvme(altered))
            bucket.store(whole, altered, storage_class=stat.storage_class, crc64=crc64)


def run_to_end(world: AuditWorld, ingest: str) -> None:
    """Everything that follows, restores included."""
    world.pipeline.run()
    for _ in range(80):
        if world.pipeline.ingest(ingest).status.is_end:
            return
        world.pipeline.wiring.clock.advance(hours=1)
        world.pipeline.sweep()
        world.pipeline.run()
    raise AssertionError("the ingest does not end")


@dataclass(frozen=True, slots=True)
class History:
    """What was where, and what happened to it before the last audit."""

    others: list[dict[str, Any]]
    versions: int
    brought_after: int
    damage: list[Damage]
    after_an_audit: list[Damage] | None


HISTORIES = st.builds(
    History,
    others=st.lists(st.sampled_from([SECOND, FAR, ARCHIVE]), unique_by=str, max_size=2),
    versions=st.integers(1, 3),
    brought_after=st.integers(0, 3),
    damage=DAMAGE,
    after_an_audit=st.none() | DAMAGE,
)


# Nothing but its size proves a cold object without bytes, and nothing more is needed.
EMPTY = History([ARCHIVE], 1, 0, [(0, 1, "remove"), (1, 1, "same-size")], None)
UNPROVEN = History([ARCHIVE], 1, 0, [], [(0, 0, "remove"), (1, 0, "same-size")])


@settings(max_examples=60, deadline=None)
@example(EMPTY)
@example(UNPROVEN)
@given(HISTORIES)
def test_after_a_repair_every_location_holds_all_that_was_good_in_any(history: History) -> None:
    world = world_of(history.others, history.versions, history.brought_after)
    right = {location: world.objects(location) for location in world.buckets}
    inflict(world, history.damage)
    if history.after_an_audit is not None:
        world.audit()
        inflict(world, history.after_an_audit)
    before = {location: world.objects(location) for location in world.buckets}
    good = {
        key
        for location, objects in right.items()
        for key in objects
        if before[location].get(key) == objects[key]
    }
    lost = {(location, key) for location, objects in right.items() for key in objects.keys() - good}
    # Without any copy of its entries, nobody can tell what a version is to hold.
    assume(not any(key.endswith("/entries.jsonl") for _, key in lost))
    world.audit()
    world.forget()

    request = {"provider": "amazon-s3"} if world.course.damaged else AUDIT
    ingest = world.pipeline.start(**request)
    run_to_end(world, ingest)

    for location, objects in right.items():
        # What nobody has a good copy of is left as it is.
        wanted = {
            key: objects[key] if key in good else before[location].get(key) for key in objects
        }
        now = world.objects(location)
        assert {key: now.get(key) for key in objects} == wanted
    for location, whole in world.replaced():
        key = whole.removeprefix(world.pipeline.wiring.locations[location].prefix)
        assert before[location][key] != right[location][key]
    ended = world.pipeline.ingest(ingest)
    assert ended.status is (IngestStatus.FAILED if lost else IngestStatus.SUCCEEDED)
    # Of a cold copy of the right size nobody can say that it is wrong, once no other is good.
    untold = {
        (location, key)
        for location, key in lost
        if location == ARCHIVE["id"] and "/assets/" in key
        if len(before[location].get(key, b"!" * 99)) == len(right[location][key])
    }
    assert world.course.damaged == len(lost - untold)
    found = {
        (one.replica, one.path)
        for one in world.findings(world.audit())
        if one.severity == "failure"
    }
    assert found == lost - untold
    world.pipeline.wiring.executor.shutdown()


@dataclass(frozen=True, slots=True)
class Filling:
    """What nobody knows to be damaged, and what is brought, from where to where, before an audit.

    Of what is `parted` S3 stores no sha256, as of large objects that were uploaded in parts.
    """

    others: list[dict[str, Any]]
    versions: int
    damage: list[Damage]
    target: dict[str, Any]
    source: int
    is_new_version: bool
    is_parted: bool


FILLINGS = st.builds(
    Filling,
    others=st.lists(st.sampled_from([SECOND, FAR, ARCHIVE]), unique_by=str, max_size=2),
    versions=st.integers(1, 3),
    damage=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), KINDS), max_size=3),
    target=st.sampled_from([THIRD, FAR_THIRD, COLD_THIRD]),
    source=st.integers(0, 2),
    is_new_version=st.booleans(),
    is_parted=st.booleans(),
)


def part(world: AuditWorld) -> None:
    """Whatever has bytes was uploaded in parts."""
    for bucket in world.buckets.values():
        for key in bucket.versions:
            found = bucket.latest(key)
            if found is not None and found.content:
                crc64 = crc_text(checksums.crc64nvme(found.content))
                etag = f'"{found.etag[1:-1]}-1"'
                bucket.change(key, sha256=None, crc64=crc64, etag=etag)


def require_right(world: AuditWorld, version_id: str, location: str) -> None:
    """Every object of a version is in a location with the bytes that the register proves."""
    wiring = world.pipeline.wiring
    version = wiring.courses.version(str(COURSE), version_id)
    place, there = wiring.places.get(location), world.objects(location)
    for one in version_objects(place.reader, place.location, version):
        assert hashlib.sha256(there[one.key]).hexdigest() == one.sha256


OF_SAME_SIZE = Filling([], 1, [(0, 0, "same-size")], COLD_THIRD, 0, False, True)


@settings(max_examples=100, deadline=None)
@example(OF_SAME_SIZE)
@example(replace(OF_SAME_SIZE, is_new_version=True))
@example(replace(OF_SAME_SIZE, target=THIRD, is_parted=False))
@given(FILLINGS)
def test_whatever_was_damaged_unseen_only_what_is_right_is_registered(filling: Filling) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.replicator.location_copier.PART_BYTES", 3)
        world = world_of(filling.others, filling.versions, brought_after=0)
        if filling.is_parted:
            part(world)
        before = {location: world.objects(location) for location in world.buckets}
        inflict(world, filling.damage)
        touched = {one for one in world.buckets if world.objects(one) != before[one]}
        registered = world.replicas()
        sources = ["primary", *(str(one["id"]) for one in filling.others)]
        source = "primary" if filling.is_new_version else sources[filling.source % len(sources)]
        world.configure(PRIMARY, *filling.others, OPTIONAL, filling.target)
        if filling.is_new_version:
            world.save("new.txt", b"new")
            ingest = world.pipeline.start()
        else:
            ingest = world.pipeline.start(**FROM_S3, source=source)
        run_to_end(world, ingest)

    is_right = world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    brought = world.replicas() - registered
    assert bool(brought) == is_right
    for version, location in brought:
        require_right(world, version, location)
    if source not in touched:
        assert is_right
    world.pipeline.wiring.executor.shutdown()
