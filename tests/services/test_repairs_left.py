"""Repairs that meet deletions, refusals, or good copies gone bad: no course waits for them."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from tests.services.audit_world import AuditWorld
from tests.services.location_world import FAR, OPTIONAL, PRIMARY, SECOND, code


def test_a_damaged_object_that_was_deleted_since_the_audit_is_made_anew() -> None:
    world = AuditWorld()
    before = world.objects("second")
    world.alter("assets/3.txt", location="second")
    world.audit()
    world.remove("assets/3.txt", location="second")
    world.repaired()
    assert world.objects("second") == before
    assert world.course.damaged == 0


def test_an_object_that_is_deleted_while_it_is_replaced_is_made_anew() -> None:
    world = AuditWorld()
    before = world.objects("primary")
    world.alter("assets/3.txt")
    world.audit()

    def delete(_: str, verb: str) -> None:
        if verb == "replace":
            world.remove("assets/3.txt")

    world.on_request = delete
    world.repaired()
    assert world.objects("primary") == before


@pytest.mark.parametrize("verb", ["replace", "create", "stat", "read"])
def test_a_location_that_refuses_its_repair_keeps_no_new_version_from_the_course(verb: str) -> None:
    world = AuditWorld(PRIMARY, SECOND, OPTIONAL)
    before = world.objects("primary")
    world.repaired(provider="amazon-s3", locations=("optional",))
    world.alter("assets/3.txt")
    world.alter("assets/3.txt", location="optional")
    world.remove("assets/4.txt", location="optional")
    world.audit()
    world.save("new.txt", b"new")
    world.buckets["optional"].fail(verb, StorageFault.REFUSED, times=1_000)
    first = world.backfill()
    assert code(first) == "repair-refused"
    assert {location for location, _, _ in world.found(first)} == {"optional"}
    assert world.replica("optional").to_repair == 0
    assert world.course.damaged == world.replica("optional").damaged > 0
    assert world.objects("primary") == before
    assert world.backfill().version == "v2"
    world.buckets["optional"]._faults.clear()
    world.audit()
    world.backfill()
    assert world.course.damaged == 0
    assert before.items() <= world.objects("optional").items()


def test_a_location_that_nobody_may_list_keeps_the_others_from_no_repair() -> None:
    world = AuditWorld(PRIMARY, SECOND, FAR)
    before = world.objects("primary")
    world.alter("assets/3.txt")
    world.alter("assets/4.txt", location="far")
    world.audit()
    world.buckets["far"].fail("list", StorageFault.REFUSED, times=1_000)
    world.repaired()
    assert world.objects("primary") == world.objects("far") == before


def test_a_good_copy_that_went_bad_keeps_no_new_version_from_the_course() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt")
    world.audit()
    world.alter("assets/1.txt", b"x", location="second")
    world.save("new.txt", b"new")
    assert code(world.backfill()) == "source-copy-damaged"
    assert world.backfill().version == "v2"
    assert world.course.damaged == 1
