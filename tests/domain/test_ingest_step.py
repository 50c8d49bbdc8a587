"""One step of one ingest: what becomes of each result, and of messages that come late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from course_backfill.adapters.logs import WorkFields
from course_backfill.errors import (
    Conflict,
    CourseBackfillError,
    Fenced,
    NotFound,
    QueueUnavailable,
    SourceRefused,
    SourceUnavailable,
    StateUnavailable,
    StorageRefused,
    StorageUnavailable,
)
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import (
    StepCompleted,
    StepFailed,
    StepResult,
    StepSucceeded,
    StepWaiting,
)
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step, StepMessage
from tests.generators import COURSE, Stores, create_failure, create_ingest, create_message

REGISTER = create_message(Step.REGISTER)


class Bench:
    """One service's step on stores in memory; `result` says what its work comes to."""

    def __init__(self) -> None:
        self.stores = Stores().with_courses(COURSE)
        self.worked_on: list[tuple[Ingest, StepMessage]] = []
        self.result: Callable[[Ingest], StepResult] = lambda ingest: StepCompleted()
        self.step = self.stores.step(self._work)

    def _work(self, ingest: Ingest, message: StepMessage) -> StepResult:
        self.worked_on.append((ingest, message))
        return self.result(ingest)

    def at(self, stage: Stage = Stage.REGISTERING, **fields: Any) -> Ingest:
        """Accepts an ingest and moves it there."""
        return self.stores.at(stage, **fields)

    def comes_to(self, result: StepResult | Exception) -> Bench:
        """What the work returns or raises."""

        def work(ingest: Ingest) -> StepResult:
            if isinstance(result, Exception):
                raise result
            return result

        self.result = work
        return self

    @property
    def ingest(self) -> Ingest:
        return self.stores.ingests.get("ingest-1")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_delivery_starts_the_ingest(bench: Bench) -> None:
    bench.stores.lifecycle.accept(create_ingest())
    bench.step.handle(create_message(Step.PLAN))
    [(ingest, _)] = bench.worked_on
    assert (ingest.status, ingest.stage) == (IngestStatus.PROCESSING, Stage.PLANNING)
    assert bench.ingest == ingest
    assert [event.outcome for event in bench.stores.ingests.events("ingest-1")] == [
        "succeeded", "started",
    ]  # fmt: skip


def test_a_repeated_first_delivery_starts_nothing_anew(bench: Bench) -> None:
    bench.stores.lifecycle.accept(create_ingest())
    bench.step.handle(create_message(Step.PLAN))
    before = bench.ingest
    bench.step.handle(create_message(Step.PLAN))
    assert bench.ingest == before


def test_success_sends_on(bench: Bench) -> None:
    bench.at()
    following = [create_message(Step.VERIFY, packet=1), create_message(Step.VERIFY, packet=2)]
    bench.comes_to(StepSucceeded(following)).step.handle(REGISTER)
    assert bench.stores.outbox.sent == following


def test_completion_sends_nothing_and_changes_nothing(bench: Bench) -> None:
    before = bench.at()
    bench.comes_to(StepCompleted()).step.handle(REGISTER)
    assert bench.stores.outbox.sent == []
    assert bench.ingest == before


def test_failure_ends_the_ingest_with_what_was_found(bench: Bench) -> None:
    bench.at()
    bench.comes_to(StepFailed(create_failure(), objects=7)).step.handle(REGISTER)
    failed = bench.ingest
    assert (failed.stage, failed.intended_end) == (Stage.ROLLING_BACK, IngestStatus.FAILED)
    assert (failed.failure, failed.failure_count) == (create_failure(), 7)


@pytest.mark.parametrize(
    "outage",
    [SourceUnavailable, StorageUnavailable, StateUnavailable, QueueUnavailable],
)
def test_a_known_outage_parks_the_step(bench: Bench, outage: type[CourseBackfillError]) -> None:
    before = bench.at()
    bench.comes_to(outage("it is away")).step.handle(REGISTER)
    assert bench.ingest == before
    assert [name for name in bench.stores.timers("ingest-1") if name.startswith("parked")]
    [event] = [one for one in bench.stores.ingests.events("ingest-1") if one.outcome == "waiting"]
    assert "it is away" in event.description


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(SourceRefused, "source-refused"), (StorageRefused, "storage-refused")],
)
def test_a_refusal_for_good_fails_the_ingest(
    bench: Bench, refusal: type[CourseBackfillError], code: str
) -> None:
    bench.at()
    bench.comes_to(refusal("no such user")).step.handle(REGISTER)
    failure = bench.ingest.failure
    assert failure is not None
    assert (failure.code, failure.stage) == (code, "registering")
    assert "no such user" in failure.detail


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), KeyError("x"), NotFound("no such file"), AssertionError()]
)
def test_anything_unexpected_comes_through(bench: Bench, error: Exception) -> None:
    before = bench.at()
    with pytest.raises(type(error)):
        bench.comes_to(error).step.handle(REGISTER)
    assert bench.ingest == before
    assert bench.stores.outbox.sent == []


