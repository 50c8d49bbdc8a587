"""Ends of ingests: each happens once, gives the lease back, and leaves what is due later."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from course_backfill.clock import to_text
from course_backfill.courses import CourseStatus, Version
from course_backfill.errors import Conflict, Fenced, QueueUnavailable
from course_backfill.ingest_states import require_current
from course_backfill.ingests import Ingest, IngestStatus, Leg, Stage
from course_backfill.manifests import AggregatedVersion
from course_backfill.messages import Step
from course_backfill.notifications import Callback
from course_backfill.ports import Write
from tests.generators import COURSE, Stores, create_failure, create_ingest, create_message

KEY = str(COURSE)
HOOK = Callback(url="https://lms.example.org/hook")
STAGES = [stage for stage in Stage if stage is not Stage.ROLLING_BACK]


@pytest.fixture
def stores() -> Stores:
    return Stores().with_courses(COURSE)


def working(
    stores: Stores, stage: Stage = Stage.REPLICATING, *, version: str | None = "v1", **fields: Any
) -> Ingest:
    stores.lifecycle.accept(create_ingest(**fields))
    change = {"status": IngestStatus.PROCESSING, "stage": stage, "version": version}
    ingest = stores.ingests.update("ingest-1", lambda now: now.model_copy(update=change))
    stores.outbox.take()
    return ingest


def register(stores: Stores, ingest: Ingest) -> Ingest:
    """What the register service does, without its manifest."""
    written = AggregatedVersion(
        manifest_key="m", manifest_sha256="0", entries_sha256="0", objects=1, bytes=1,
        stored_objects=1, stored_bytes=1, exceptions=0, fingerprints={},
    )  # fmt: skip
    version = Version(
        course=KEY,
        id=ingest.version or "",
        ingest=ingest.id,
        created_date=ingest.created_date,
        **written.model_dump(),
    )
    message = create_message(Step.REGISTER, epoch=ingest.epoch)

    def still_current(now: Ingest) -> Ingest:
        require_current(now, message)
        return now

    return stores.lifecycle.end(
        ingest,
        IngestStatus.SUCCEEDED,
        description="Registered",
        change=still_current,
        course_writes=lambda after: stores.courses.registered(after, version, []),
    )


def is_free(stores: Stores) -> bool:
    return stores.courses.get(KEY).active_ingest is None


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("by_cancel", [True, False], ids=["cancelled", "failed"])
def test_an_end_with_copies_is_fenced_first_and_rolled_back(
    stores: Stores, stage: Stage, by_cancel: bool
) -> None:
    ingest = working(stores, stage)
    if by_cancel:
        fenced = stores.lifecycle.cancel(ingest.id, by="another operator")
    else:
        fenced = stores.lifecycle.fail(ingest, create_failure(), objects=3)
    assert (fenced.status, fenced.stage, fenced.epoch) == (
        IngestStatus.PROCESSING, Stage.ROLLING_BACK, 2,
    )  # fmt: skip
    assert stores.outbox.sent == [create_message(Step.ROLL_BACK, epoch=2)]
    assert not is_free(stores)
    assert set(stores.timers(ingest.id)) == {"watch"}

    end = fenced.intended_end
    assert end is not None
    ended = stores.lifecycle.end(fenced, end, description="Rolled back")
    assert (ended.status, ended.stage, ended.intended_end) == (end, None, None)
    assert is_free(stores)
    assert set(stores.timers(ingest.id)) == {"resweep#0", "resweep#1"}


@pytest.mark.parametrize("status", ["accepted", "planning"])
@pytest.mark.parametrize("by_cancel", [True, False], ids=["cancelled", "failed"])
def test_an_end_before_anything_could_be_copied_comes_at_once(
    stores: Stores, status: str, by_cancel: bool
) -> None:
    stores.lifecycle.accept(create_ingest())
    if status == "planning":
        change = {"status": IngestStatus.PROCESSING, "stage": Stage.PLANNING}
        stores.ingests.update("ingest-1", lambda now: now.model_copy(update=change))
    if by_cancel:
        ended = stores.lifecycle.cancel("ingest-1", by="operator")
    else:
        ended = stores.lifecycle.fail(stores.ingests.get("ingest-1"), create_failure())
    assert ended.status is (IngestStatus.CANCELLED if by_cancel else IngestStatus.FAILED)
    assert (ended.stage, ended.epoch) == (None, 2)
    assert is_free(stores)
    assert stores.timers("ingest-1") == {}


def test_a_failure_says_what_why_and_what_to_do_in_one_error_line(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    ingest = working(stores)
    failed = stores.lifecycle.fail(ingest, create_failure(), objects=3)
    assert (failed.failure, failed.failure_count) == (create_failure(), 3)
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    said = record.__dict__
    assert (said["course"], said["code"], said["objects"]) == (KEY, "storage-refused", 3)
    assert said["action"] == create_failure().action


def test_a_failure_of_a_migrated_course_leaves_it_migrated(stores: Stores) -> None:
    register(stores, working(stores, Stage.REGISTERING))
    stores.lifecycle.accept(create_ingest("later"))
    stores.lifecycle.fail(stores.ingests.get("later"), create_failure())
    course = stores.courses.get(KEY)
    assert (course.status, course.latest_version) == (CourseStatus.MIGRATED, "v1")


def test_a_kept_failure_gives_the_lease_back_and_waits_for_its_retry(stores: Stores) -> None:
    ingest = working(stores, on_failure="keep", callback=HOOK)
    kept = stores.lifecycle.fail(ingest, create_failure(), objects=2)
    until = to_text(stores.clock.now + stores.patience.keep_failures)
    assert (kept.status, kept.stage, kept.epoch) == (IngestStatus.FAILED, Stage.REPLICATING, 2)
    assert (kept.kept, kept.kept_until, kept.failure_count) == (True, until, 2)
    course = stores.courses.get(KEY)
    assert (course.active_ingest, course.kept_ingest) == (None, ingest.id)
    assert course.status is CourseStatus.FAILED
    assert stores.timers(ingest.id) == {"callback": to_text(stores.clock.now), "expiry": until}
    assert stores.outbox.sent == [create_message(Step.NOTIFY, epoch=2)]


def test_a_dry_run_keeps_nothing(stores: Stores) -> None:
    stores.lifecycle.accept(create_ingest(dry_run=True, on_failure="keep"))
    failed = stores.lifecycle.fail(stores.ingests.get("ingest-1"), create_failure())
    assert (failed.status, failed.kept) == (IngestStatus.FAILED, False)
    assert stores.timers("ingest-1") == {}


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_a_kept_failure_that_is_not_retried_is_rolled_back(stores: Stores, how: str) -> None:
    kept = stores.lifecycle.fail(working(stores, on_failure="keep"), create_failure())
    stores.outbox.take()
    if how == "cancel":
        stores.lifecycle.cancel(kept.id, by="operator")
    else:
        stores.lifecycle.expire(kept)
    fenced = stores.ingests.get(kept.id)
    assert (fenced.stage, fenced.kept, fenced.epoch) == (Stage.ROLLING_BACK, False, 3)
    assert fenced.failure == create_failure()
    assert stores.outbox.sent == [create_message(Step.ROLL_BACK, epoch=3)]
    assert stores.courses.get(KEY).kept_ingest is None
    assert set(stores.timers(kept.id)) == {"watch"}
    end = IngestStatus.CANCELLED if how == "cancel" else IngestStatus.FAILED
    assert stores.lifecycle.end(fenced, end, description="Rolled back").status is end


def test_a_failure_that_was_retried_in_time_does_not_expire(stores: Stores) -> None:
    kept = stores.lifecycle.fail(working(stores, on_failure="keep"), create_failure())
    stores.lifecycle.retry(kept.id, by="operator")
    for seen in (kept, stores.ingests.get(kept.id)):
        with pytest.raises(Conflict):
            stores.lifecycle.expire(seen)
    assert stores.ingests.get(kept.id).stage is Stage.PLANNING


def test_registering_that_races_a_cancellation_has_one_winner(stores: Stores) -> None:
    ingest = working(stores, Stage.REGISTERING)

    def cancel_first(writes: Sequence[Write]) -> None:
        stores.lifecycle.cancel(ingest.id, by="operator")

    stores.state.before_write = cancel_first
    with pytest.raises(Fenced):
        register(stores, ingest)
    stores.state.before_write = None
    assert stores.ingests.get(ingest.id).stage is Stage.ROLLING_BACK
    assert stores.courses.versions(KEY) == []


def test_a_cancellation_that_races_registering_has_one_winner(stores: Stores) -> None:
    ingest = working(stores, Stage.REGISTERING)

    def register_first(writes: Sequence[Write]) -> None:
        register(stores, ingest)

    stores.state.before_write = register_first
    with pytest.raises(Conflict):
        stores.lifecycle.cancel(ingest.id, by="operator")
    stores.state.before_write = None
    assert stores.ingests.get(ingest.id).status is IngestStatus.SUCCEEDED
    assert [version.id for version in stores.courses.versions(KEY)] == ["v1"]
    assert stores.courses.get(KEY).status is CourseStatus.MIGRATED
    assert is_free(stores)


def test_an_ingest_ends_exactly_once(stores: Stores) -> None:
    ingest = working(stores, Stage.REGISTERING, callback=HOOK)
    ended = register(stores, ingest)
    with pytest.raises(Fenced):
        register(stores, ingest)
    with pytest.raises(Conflict):
        stores.lifecycle.cancel(ingest.id, by="operator")
    with pytest.raises(Fenced):
        stores.lifecycle.fail(ingest, create_failure())
    assert stores.ingests.get(ingest.id) == ended
    assert [one.step for one in stores.outbox.sent] == [Step.NOTIFY]


def test_a_rollback_ends_only_as_it_was_intended(stores: Stores) -> None:
    fenced = stores.lifecycle.fail(working(stores), create_failure())
    with pytest.raises(Fenced):
        stores.lifecycle.end(fenced, IngestStatus.CANCELLED, description="Rolled back")
    assert not is_free(stores)


@pytest.mark.parametrize("status", [IngestStatus.FAILED, IngestStatus.CANCELLED])
def test_whoever_asked_is_told_of_the_end_once_it_has_come(
    stores: Stores, status: IngestStatus
) -> None:
    ingest = working(stores, callback=HOOK)
    if status is IngestStatus.CANCELLED:
        fenced = stores.lifecycle.cancel(ingest.id, by="operator")
    else:
        fenced = stores.lifecycle.fail(ingest, create_failure())
    assert Step.NOTIFY not in [one.step for one in stores.outbox.take()]
    stores.lifecycle.end(fenced, status, description="Rolled back")
    assert stores.outbox.sent == [create_message(Step.NOTIFY, epoch=2)]
    assert "callback" in stores.timers(ingest.id)


def test_an_end_whose_message_could_not_be_sent_is_told_when_its_timer_fires(
    stores: Stores,
) -> None:
    ingest = working(stores, Stage.REGISTERING, callback=HOOK)
    stores.outbox.is_unavailable = True
    with pytest.raises(QueueUnavailable):
        register(stores, ingest)
    assert stores.ingests.get(ingest.id).status is IngestStatus.SUCCEEDED
    assert stores.timers(ingest.id) == {"callback": to_text(stores.clock.now)}


def test_late_writers_are_swept_behind_as_often_as_is_set() -> None:
    stores = Stores().with_courses(COURSE)
    fenced = stores.lifecycle.fail(working(stores), create_failure())
    stores.lifecycle.end(fenced, IngestStatus.FAILED, description="Rolled back")
    gaps = [timedelta(minutes=10), timedelta(hours=24)]
    due = [to_text(stores.clock.now + gap) for gap in gaps]
    assert stores.timers("ingest-1") == {"resweep#0": due[0], "resweep#1": due[1]}


@pytest.mark.parametrize("on_failure", ["rollback", "keep"])
@pytest.mark.parametrize(
    "moved", [{"epoch": 3}, {"stage": Stage.VERIFYING}, {"leg": Leg.LOCATIONS}], ids=str
)
def test_a_late_worker_fails_nothing_that_has_moved_on(
    stores: Stores, on_failure: str, moved: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    late = working(stores, on_failure=on_failure)
    now = stores.ingests.update(late.id, lambda now: now.model_copy(update=moved))
    with pytest.raises(Fenced):
        stores.lifecycle.fail(late, create_failure())
    assert stores.ingests.get(late.id) == now
    assert [one for one in caplog.records if one.levelno == logging.ERROR] == []
