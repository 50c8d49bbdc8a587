"""The ingests table: changes that race all land, repeats write nothing, lists miss nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from course_backfill.clock import to_text
from course_backfill.errors import ConditionFailed, Conflict, Fenced, NotFound
from course_backfill.ingests import Event, Ingest, IngestStatus, Leg, Stage
from course_backfill.ports import Condition, Key, Write
from tests.generators import COURSE, OLD_COURSE, RESEND_AFTER, Stores, create_ingest


@pytest.fixture
def stores() -> Stores:
    return Stores()


def add(stores: Stores, ingest: Ingest) -> Ingest:
    stores.ingests.add(ingest, event=stores.ingests.event("accept", "succeeded", "Accepted"))
    return ingest


def counting(ingest: Ingest) -> Ingest:
    return ingest.model_copy(update={"failure_count": ingest.failure_count + 1})


def test_an_ingest_comes_back_as_it_was_stored(stores: Stores) -> None:
    ingest = add(stores, create_ingest(read_source=True, dry_run=True))
    assert stores.ingests.get(ingest.id) == ingest
    assert stores.ingests.find("another") is None
    with pytest.raises(NotFound):
        stores.ingests.get("another")


def test_an_id_that_is_taken_is_refused_and_nothing_changes(stores: Stores) -> None:
    first = add(stores, create_ingest(requested_by="first"))
    with pytest.raises(ConditionFailed):
        add(stores, create_ingest(requested_by="second"))
    assert stores.ingests.get(first.id) == first


def test_a_new_ingest_is_watched_from_the_start(stores: Stores) -> None:
    add(stores, create_ingest())
    assert stores.timers("ingest-1") == {"watch": to_text(stores.clock.now + RESEND_AFTER)}


def test_every_change_moves_the_watch_and_an_end_takes_it_away(stores: Stores) -> None:
    add(stores, create_ingest())
    stores.clock.advance(minutes=10)
    stores.ingests.update("ingest-1", counting)
    assert stores.timers("ingest-1") == {"watch": to_text(stores.clock.now + RESEND_AFTER)}
    stores.ingests.update(
        "ingest-1", lambda now: now.model_copy(update={"status": IngestStatus.FAILED})
    )
    assert stores.timers("ingest-1") == {}


def test_a_change_raises_the_revision_and_is_dated(stores: Stores) -> None:
    before = add(stores, create_ingest())
    stores.clock.advance(seconds=5)
    after = stores.ingests.update("ingest-1", counting)
    assert after == stores.ingests.get("ingest-1")
    assert after.revision == before.revision + 1
    assert after.last_modified_date == to_text(stores.clock.now)
    assert after.created_date == before.created_date


def test_a_change_that_changes_nothing_writes_nothing(stores: Stores) -> None:
    before = add(stores, create_ingest())

    def forbid(writes: Sequence[Write]) -> None:
        raise AssertionError("nothing was to be written")

    stores.state.before_write = forbid
    event = stores.ingests.event("plan", "started", "Planning")
    assert stores.ingests.update("ingest-1", lambda now: now, event=event) == before


@pytest.mark.parametrize("races", [1, 5])
def test_after_a_lost_race_both_changes_land(stores: Stores, races: int) -> None:
    add(stores, create_ingest())
    left = iter(range(races))

    def be_faster(writes: Sequence[Write]) -> None:
        if next(left, None) is not None:
            stores.ingests.update("ingest-1", counting)

    stores.state.before_write = be_faster
    assert stores.ingests.update("ingest-1", counting).failure_count == races + 1
    assert stores.ingests.get("ingest-1").failure_count == races + 1


def test_a_change_decides_again_on_what_won_the_race(stores: Stores) -> None:
    add(stores, create_ingest())

    def be_faster(writes: Sequence[Write]) -> None:
        stores.ingests.update("ingest-1", lambda now: now.model_copy(update={"epoch": 9}))

    def unless_fenced(now: Ingest) -> Ingest:
        if now.epoch > 1:
            raise Fenced("too late")
        return counting(now)

    stores.state.before_write = be_faster
    with pytest.raises(Fenced):
        stores.ingests.update("ingest-1", unless_fenced)
    assert stores.ingests.get("ingest-1").failure_count == 0


def test_one_that_loses_every_race_gives_up_with_a_conflict(stores: Stores) -> None:
    add(stores, create_ingest())

    def always_be_faster(writes: Sequence[Write]) -> None:
        stores.ingests.update("ingest-1", counting)

    stores.state.before_write = always_be_faster
    with pytest.raises(Conflict):
        stores.ingests.update("ingest-1", counting)


def test_what_belongs_to_a_change_is_written_with_it_or_not_at_all(stores: Stores) -> None:
    add(stores, create_ingest())
    other = Key("courses", "a course", "COURSE")

    def needs_a_course(before: Ingest, after: Ingest) -> list[Write]:
        return [Write(other, assign={"seen": after.id}, when=(Condition("pk", "exists"),))]

    with pytest.raises(ConditionFailed):
        stores.ingests.update("ingest-1", counting, extra=needs_a_course)
    assert stores.ingests.get("ingest-1").failure_count == 0
    stores.state.write(Write(other, item={}))
    stores.ingests.update("ingest-1", counting, extra=needs_a_course)
    found = stores.state.get(other)
    assert found is not None
    assert found["seen"] == "ingest-1"


def test_current_demands_the_epoch_the_leg_and_the_stage_and_nothing_else(stores: Stores) -> None:
    ingest = add(stores, create_ingest(status="processing", stage="replicating", epoch=3))
    stores.ingests.update("ingest-1", counting)
    stores.state.write(stores.ingests.current(ingest))
    changes: list[dict[str, object]] = [
        {"epoch": 4},
        {"leg": Leg.LOCATIONS},
        {"stage": Stage.VERIFYING},
        {"stage": None},
    ]
    for change in changes:
        other = ingest.model_copy(update=change)
        with pytest.raises(ConditionFailed):
            stores.state.write(stores.ingests.current(other))


def test_current_demands_no_stage_of_an_ingest_without_one(stores: Stores) -> None:
    ingest = add(stores, create_ingest(status="succeeded"))
    stores.state.write(stores.ingests.current(ingest))
    with pytest.raises(ConditionFailed):
        stores.state.write(
            stores.ingests.current(ingest.model_copy(update={"stage": Stage.REGISTERING}))
        )


def test_a_repeated_event_is_the_same_event(stores: Stores) -> None:
    ingest = add(stores, create_ingest())
    for _ in range(3):
        stores.clock.advance(minutes=1)
        stores.ingests.note(ingest, stores.ingests.event("plan", "waiting", "MongoDB is away"))
    assert [event.step for event in stores.ingests.events("ingest-1")] == ["accept", "plan"]


def test_events_of_two_epochs_or_replicas_are_two(stores: Stores) -> None:
    ingest = add(stores, create_ingest())
    event = stores.ingests.event("verify", "succeeded", "Verified", replica="primary")
    stores.ingests.note(ingest, event)
    stores.ingests.note(ingest, event.model_copy(update={"replica": "cold"}))
    stores.ingests.note(ingest.model_copy(update={"epoch": 2}), event)
    assert len(stores.ingests.events("ingest-1")) == 4


def test_events_come_oldest_first_whatever_their_steps(stores: Stores) -> None:
    ingest = add(stores, create_ingest())
    for step in ("verify", "plan", "aggregate"):
        stores.clock.advance(seconds=1)
        stores.ingests.note(ingest, stores.ingests.event(step, "succeeded", ""))
    steps = [event.step for event in stores.ingests.events("ingest-1")]
    assert steps == ["accept", "verify", "plan", "aggregate"]


def test_an_event_says_who_asked(stores: Stores) -> None:
    event = stores.ingests.event("cancel", "started", "Cancelled", requested_by="operator")
    assert Event.from_item(event.to_item()).requested_by == "operator"


@pytest.fixture
def many(stores: Stores) -> Stores:
    """Ten ingests, one a minute, of two courses, in all statuses."""
    for number in range(10):
        course = OLD_COURSE if number % 3 == 0 else COURSE
        status = list(IngestStatus)[number % 5]
        stage = "verifying" if status is IngestStatus.PROCESSING else None
        created = to_text(stores.clock() + timedelta(minutes=number))
        add(
            stores,
            create_ingest(
                f"ingest-{number}", course, status=status, stage=stage, created_date=created
            ),
        )
    return stores


def listed(stores: Stores, *, limit: int, **wanted: Any) -> list[int]:
    numbers: list[int] = []
    before: str | None = ""
    while before is not None:
        page, before = stores.ingests.listing(limit=limit, before=before, **wanted)
        assert len(page) <= limit
        numbers += [int(one.id.removeprefix("ingest-")) for one in page]
    return numbers


@pytest.mark.parametrize("limit", [1, 3, 10, 50])
def test_a_list_has_every_ingest_once_newest_first(many: Stores, limit: int) -> None:
    assert listed(many, limit=limit) == list(range(9, -1, -1))
    assert listed(many, limit=limit, course=str(OLD_COURSE)) == [9, 6, 3, 0]
    assert listed(many, limit=limit, status=IngestStatus.FAILED) == [8, 3]
    assert listed(many, limit=limit, stage=Stage.VERIFYING) == [6, 1]
    assert listed(many, limit=limit, course=str(OLD_COURSE), status=IngestStatus.FAILED) == [3]


def test_two_ingests_of_one_moment_are_both_listed(stores: Stores) -> None:
    for name in "abc":
        add(stores, create_ingest(f"ingest-{name}"))
    found, cursor = stores.ingests.listing(limit=2)
    rest, end = stores.ingests.listing(limit=2, before=cursor or "")
    assert sorted(one.id for one in [*found, *rest]) == ["ingest-a", "ingest-b", "ingest-c"]
    assert end is None
