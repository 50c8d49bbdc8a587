"""Uploads that killed workers leave among registered objects: swept, and nothing else with them."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step, StepMessage
from tests.services.audit_world import AuditWorld
from tests.services.location_world import FAR, LARGE, PRIMARY

FAR_ALONE: dict[str, Any] = {"provider": "amazon-s3", "locations": ("far",)}


class Killed(BaseException):
    """No handler, no finally, no goodbye: nothing of ours catches it."""


def die_before_completing(world: AuditWorld, message: StepMessage) -> None:
    """A worker is killed with all parts of an upload sent."""

    def die(location: str, verb: str) -> None:
        if (location, verb) == ("far", "complete_upload"):
            raise Killed

    world.on_request = die
    with pytest.raises(Killed):
        world.pipeline.deliver(message)
    world.on_request = None
    assert world.buckets["far"].uploads


def brought_in_part(**request: Any) -> tuple[AuditWorld, str]:
    """A registered version, and an ingest that left an upload on its way to another location."""
    world = AuditWorld(PRIMARY, files={"a.bin": LARGE})
    world.configure(PRIMARY, FAR | {"required": False})
    ingest = world.pipeline.start(**FAR_ALONE, **request)
    die_before_completing(world, world.run_to(Step.REPLICATE))
    return world, ingest


def sweep(world: AuditWorld, **time: float) -> None:
    world.pipeline.wiring.clock.advance(**time)
    world.pipeline.sweep()
    world.pipeline.run()


def cancelled(world: AuditWorld, ingest: str) -> Ingest:
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()
    ended = world.pipeline.ingest(ingest)
    assert ended.status is IngestStatus.CANCELLED
    return ended


def test_a_cancelled_ingest_between_locations_leaves_no_upload_and_every_object() -> None:
    world, ingest = brought_in_part()
    objects = world.objects("primary")
    cancelled(world, ingest)
    sweep(world, minutes=11)
    assert world.buckets["far"].uploads == {}
    assert world.objects("primary") == objects


def test_what_a_late_writer_opened_is_swept_a_day_later() -> None:
    world, ingest = brought_in_part()
    cancelled(world, ingest)
    sweep(world, minutes=11)
    far = world.pipeline.wiring.locations["far"]
    world.pipeline.wiring.writer(far).open_upload(
        world.key("assets/a.bin", location="far"), content_type=""
    )
    sweep(world, hours=25)
    assert world.buckets["far"].uploads == {}


def test_uploads_are_left_to_the_ingest_that_works_on_the_course() -> None:
    world, ingest = brought_in_part()
    cancelled(world, ingest)
    successor = world.pipeline.start(**FAR_ALONE)
    die_before_completing(world, world.run_to(Step.REPLICATE))
    before = set(world.buckets["far"].uploads)
    world.pipeline.wiring.clock.advance(minutes=11)
    world.pipeline.sweep()
    assert set(world.buckets["far"].uploads) == before
    world.pipeline.wiring.clock.advance(hours=25)
    world.pipeline.sweep()
    world.pipeline.run()
    assert world.pipeline.ingest(successor).status is IngestStatus.SUCCEEDED


def test_a_sweep_that_was_put_off_comes_once_nobody_works_on_the_course() -> None:
    world, ingest = brought_in_part()
    cancelled(world, ingest)
    other = world.pipeline.start(ingest_type="warm-course", locations=("primary",))
    world.pipeline.wiring.clock.advance(minutes=11)
    world.pipeline.sweep()
    assert world.buckets["far"].uploads
    cancelled(world, other)
    sweep(world, minutes=16)
    assert world.buckets["far"].uploads == {}


def test_uploads_of_a_kept_failure_wait_for_its_retry_and_go_when_it_expires() -> None:
    world, ingest = brought_in_part(on_failure="keep")
    world.configure(PRIMARY)
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(ingest))
    )
    sweep(world, hours=1)
    assert world.pipeline.ingest(ingest).kept
    world.configure(PRIMARY, FAR | {"required": False})
    sweep(world, days=2)
    assert world.buckets["far"].uploads
    sweep(world, days=15)
    sweep(world, minutes=20)
    assert not world.pipeline.ingest(ingest).kept
    assert world.buckets["far"].uploads == {}


def test_uploads_that_a_repair_left_are_swept_behind_its_success() -> None:
    world = AuditWorld(PRIMARY, FAR, files={"a.bin": LARGE})
    world.alter("assets/a.bin", b"x" + LARGE[1:], location="far")
    world.audit()
    repair = world.repaired()
    assert repair.repairs
    world.buckets["far"].new_upload(world.key("assets/a.bin", location="far"), "", "STANDARD")
    objects = world.objects("far")
    sweep(world, minutes=11)
    assert world.buckets["far"].uploads == {}
    assert world.objects("far") == objects


def test_behind_what_never_copied_nothing_is_swept() -> None:
    world = AuditWorld(PRIMARY, files={"a.txt": b"a"})
    world.backfill()
    world.audit()
    world.forget()
    sweep(world, days=2)
    assert world.requests == []