@pytest.mark.parametrize("late", [Fenced("too late"), Conflict("rolling back")])
def test_a_worker_that_was_fenced_stops_quietly(bench: Bench, late: Exception) -> None:
    before = bench.at()
    bench.comes_to(late).step.handle(REGISTER)
    assert bench.ingest == before
    assert bench.stores.outbox.sent == []


@pytest.mark.parametrize(
    "result",
    [StepFailed(create_failure()), StepWaiting("it is away"), SourceUnavailable("it is away")],
)
def test_the_result_of_a_worker_that_was_fenced_meanwhile_changes_nothing(
    bench: Bench, result: StepResult | Exception
) -> None:
    bench.at()

    def work(ingest: Ingest) -> StepResult:
        bench.stores.lifecycle.cancel(ingest.id, by="operator")
        if isinstance(result, Exception):
            raise result
        return result

    bench.result = work
    bench.step.handle(REGISTER)
    ingest = bench.ingest
    assert (ingest.intended_end, ingest.failure) == (IngestStatus.CANCELLED, None)
    assert set(bench.stores.timers("ingest-1")) == {"watch"}
    assert [one.step for one in bench.stores.outbox.sent] == [Step.ROLL_BACK]


@pytest.mark.parametrize(
    "message",
    [
        create_message(Step.REGISTER, epoch=2),
        create_message(Step.REGISTER, epoch=0),
        create_message(Step.ROLL_BACK),
        create_message(Step.NOTIFY),
        create_message(Step.REGISTER, ingest="unknown"),
        create_message(Step.PLAN, ingest="unknown"),
    ],
    ids=str,
)
def test_a_message_that_does_not_count_does_nothing(bench: Bench, message: StepMessage) -> None:
    before = bench.at()
    bench.step.handle(message)
    assert bench.worked_on == []
    assert bench.stores.outbox.sent == []
    assert bench.ingest == before


@pytest.mark.parametrize("step", [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE])
def test_a_message_of_a_step_that_is_done_sends_what_follows_again(
    bench: Bench, step: Step
) -> None:
    before = bench.at()
    bench.step.handle(create_message(step))
    assert bench.worked_on == []
    assert bench.stores.outbox.sent == [REGISTER]
    assert bench.ingest == before


@pytest.mark.parametrize("status", [IngestStatus.SUCCEEDED, IngestStatus.CANCELLED])
def test_after_the_end_no_message_does_anything(bench: Bench, status: IngestStatus) -> None:
    bench.stores.lifecycle.end(bench.at(), status, description="over")
    ended = bench.ingest
    for step in Step:
        bench.step.handle(create_message(step))
    assert bench.worked_on == []
    assert bench.stores.outbox.sent == []
    assert bench.ingest == ended


def test_a_step_that_moved_the_ingest_on_but_lost_the_answer_sends_on(bench: Bench) -> None:
    bench.at(Stage.AGGREGATING)
    message = create_message(Step.AGGREGATE)

    def work(ingest: Ingest) -> StepResult:
        bench.stores.ingests.update(
            ingest.id, lambda now: advanced(now, message, Stage.REGISTERING)
        )
        raise StateUnavailable("the answer got lost")

    bench.result = work
    bench.step.handle(message)
    assert bench.ingest.stage is Stage.REGISTERING
    assert bench.stores.outbox.sent == [REGISTER]
    assert set(bench.stores.timers("ingest-1")) == {"watch"}


def test_what_could_not_be_sent_on_comes_through_and_is_sent_by_the_next_delivery(
    bench: Bench,
) -> None:
    bench.at(Stage.AGGREGATING)
    message = create_message(Step.AGGREGATE)

    def work(ingest: Ingest) -> StepResult:
        moved = bench.stores.ingests.update(
            ingest.id, lambda now: advanced(now, message, Stage.REGISTERING)
        )
        return StepSucceeded(bench.stores.flow.messages(moved))

    bench.result = work
    bench.stores.outbox.is_unavailable = True
    with pytest.raises(QueueUnavailable):
        bench.step.handle(message)
    bench.stores.outbox.is_unavailable = False
    bench.step.handle(message)
    assert bench.stores.outbox.sent == [REGISTER]


def test_every_delivery_is_logged_with_its_step_and_its_outcome(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.at()
    with caplog.at_level("INFO"), caplog.filtering(WorkFields()):
        bench.step.handle(REGISTER)
        bench.step.handle(create_message(Step.REGISTER, epoch=9))
    said = [record.__dict__ for record in caplog.records if record.getMessage() == "step"]
    assert [one["outcome"] for one in said] == ["completed", "not-current"]
    assert {(one["ingest_id"], one["course"], one["step"]) for one in said} == {
        ("ingest-1", str(COURSE), "register")
    }
