"""A worker as Lambda calls it: what an event is given to, and that all is made once, when used."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import UnexpectedBatchTypeError
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.lambda_worker import Event, LambdaWorker, Listener
from course_backfill.adapters.memory_messages import MemoryQueues
from course_backfill.deliveries import Delivery
from course_backfill.local.lambda_event import SCHEDULE, sqs_event
from course_backfill.messages import Step, StepMessage
from course_backfill.run_time import MARGIN_SECONDS, deadline
from course_backfill.wiring import Wiring
from tests.services.memory_pipeline import MemoryWiring

MESSAGE = StepMessage(ingest="one", epoch=1, step=Step.PLAN)
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


class Service:
    """The parts of a made-up service, which keep what they are given and count how often made."""

    def __init__(self) -> None:
        self.wiring = MemoryWiring()
        self.queues = MemoryQueues(self.wiring.settings.namespace, self.wiring.clock)
        self.made: list[str] = []
        self.handled: list[StepMessage] = []
        self.heard: list[Event] = []
        self.buried: list[Delivery] = []

    def handle(self, message: StepMessage) -> None:
        self.handled.append(message)

    def build_step(self, wiring: Wiring) -> Service:
        assert wiring is self.wiring
        self.made.append("step")
        return self

    def build_listener(self, wiring: Wiring) -> Listener:
        assert wiring is self.wiring
        self.made.append("listener")
        return self.heard.append

    def batch(self, *, dead: bool = False) -> Event:
        """The event of one message, from the planner's queue or that of its dead letters."""
        self.queues.send([MESSAGE])
        [message] = self.queues.of_service("planner").receive(wait_seconds=0, visibility_seconds=30)
        where = self.queues.dead_letters("planner") if dead else self.queues.of_service("planner")
        return sqs_event(message, queue_arn=where.arn)


@pytest.fixture
def service() -> Service:
    return Service()


def test_messages_go_to_the_step_and_what_brings_none_to_the_listener(service: Service) -> None:
    worker = LambdaWorker(service.build_step, build_listener=service.build_listener)
    handle = worker.on(service.wiring)
    assert handle(SCHEDULE, LambdaContext()) == NOTHING_FAILED
    assert (service.heard, service.handled) == ([SCHEDULE], [])
    assert handle(service.batch(), LambdaContext()) == NOTHING_FAILED
    assert (service.heard, service.handled) == ([SCHEDULE], [MESSAGE])


def test_everything_is_made_once_and_not_before_it_is_used(service: Service) -> None:
    worker = LambdaWorker(service.build_step, build_listener=service.build_listener)
    handle = worker.on(service.wiring)
    assert service.made == []
    for _ in range(2):
        handle(service.batch(), LambdaContext())
    assert service.made == ["step"]
    for _ in range(2):
        handle(SCHEDULE, LambdaContext())
    assert service.made == ["step", "listener"]


def test_without_a_listener_every_event_has_to_bring_messages(service: Service) -> None:
    handle = LambdaWorker(service.build_step).on(service.wiring)
    with pytest.raises(UnexpectedBatchTypeError):
        handle(SCHEDULE, LambdaContext())


def test_dead_letters_go_to_the_burial_and_live_messages_never(service: Service) -> None:
    worker = LambdaWorker(service.build_step, build_burial=lambda _: service.buried.append)
    handle = worker.on(service.wiring)
    handle(service.batch(), LambdaContext())
    assert (service.handled, service.buried) == ([MESSAGE], [])
    handle(service.batch(dead=True), LambdaContext())
    assert service.handled == [MESSAGE]
    assert [one.message for one in service.buried] == [MESSAGE]


@pytest.mark.parametrize("seconds", [60, 900])
def test_what_is_done_stops_before_lambda_ends_the_run(service: Service, seconds: int) -> None:
    ends: list[float] = []

    class Watching(Service):
        def handle(self, message: StepMessage) -> None:
            ends.append(deadline().stop - time.monotonic())

    watching = Watching()
    worker = LambdaWorker(
        lambda _: watching, build_listener=lambda _: lambda _: ends.append(deadline().seconds)
    )
    handle = worker.on(service.wiring)
    context = Ending(seconds)
    handle(service.batch(), context)
    handle(SCHEDULE, context)
    assert ends[0] == pytest.approx(seconds - MARGIN_SECONDS, abs=5)
    assert ends[1] == seconds
    deadline().check()


class Ending(LambdaContext):
    """A run that has so many seconds left."""

    def __init__(self, seconds: int) -> None:
        self._milliseconds = seconds * 1000

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override] # Powertools' is static.
        return self._milliseconds
