"""What docs/operations.md promises after disasters: emptied buckets, tables from a backup."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.contentstore.platform_files import file_id
from course_backfill.errors import NotFound
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.audit_world import AuditWorld
from tests.services.location_world import PRIMARY, THIRD, LocationWorld, code
from tests.services.memory_pipeline import COURSE

pytestmark = pytest.mark.usefixtures("small_packets")


def empty(world: LocationWorld, location: str, *, version: str = "") -> None:
    """Deletes every object, manifest files too; or those of one version."""
    bucket = world.buckets[location]
    for key in [one for one in bucket.versions if f"/{version}" in one]:
        bucket.mark_deleted(key)


def tables(world: LocationWorld) -> Any:
    """A backup of both tables."""
    return world.pipeline.wiring.state.backup()


def bring_back(world: LocationWorld, backup: Any) -> None:
    """Both tables are what they were; buckets are not."""
    world.pipeline.wiring.state.bring_back(backup)


@pytest.mark.parametrize("location", ["primary", "second"])
def test_a_location_whose_bucket_was_emptied_is_filled_again_from_another(location: str) -> None:
    world = AuditWorld()
    world.save("1.txt", b"another edition")
    assert world.backfill().version == "v2"
    before = world.objects("primary")
    empty(world, location)
    assert world.objects(location) == {}

    world.audit()

    assert world.replica(location).damaged == len(before)
    world.repaired()
    assert world.objects("primary") == world.objects("second") == before
    assert world.course.damaged == 0
    assert world.found(world.audit()) == set()


def test_with_both_buckets_emptied_every_object_is_named_and_nothing_is_invented() -> None:
    world = AuditWorld()
    empty(world, "primary")
    empty(world, "second")

    world.audit()
    ingest = world.backfill()

    assert code(ingest) == "no-good-replica"
    assert world.objects("primary") == world.objects("second") == {}


def test_a_lost_location_is_replaced_by_one_with_another_id_filled_from_what_is_left() -> None:
    world = AuditWorld()
    before = world.objects("primary")
    empty(world, "second")

    world.configure(PRIMARY, THIRD)

    filled = world.backfill(provider="amazon-s3", source="primary", locations=("third",))
    assert (filled.failure, filled.status) == (None, IngestStatus.SUCCEEDED)
    assert world.objects("third") == before
    assert world.found(world.audit()) == set()


@pytest.mark.parametrize("lost", ["nothing", "primary", "second"])
def test_no_version_takes_a_number_below_which_a_restored_table_knows_of_nothing(lost: str) -> None:
    world = AuditWorld()
    backup = tables(world)
    for content in (b"second edition", b"third edition!"):
        world.save("1.txt", content)
        assert world.backfill().status is IngestStatus.SUCCEEDED
    bring_back(world, backup)
    if lost != "nothing":
        empty(world, lost, version="v3/")
    left = {one: world.objects(one) for one in ("primary", "second")}
    world.save("1.txt", b"fourth edition")

    ingest = world.backfill()

    assert (ingest.failure, ingest.version) == (None, "v4")
    for location, before in left.items():
        now = world.objects(location)
        assert {key: now.get(key) for key in before} == before
    assert world.course.last_version_number == 4
    surplus = {file for _, file, code in world.found(world.audit()) if code == "surplus-object"}
    assert {"manifest.json", "entries.jsonl", "index.json", "1.txt"} <= surplus


def test_a_failure_after_tables_were_restored_removes_nothing_of_forgotten_versions() -> None:
    world = AuditWorld()
    backup = tables(world)
    world.save("1.txt", b"second edition")
    assert world.backfill().version == "v2"
    bring_back(world, backup)
    before = world.objects("primary")
    world.save("1.txt", b"third edition!")
    world.pipeline.content.set_chunk(file_id(COURSE, "2.txt"), 0, b"xx")

    ingest = world.backfill()

    assert (ingest.status, ingest.version) == (IngestStatus.FAILED, "v3")
    assert world.objects("primary") == world.objects("second") == before


@pytest.mark.parametrize("step", [Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER])
def test_an_ingest_that_was_under_way_in_restored_tables_is_registered_as_it_was(
    step: Step,
) -> None:
    world = AuditWorld()
    world.save("1.txt", b"second edition")
    ingest = world.pipeline.start()
    waiting = world.run_to(step)
    backup = tables(world)
    world.pipeline.deliver(waiting)
    world.pipeline.run()
    [registered, _] = world.pipeline.wiring.courses.versions(str(COURSE))
    before = world.objects("primary")
    bring_back(world, backup)
    world.save("1.txt", b"third edition!")

    for _ in range(2):  # The first look sees progress since the one before.
        world.pipeline.wiring.clock.advance(minutes=16)
        world.pipeline.sweep()
        world.pipeline.run()

    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    [again, _] = world.pipeline.wiring.courses.versions(str(COURSE))
    assert again.entries_sha256 == registered.entries_sha256
    assert world.objects("primary") == world.objects("second") == before
    assert world.course.stale is (step in {Step.REPLICATE, Step.VERIFY})


def test_with_the_work_bucket_emptied_what_is_under_way_is_given_up_and_nothing_else() -> None:
    world = AuditWorld()
    before = world.objects("primary")
    world.save("1.txt", b"second edition")
    ingest = world.pipeline.start()
    message = world.run_to(Step.REPLICATE)
    for key in list(world.pipeline.wiring.work_bucket.versions):
        world.pipeline.wiring.work_bucket.mark_deleted(key)

    with pytest.raises(NotFound):  # Which becomes a dead letter.
        world.pipeline.deliver(message)
    world.pipeline.wiring.messages.waiting.clear()
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()

    assert world.objects("primary") == world.objects("second") == before
    assert world.backfill().status is IngestStatus.SUCCEEDED
    assert world.found(world.audit()) == set()
