"""A step that finds cold what it was to read waits until that can be there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from course_backfill.clock import to_text
from course_backfill.cold.reads import SOON, ColdReads
from course_backfill.cold.warming import Warming
from course_backfill.errors import ObjectCold
from course_backfill.ingest_step import StepWaiting, parked_name, parked_timer
from course_backfill.ingests import Stage
from course_backfill.messages import Step
from course_backfill.stores.timers import set_timer
from tests.generators import COURSE, MORNING, Stores, create_message

PATIENCE = timedelta(days=4)
LATER = MORNING + timedelta(hours=5)
WARM = create_message(Step.WARM)


class Bench:
    """An ingest that reads what may be cold."""

    def __init__(self, warming: Warming | None = None) -> None:
        self.stores = Stores().with_courses(COURSE)
        self.ingest = self.stores.at(Stage.REPLICATING)
        self.reads = ColdReads(
            state=self.stores.state,
            ingests=self.stores.ingests,
            clock=self.stores.clock,
            patience=PATIENCE,
        )
        self.stores.ingests.update(
            self.ingest.id, lambda now: now.model_copy(update={"warming": warming})
        )
        self.now = self.stores.clock()

    def wait(self) -> StepWaiting:
        """What a packet does that found something cold."""
        return self.reads.wait(self.ingest, ObjectCold("cold"))

    def look_at(self, due: datetime) -> None:
        """Has the warmer look then."""
        self.stores.state.write(set_timer(parked_timer(WARM, due=due, since=self.now)))

    def next_look(self) -> str:
        """When the warmer looks at the latest."""
        return self.stores.timers(self.ingest.id)[parked_name(WARM)]


def create_warming(asked: int, ready_from_date: str | None) -> Warming:
    """Restores of one object that began in the morning."""
    return Warming(
        objects=1,
        bytes=1,
        asked=asked,
        started_date=to_text(MORNING),
        ready_from_date=ready_from_date,
    )


def test_what_was_asked_for_is_tried_when_it_can_be_there_and_not_asked_for_again() -> None:
    waiting = Bench(create_warming(1, to_text(LATER))).wait()
    assert (waiting.due, list(waiting.send), waiting.patience) == (LATER, [], PATIENCE)


@pytest.mark.parametrize(
    "warming",
    [None, create_warming(0, to_text(LATER)), create_warming(1, to_text(MORNING))],
    ids=["never warmed", "nothing is under way", "it should have been there"],
)
def test_the_warmer_is_sent_for_where_nothing_is_known_to_come(warming: Warming | None) -> None:
    bench = Bench(warming)
    waiting = bench.wait()
    assert waiting.due is None
    assert [one.step for one in waiting.send] == [Step.WARM]


def test_of_many_packets_one_sends_for_the_warmer_and_a_lost_message_is_sent_again() -> None:
    bench = Bench()
    sent = [len(bench.wait().send) for _ in range(10)]
    assert sent == [1] + [0] * 9
    assert bench.next_look() == to_text(bench.now + SOON)


@pytest.mark.parametrize(
    ("due", "sends"), [(SOON, 0), (timedelta(days=6), 1), (timedelta(days=-1), 1)]
)
def test_a_look_that_is_far_off_or_overdue_is_not_waited_for(due: timedelta, sends: int) -> None:
    bench = Bench()
    bench.look_at(bench.now + due)
    assert len(bench.wait().send) == sends
    assert bench.next_look() == to_text(bench.now + SOON)


def test_of_two_packets_at_once_one_sends_for_the_warmer() -> None:
    bench, others = Bench(), list[StepWaiting]()
    bench.stores.state.before_write = lambda writes: others.append(bench.wait())
    assert list(bench.wait().send) == []
    assert [len(one.send) for one in others] == [1]
