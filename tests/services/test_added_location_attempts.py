"""Attempts at bringing versions to a location added later: failed, retried, cancelled."""

from __future__ import annotations

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.errors import Conflict
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from tests.services.location_world import (
    FROM_S3,
    PRIMARY,
    SECOND,
    THIRD,
    code,
    with_three_versions,
)
from tests.services.memory_pipeline import COURSE

pytestmark = pytest.mark.usefixtures("small_packets")


def test_a_failure_between_locations_leaves_right_objects_that_the_next_attempt_reuses() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    ingest = world.pipeline.start(**FROM_S3)
    for _ in range(2):
        world.pipeline.deliver(world.run_to(Step.REPLICATE))
    world.buckets["third"].fail("copy", StorageFault.REFUSED)
    world.pipeline.run()
    assert code(world.pipeline.ingest(ingest)) == "storage-refused"
    there = {f"deep/er/{key}" for key in world.objects("third")}
    assert len(there) >= 3
    assert world.backfill(**FROM_S3).status is IngestStatus.SUCCEEDED
    assert not there & set(world.made("third"))
    assert world.objects("third") == world.objects("primary")


def test_a_retry_between_locations_plans_anew_and_copies_only_what_is_missing() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    ingest = world.pipeline.start(on_failure="keep", **FROM_S3)
    for _ in range(2):
        world.pipeline.deliver(world.run_to(Step.REPLICATE))
    world.buckets["third"].fail("copy", StorageFault.REFUSED)
    world.pipeline.run()
    failed = world.pipeline.ingest(ingest)
    assert (failed.kept, failed.version) == (True, None)
    there = {f"deep/er/{key}" for key in world.objects("third")}
    world.forget()
    world.without_source()

    world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    world.pipeline.run()

    done = world.pipeline.ingest(ingest)
    assert done.status is IngestStatus.SUCCEEDED
    assert done.lists["third"] != failed.lists["third"]
    assert not there & set(world.made("third"))
    assert world.objects("third") == world.objects("primary")
    assert {version for version, one in world.replicas() if one == "third"} == {"v1", "v2", "v3"}


def test_a_retry_between_locations_makes_a_version_where_the_source_has_changed() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    ingest = world.pipeline.start(on_failure="keep")
    message = world.run_to(Step.REPLICATE)
    world.buckets["third"].fail("copy", StorageFault.REFUSED)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).version is None
    world.save("a.txt", b"changed")
    world.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    world.pipeline.run()
    done = world.pipeline.ingest(ingest)
    assert (done.status, done.version) == (IngestStatus.SUCCEEDED, "v4")
    assert {one for version, one in world.replicas() if version == "v4"} == {
        "primary",
        "second",
        "third",
    }


@pytest.mark.parametrize("step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.REGISTER])
def test_cancelling_between_locations_deletes_nothing_in_any(step: Step) -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    before = {one: world.objects(one) for one in ("primary", "second")}
    ingest = world.pipeline.start(**FROM_S3)
    message = world.run_to(step)
    copied = world.objects("third")
    assert step is not Step.VERIFY or copied
    world.forget()

    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.deliver(message)
    world.pipeline.run()
    world.pipeline.wiring.clock.advance(days=2)
    world.pipeline.sweep()

    assert world.pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert not [one for one in world.requests if one[1] == "erase"]
    assert world.objects("third") == copied
    assert {one: world.objects(one) for one in before} == before
    assert world.pipeline.wiring.courses.get(str(COURSE)).active_ingest is None
    with pytest.raises(Conflict):
        world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    assert world.backfill(**FROM_S3).status is IngestStatus.SUCCEEDED
    assert world.objects("third") == before["primary"]
