"""A location's id that points elsewhere by now: told by name, and nothing is done there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.failures import ADVICE
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step
from course_backfill.stores.packets import PacketStore
from tests.services.audit_world import AUDIT, AuditWorld
from tests.services.location_world import (
    FROM_S3,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
)

MOVES: list[dict[str, Any]] = [
    {"bucket": "another-bucket"},
    {"prefix": "elsewhere/"},
    {"endpoint_url": "https://s3.elsewhere.example.org"},
]
REQUESTS: dict[str, dict[str, Any]] = {
    "backfill": {},
    "from s3": FROM_S3 | {"source": "second"},
    "audit": AUDIT,
    "warming": {"ingest_type": "warm-course", "locations": ("second",)},
}


def move(world: LocationWorld, *others: dict[str, Any], **changes: Any) -> None:
    """The settings have the second location elsewhere, where nothing is."""
    del world.buckets["second"]
    world.configure(PRIMARY, SECOND | changes, *others)


def new_course() -> LocationWorld:
    world = LocationWorld(PRIMARY, SECOND)
    world.save("a.txt", b"hello")
    return world


@given(before=st.integers(0, 12), change=st.sampled_from(MOVES))
def test_whenever_a_location_moves_no_version_is_registered_where_nothing_is(
    before: int, change: dict[str, Any]
) -> None:
    world = new_course()
    ingest = world.pipeline.start()
    waiting = world.pipeline.wiring.messages.waiting
    for _ in range(before):
        if waiting:
            world.pipeline.deliver(waiting.popleft())
    has_ended = world.pipeline.ingest(ingest).status.is_end
    was_started = world.pipeline.ingest(ingest).addresses != {}
    move(world, **change)
    world.pipeline.run()
    if has_ended or not was_started:
        assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    else:
        assert code(world.pipeline.ingest(ingest)) == "location-moved"
        assert world.versions() == []
        assert world.objects("second") == world.objects("primary") == {}


def test_what_the_rollback_left_at_the_former_place_is_said_and_swept_once_it_is_back() -> None:
    world = new_course()
    ingest = world.pipeline.start()
    world.run_to(Step.REGISTER)
    former = world.buckets["second"]
    move(world, bucket="another-bucket")
    world.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    world.pipeline.run()
    assert world.objects("primary") == {}
    assert former.versions
    said = world.pipeline.wiring.ingests.events(ingest)[-1].description
    assert "not in second (s3://second-bucket/copies/): not in the settings any more" in said

    world.buckets["second"] = former
    world.configure(PRIMARY, SECOND)
    world.pipeline.wiring.clock.advance(days=2)
    world.pipeline.sweep()
    assert former.versions == {}


def test_a_location_that_an_ingest_does_not_need_may_move_meanwhile() -> None:
    world = new_course()
    world.configure(PRIMARY, SECOND, THIRD | {"required": False})
    ingest = world.pipeline.start()
    world.run_to(Step.VERIFY)
    world.configure(PRIMARY, SECOND, THIRD | {"required": False, "bucket": "another-bucket"})
    world.pipeline.wiring.messages.send(
        world.pipeline.wiring.flow.messages(world.pipeline.ingest(ingest))
    )
    world.pipeline.run()
    assert world.pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize("change", MOVES[:2], ids=str)
def test_registered_versions_are_not_looked_for_where_they_were_not_registered(
    request_of: str, change: dict[str, Any]
) -> None:
    world = AuditWorld()
    world.save("new.txt", b"new")
    move(world, THIRD | {"required": False}, **change)
    failed = world.backfill(**REQUESTS[request_of])
    assert code(failed) == "location-moved"
    assert failed.failure is not None
    assert "v1 was registered in location 'second'" in failed.failure.detail
    assert "s3://second-bucket/copies/" in failed.failure.detail
    assert failed.failure.action == ADVICE["location-moved"]
    assert world.course.damaged == 0
    assert world.versions() == ["v1"]


def test_a_repair_is_not_made_elsewhere() -> None:
    world = AuditWorld()
    world.alter("assets/3.txt", location="second")
    world.audit()
    move(world, bucket="another-bucket")
    assert code(world.backfill(locations=("primary",))) == "location-moved"
    assert world.objects("second") == {}
    assert world.replica("second").damaged == 1


def test_an_audit_that_lists_a_location_which_is_gone_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = AuditWorld(PRIMARY, SECOND, THIRD)
    audit = world.pipeline.start(**AUDIT)
    message = world.run_to(Step.PLAN)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(PacketStore, "plan", die)
        with pytest.raises(KeyboardInterrupt):
            world.pipeline.deliver(message)
    assert set(world.pipeline.ingest(audit).lists) == {"primary", "second", "third"}
    world.configure(PRIMARY, SECOND)
    world.pipeline.deliver(message)
    world.pipeline.run()
    assert code(world.pipeline.ingest(audit)) == "location-removed"
