"""Outages are waited out with growing gaps, holding no message, and not for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.clock import from_text, to_text
from course_backfill.errors import OutOfTime, SourceUnavailable
from course_backfill.ingest_step import (
    LATE_RESEND,
    MOST_LATE_RUNS,
    Parking,
    StepResult,
    StepWaiting,
)
from course_backfill.ingests import Ingest, IngestStatus, Leg, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.stores.timers import Timer, TimerKind, find_timer, move_timer
from tests.generators import COURSE, Stores, create_message

MESSAGE = create_message(Step.REPLICATE, replica="primary", packet=3)
QUARTER = timedelta(minutes=15)


class Outage:
    """A step whose work meets an outage every time."""

    def __init__(self, **fields: Any) -> None:
        self.stores = Stores().with_courses(COURSE)
        self.stores.at(Stage.REPLICATING, **fields)
        self.step = self.stores.step(self._work)

    def _work(self, ingest: Ingest, message: StepMessage) -> StepResult:
        raise SourceUnavailable("MongoDB does not answer")

    @property
    def ingest(self) -> Ingest:
        return self.stores.ingests.get("ingest-1")

    def parked(self) -> list[str]:
        """The names of what is parked."""
        return [name for name in self.stores.timers("ingest-1") if name.startswith("parked")]

    def timer(self) -> Timer | None:
        """The timer of the packet, if it is parked."""
        [name] = self.parked() or [""]
        return find_timer(self.stores.state, "ingest-1", name)

    def fire(self) -> None:
        """What the janitor does once the timer is due: moves it, and sends its message."""
        timer = self.timer()
        assert timer is not None
        assert timer.message == MESSAGE
        self.stores.clock.now = from_text(timer.due_date)
        self.stores.state.write(move_timer(timer, self.stores.clock.now + QUARTER))
        self.step.handle(timer.message)


@pytest.fixture
def outage() -> Outage:
    return Outage()


def due(outage: Outage) -> datetime:
    timer = outage.timer()
    assert timer is not None
    return from_text(timer.due_date)


def test_gaps_double_up_to_a_quarter_of_an_hour(outage: Outage) -> None:
    outage.step.handle(MESSAGE)
    gaps = []
    for _ in range(9):
        gaps.append((due(outage) - outage.stores.clock.now).total_seconds())
        outage.fire()
    assert gaps == [15, 30, 60, 120, 240, 480, 900, 900, 900]


@given(st.integers(0, 10_000))
def test_no_gap_is_longer_than_the_longest(attempts: int) -> None:
    parking = Parking()
    assert parking.first <= parking.gap(attempts) <= parking.longest
    assert parking.gap(attempts) <= parking.gap(attempts + 1)


def test_a_parked_step_holds_no_message_and_sends_none(outage: Outage) -> None:
    outage.step.handle(MESSAGE)
    assert outage.stores.outbox.sent == []
    timer = outage.timer()
    assert timer is not None
    assert (timer.kind, timer.message) == (TimerKind.PARKED, MESSAGE)


def test_repeated_deliveries_of_a_parked_step_make_the_gaps_no_longer(outage: Outage) -> None:
    for _ in range(5):
        outage.step.handle(MESSAGE)
    assert due(outage) - outage.stores.clock.now == timedelta(seconds=15)
    assert len(outage.parked()) == 1


def test_an_outage_of_a_day_ends_the_ingest_with_its_reason(outage: Outage) -> None:
    began = outage.stores.clock.now
    outage.step.handle(MESSAGE)
    while outage.ingest.stage is Stage.REPLICATING:
        assert outage.stores.clock.now - began <= timedelta(hours=25)
        outage.fire()
    assert outage.stores.clock.now - began >= timedelta(hours=24)
    failure = outage.ingest.failure
    assert failure is not None
    assert failure.code == "gave-up-waiting"
    assert to_text(began) in failure.detail
    assert "MongoDB does not answer" in failure.detail


def test_a_short_outage_fails_nothing(outage: Outage) -> None:
    began = outage.stores.clock.now
    outage.step.handle(MESSAGE)
    while outage.stores.clock.now - began < timedelta(minutes=10):
        outage.fire()
    assert outage.ingest.stage is Stage.REPLICATING
    assert outage.ingest.failure is None


def test_two_packets_wait_apart(outage: Outage) -> None:
    outage.step.handle(MESSAGE)
    outage.step.handle(MESSAGE.model_copy(update={"packet": 4}))
    outage.step.handle(MESSAGE.model_copy(update={"packet": None}))
    assert len(outage.parked()) == 3


def test_packets_of_two_locations_wait_apart() -> None:
    outage = Outage(locations=("primary", "cold", "far"), leg=Leg.LOCATIONS)
    outage.step.handle(MESSAGE.model_copy(update={"replica": "cold"}))
    outage.step.handle(MESSAGE.model_copy(update={"replica": "far"}))
    outage.step.handle(MESSAGE)
    assert outage.parked() == [
        "parked#1#replicate#cold#3",
        "parked#1#replicate#far#3",
    ]


def test_waiting_is_one_event_that_names_the_outage(outage: Outage) -> None:
    outage.step.handle(MESSAGE)
    outage.fire()
    outage.fire()
    events = [one for one in outage.stores.ingests.events("ingest-1") if one.outcome == "waiting"]
    assert [(one.step, one.replica) for one in events] == [("replicate", "primary")]
    assert "MongoDB does not answer" in events[0].description


def test_a_wait_of_known_length_leaves_an_outage_all_of_its_time() -> None:
    """What took days to be restored is no reason to give up at the first outage after it."""
    stores = Stores().with_courses(COURSE)
    stores.at(Stage.REPLICATING)
    waits: list[StepResult] = [
        StepWaiting("cold", patience=timedelta(hours=96)),
        StepWaiting("cold", patience=timedelta(hours=96)),
        StepWaiting("away"),
    ]
    step = stores.step(lambda ingest, message: waits.pop(0))
    for hours in (0, 48, 1):
        stores.clock.advance(hours=hours)
        step.handle(MESSAGE)
    assert stores.ingests.get("ingest-1").status is IngestStatus.PROCESSING
    [name] = [one for one in stores.timers("ingest-1") if one.startswith("parked")]
    timer = find_timer(stores.state, "ingest-1", name)
    assert timer is not None
    assert timer.since == to_text(stores.clock.now)


def test_a_wait_of_known_length_ends_also_where_outages_take_turns_with_it() -> None:
    stores = Stores().with_courses(COURSE)
    stores.at(Stage.REPLICATING)
    waits = cycle([StepWaiting("cold", patience=timedelta(hours=96)), StepWaiting("away")])
    step = stores.step(lambda ingest, message: next(waits))
    began = stores.clock.now
    while stores.ingests.get("ingest-1").failure is None:
        assert stores.clock.now - began <= timedelta(hours=98)
        step.handle(MESSAGE)
        stores.clock.advance(hours=1)
    assert stores.clock.now - began >= timedelta(hours=96)


def test_a_wait_of_known_length_ends_when_that_is_over() -> None:
    stores = Stores().with_courses(COURSE)
    stores.at(Stage.REPLICATING)
    step = stores.step(lambda ingest, message: StepWaiting("cold", patience=timedelta(hours=96)))
    for hours in (0, 95):
        stores.clock.advance(hours=hours)
        step.handle(MESSAGE)
    assert stores.ingests.get("ingest-1").failure is None
    stores.clock.advance(hours=1)
    step.handle(MESSAGE)
    failure = stores.ingests.get("ingest-1").failure
    assert failure is not None
    assert failure.code == "gave-up-waiting"


class Late(Outage):
    """A step whose work is met, one after the other, by what the test says."""

    def __init__(self, *met: Exception | StepWaiting) -> None:
        self.met = list(met)
        super().__init__()

    def _work(self, ingest: Ingest, message: StepMessage) -> StepResult:
        met = self.met.pop(0)
        if isinstance(met, StepWaiting):
            return met
        raise met

    def deliver(self, message: StepMessage = MESSAGE) -> None:
        while self.met:
            self.step.handle(message)


LATE = OutOfTime("not done in a run of 300 s")
AWAY = SourceUnavailable("MongoDB does not answer")
COLD = StepWaiting("cold", patience=timedelta(hours=1))


def test_a_packet_whose_run_was_too_short_is_sent_again_at_once_and_later_if_that_gets_lost() -> (
    None
):
    late = Late(LATE)
    late.deliver()
    assert late.stores.outbox.take() == [MESSAGE]
    assert due(late) - late.stores.clock.now == LATE_RESEND


def test_what_has_no_pieces_is_not_sent_again_before_a_gap() -> None:
    late = Late(LATE)
    late.deliver(MESSAGE.model_copy(update={"packet": None}))
    assert late.stores.outbox.take() == []
    assert due(late) - late.stores.clock.now == Parking().first


@pytest.mark.parametrize(
    ("met", "is_failed"),
    [
        ([LATE] * (MOST_LATE_RUNS - 1), False),
        ([LATE] * MOST_LATE_RUNS, True),
        ([LATE] * (MOST_LATE_RUNS - 1) + [AWAY, LATE], True),
        ([LATE] * (MOST_LATE_RUNS - 1) + [COLD, LATE], False),
    ],
    ids=["one-less", "enough", "across-an-outage", "in-a-row-alone"],
)
def test_late_runs_in_a_row_fail_the_ingest(
    met: list[Exception | StepWaiting], is_failed: bool
) -> None:
    late = Late(*met)
    late.deliver()
    failure = late.ingest.failure
    assert (failure is not None) == is_failed
    if failure:
        assert failure.code == "out-of-time"
        assert failure.detail == (
            f"replicate of packet 3: not done in a run of 300 s, {MOST_LATE_RUNS} times"
        )


def test_late_runs_do_not_give_up_however_long_the_message_waited_for_its_turn() -> None:
    late = Late(LATE)
    late.deliver()
    late.stores.clock.advance(days=3)
    late.met = [LATE]
    late.deliver()
    assert late.ingest.failure is None
