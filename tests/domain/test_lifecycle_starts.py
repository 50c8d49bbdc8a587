"""Starts of ingests: one a course, whoever races; retries only of what is still worth it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from course_backfill.courses import CourseStatus
from course_backfill.errors import ConditionFailed, Conflict, NotFound, QueueUnavailable
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step
from course_backfill.ports import Write
from tests.generators import (
    COURSE,
    OLD_COURSE,
    RESEND_AFTER,
    Stores,
    create_failure,
    create_ingest,
    create_message,
)

KEY = str(COURSE)


@pytest.fixture
def stores() -> Stores:
    return Stores().with_courses(COURSE, OLD_COURSE)


def accept(stores: Stores, ingest: str = "ingest-1", **fields: Any) -> Ingest:
    stores.lifecycle.accept(create_ingest(ingest, **fields))
    return stores.ingests.get(ingest)


def at(stores: Stores, stage: Stage, ingest: str = "ingest-1", **fields: Any) -> Ingest:
    change = {"status": IngestStatus.PROCESSING, "stage": stage} | fields
    return stores.ingests.update(ingest, lambda now: now.model_copy(update=change))


def kept(stores: Stores, ingest: str = "ingest-1", **fields: Any) -> Ingest:
    accept(stores, ingest, on_failure="keep")
    at(stores, Stage.REPLICATING, ingest, **({"version": "v1"} | fields))
    return stores.lifecycle.fail(stores.ingests.get(ingest), create_failure(), objects=2)


def test_an_accepted_ingest_has_its_lease_its_event_its_watch_and_its_message(
    stores: Stores,
) -> None:
    ingest = accept(stores)
    course = stores.courses.get(KEY)
    assert (ingest.status, ingest.stage) == (IngestStatus.ACCEPTED, None)
    assert (course.active_ingest, course.status) == (ingest.id, CourseStatus.IN_PROGRESS)
    assert course.last_ingest is not None
    assert course.last_ingest.id == ingest.id
    [event] = stores.ingests.events(ingest.id)
    assert (event.step, event.requested_by) == ("accept", "operator")
    assert set(stores.timers(ingest.id)) == {"watch"}
    assert stores.outbox.sent == [create_message(Step.PLAN)]


def test_an_unknown_course_is_not_accepted() -> None:
    stores = Stores()
    with pytest.raises(NotFound):
        accept(stores)
    assert stores.ingests.find("ingest-1") is None


def test_a_busy_course_is_refused_with_the_ingest_in_the_way(stores: Stores) -> None:
    accept(stores, "first")
    with pytest.raises(Conflict) as busy:
        accept(stores, "second")
    assert busy.value.ingest == "first"
    assert stores.ingests.find("second") is None
    assert stores.courses.get(KEY).active_ingest == "first"


def test_two_courses_do_not_get_in_each_others_way(stores: Stores) -> None:
    accept(stores, "first")
    accept(stores, "second", course=OLD_COURSE)
    assert stores.courses.get(str(OLD_COURSE)).active_ingest == "second"


def test_of_two_racing_ingests_one_wins_and_the_other_learns_of_it(stores: Stores) -> None:
    def be_faster(writes: Sequence[Write]) -> None:
        accept(stores, "faster")

    stores.state.before_write = be_faster
    with pytest.raises(Conflict) as busy:
        accept(stores, "slower")
    assert busy.value.ingest == "faster"
    assert stores.ingests.find("slower") is None
    assert stores.timers("slower") == {}


def test_a_course_that_changed_meanwhile_asks_for_another_try(stores: Stores) -> None:
    def come_and_go(writes: Sequence[Write]) -> None:
        accept(stores, "faster")
        stores.lifecycle.fail(stores.ingests.get("faster"), create_failure())

    stores.state.before_write = come_and_go
    with pytest.raises(Conflict, match="try again"):
        accept(stores, "slower")


def test_an_id_is_accepted_once(stores: Stores) -> None:
    first = accept(stores)
    with pytest.raises(ConditionFailed):
        accept(stores)
    assert stores.ingests.get("ingest-1") == first
    stores.lifecycle.cancel("ingest-1", by="operator")
    ended = stores.ingests.get("ingest-1")
    with pytest.raises(ConditionFailed):
        accept(stores)
    assert stores.ingests.get("ingest-1") == ended
    assert stores.courses.get(KEY).active_ingest is None


def test_an_ingest_whose_message_could_not_be_sent_is_watched(stores: Stores) -> None:
    stores.outbox.is_unavailable = True
    with pytest.raises(QueueUnavailable):
        accept(stores)
    assert stores.flow.messages(stores.ingests.get("ingest-1")) == [create_message(Step.PLAN)]
    assert set(stores.timers("ingest-1")) == {"watch"}


def test_a_dry_run_takes_no_lease_and_changes_no_course(stores: Stores) -> None:
    before = stores.courses.get(KEY)
    accept(stores, "dry", dry_run=True)
    assert stores.courses.get(KEY) == before
    accept(stores, "real")
    accept(stores, "dry again", dry_run=True)
    ended = stores.lifecycle.end(
        stores.ingests.get("dry"), IngestStatus.SUCCEEDED, description="Dry run"
    )
    assert ended.status is IngestStatus.SUCCEEDED
    assert stores.courses.get(KEY).active_ingest == "real"


def test_a_dry_run_leaves_kept_copies_alone(stores: Stores) -> None:
    kept(stores)
    accept(stores, "dry", dry_run=True)
    assert stores.ingests.get("ingest-1").kept
    assert stores.courses.get(KEY).kept_ingest == "ingest-1"


def test_kept_copies_of_an_earlier_failure_are_rolled_back_first(stores: Stores) -> None:
    kept(stores)
    stores.outbox.take()
    accept(stores, "ingest-2")
    earlier = stores.ingests.get("ingest-1")
    assert (earlier.stage, earlier.kept, earlier.epoch) == (Stage.ROLLING_BACK, False, 3)
    assert earlier.intended_end is IngestStatus.FAILED
    assert earlier.failure == create_failure()
    course = stores.courses.get(KEY)
    assert (course.active_ingest, course.kept_ingest) == ("ingest-2", None)
    assert stores.outbox.sent == [
        create_message(Step.ROLL_BACK, epoch=3),
        create_message(Step.PLAN, "ingest-2"),
    ]
    assert "expiry" not in stores.timers("ingest-1")


def test_rolling_kept_copies_back_leaves_the_successors_lease_alone(stores: Stores) -> None:
    kept(stores)
    accept(stores, "ingest-2")
    earlier = stores.ingests.get("ingest-1")
    stores.lifecycle.end(earlier, IngestStatus.FAILED, description="Rolled back")
    course = stores.courses.get(KEY)
    assert (course.active_ingest, course.status) == ("ingest-2", CourseStatus.IN_PROGRESS)
    assert course.last_ingest is not None
    assert course.last_ingest.id == "ingest-2"


def test_a_retry_takes_the_lease_again_and_starts_at_planning(stores: Stores) -> None:
    kept(stores)
    stores.outbox.take()
    retried = stores.lifecycle.retry("ingest-1", by="another operator")
    assert (retried.status, retried.stage, retried.epoch) == (
        IngestStatus.PROCESSING, Stage.PLANNING, 3,
    )  # fmt: skip
    course = stores.courses.get(KEY)
    assert (course.active_ingest, course.kept_ingest) == ("ingest-1", None)
    assert course.status is CourseStatus.IN_PROGRESS
    assert stores.outbox.sent == [create_message(Step.PLAN, epoch=3)]
    assert set(stores.timers("ingest-1")) == {"watch"}
    [event] = [one for one in stores.ingests.events("ingest-1") if one.step == "retry"]
    assert event.requested_by == "another operator"


def test_what_was_not_kept_cannot_be_retried(stores: Stores) -> None:
    accept(stores)
    with pytest.raises(Conflict):
        stores.lifecycle.retry("ingest-1", by="operator")
    stores.lifecycle.cancel("ingest-1", by="operator")
    with pytest.raises(Conflict):
        stores.lifecycle.retry("ingest-1", by="operator")


def test_a_retry_after_a_newer_version_is_refused(stores: Stores) -> None:
    kept(stores)
    key = stores.courses.take_lease(create_ingest())[0].key
    stores.state.write(Write(key, assign={"latestVersion": "v2"}))
    with pytest.raises(Conflict, match="v2"):
        stores.lifecycle.retry("ingest-1", by="operator")
    assert stores.ingests.get("ingest-1").kept


def test_a_retry_of_a_failure_before_the_version_plans_on_whatever_is_newest(
    stores: Stores,
) -> None:
    kept(stores, version=None)
    key = stores.courses.take_lease(create_ingest())[0].key
    stores.state.write(Write(key, assign={"latestVersion": "v2"}))
    assert stores.lifecycle.retry("ingest-1", by="operator").stage is Stage.PLANNING


def test_of_two_retries_one_counts(stores: Stores) -> None:
    kept(stores)
    stores.lifecycle.retry("ingest-1", by="operator")
    with pytest.raises(Conflict):
        stores.lifecycle.retry("ingest-1", by="operator")
    assert stores.ingests.get("ingest-1").epoch == 3


def test_a_retry_that_races_a_new_ingest_has_one_winner(stores: Stores) -> None:
    kept(stores)

    def be_faster(writes: Sequence[Write]) -> None:
        accept(stores, "newer")

    stores.state.before_write = be_faster
    with pytest.raises(Conflict):
        stores.lifecycle.retry("ingest-1", by="operator")
    assert stores.courses.get(KEY).active_ingest == "newer"
    assert stores.ingests.get("ingest-1").stage is Stage.ROLLING_BACK


def test_a_new_ingest_that_races_a_retry_has_one_winner(stores: Stores) -> None:
    kept(stores)

    def be_faster(writes: Sequence[Write]) -> None:
        stores.lifecycle.retry("ingest-1", by="operator")

    stores.state.before_write = be_faster
    with pytest.raises(Conflict):
        accept(stores, "newer")
    assert stores.courses.get(KEY).active_ingest == "ingest-1"
    assert stores.ingests.get("ingest-1").stage is Stage.PLANNING
    assert stores.ingests.find("newer") is None


def test_a_retried_ingest_is_watched(stores: Stores) -> None:
    kept(stores)
    stores.clock.advance(days=1)
    stores.lifecycle.retry("ingest-1", by="operator")
    due = stores.clock.now + RESEND_AFTER - timedelta(seconds=1)
    assert stores.timers("ingest-1")["watch"] > due.isoformat()


@pytest.mark.parametrize(
    "about",
    [{"provider": "amazon-s3"}, {"ingest_type": "audit-course"}, {"ingest_type": "warm-course"}],
)
def test_what_is_about_versions_is_refused_where_there_are_none(
    stores: Stores, about: dict[str, str]
) -> None:
    before = stores.courses.get(KEY)
    with pytest.raises(Conflict, match="no registered version"):
        accept(stores, **about)
    assert stores.courses.get(KEY) == before
