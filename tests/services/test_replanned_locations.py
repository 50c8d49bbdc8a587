"""Plans of as many locations as there can be, and plans that replace an earlier one."""

from __future__ import annotations

from typing import Any

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.ingests import IngestStatus
from course_backfill.location_rules import AT_MOST
from tests.services.audit_world import AuditWorld
from tests.services.location_world import FAR_THIRD, PRIMARY, SECOND, LocationWorld

MANY: list[dict[str, Any]] = [
    PRIMARY,
    *({"id": f"l{number}", "bucket": f"bucket-{number}"} for number in range(AT_MOST - 1)),
]


def test_as_many_locations_as_there_can_be_are_filled_audited_and_repaired() -> None:
    world = LocationWorld(*MANY)
    world.save("a.txt", b"hello")
    assert world.backfill().status is IngestStatus.SUCCEEDED
    assert len(world.replicas()) == AT_MOST
    assert world.backfill(ingest_type="audit-course", locations=()).failure is None
    for number in range(AT_MOST - 1):
        key = world.key("assets/a.txt", location=f"l{number}")
        world.buckets[f"l{number}"].store(key, b"rotten")
    assert world.backfill(ingest_type="audit-course", locations=()).failure is None
    repair = world.backfill()
    assert (repair.status, repair.failure) == (IngestStatus.SUCCEEDED, None)
    assert repair.repairs
    assert all(world.objects(one["id"]) == world.objects("primary") for one in MANY)
    # Half of what a transaction can hold, so that what comes to be added to one fits.
    assert max(map(len, world.transactions)) <= 50


def test_a_retry_that_became_a_repair_keeps_nothing_of_what_it_had_planned_before() -> None:
    world = AuditWorld(PRIMARY, SECOND)
    world.configure(PRIMARY, SECOND, FAR_THIRD | {"required": False})
    world.buckets["third"].fail("create", StorageFault.REFUSED, times=100)
    failed = world.backfill(provider="amazon-s3", locations=("third",), on_failure="keep")
    assert failed.kept
    world.alter("assets/3.txt", location="second")
    world.audit()
    for key in world.objects("primary"):
        if "/assets/" in key:
            world.buckets["primary"].archive(key, "GLACIER")
    world.forget()
    world.pipeline.wiring.lifecycle.retry(failed.id, by="operator")
    world.pipeline.run()
    assert world.pipeline.ingest(failed.id).repairs
    assert [one.location for one in world.pipeline.wiring.packets.replicas(failed.id)] == ["second"]
    # What the repair reads, and none of what was to be copied.
    asked = {key for _, verb, key in world.requests if verb == "restore"}
    assert asked == {world.key("assets/3.txt")}
