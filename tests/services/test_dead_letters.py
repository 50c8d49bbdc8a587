"""Messages through the handlers' own edge: redelivered, buried, shown, sent again."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property, partial

import pytest

from course_backfill.adapters.lambda_batch import Handles, handle_batch
from course_backfill.adapters.memory_messages import MemoryQueues
from course_backfill.dead_letters import FOREIGN, DeadLetterState
from course_backfill.errors import InvalidInput, Problem
from course_backfill.ingests import IngestStatus
from course_backfill.local.lambda_event import LocalContext, has_failed, sqs_event
from course_backfill.messages import SERVICES, Step, StepMessage
from services.janitor.wiring import build_burial
from tests.services.memory_pipeline import COURSE, MemoryPipeline, MemoryWiring


class QueueWiring(MemoryWiring):
    """Memory ports with real queues: visibility, receive counts, dead letters."""

    @cached_property
    def messages(self) -> MemoryQueues:  # type: ignore[override]  # Real queues for a list.
        """The twin of SQS instead of the plain list."""
        return MemoryQueues(self.settings.namespace, self.clock)


class QueuePipeline(MemoryPipeline):
    """Polls the queues as Lambda's trigger does."""

    wiring: QueueWiring

    def __init__(self) -> None:
        super().__init__()
        self.wiring = QueueWiring()
        self.content = self.wiring.content
        self.bucket = self.wiring.bucket

    def poll(self) -> int:
        """One message of every queue through its handler; how many there were."""
        return sum(self._poll(service) for service in SERVICES)

    def _poll(self, service: str) -> int:
        alive = self.wiring.messages.of_service(service)
        dead = self.wiring.messages.dead_letters(service)
        polled = 0
        for queue, worker in ((alive, service), (dead, "janitor")):
            for message in queue.receive(wait_seconds=0, visibility_seconds=30):
                polled += 1
                answer = handle_batch(
                    sqs_event(message, queue_arn=queue.arn),
                    LocalContext(worker),  # type: ignore[arg-type]  # As Lambda's own.
                    wiring=self.wiring,
                    step=partial(self.step, worker),
                    bury=build_burial(self.wiring).bury,
                )
                if not has_failed(answer):
                    queue.delete(message)
        return polled

    def work(self, *, rounds: int = 200) -> None:
        """Polls until nothing comes for half an hour of the clock."""
        quiet = 0
        for _ in range(rounds):
            quiet = 0 if self.poll() else quiet + 1
            if quiet > 30:
                return
            self.wiring.clock.now += timedelta(minutes=1)


class Breaks:
    """A worker with a defect: it raises what nobody expects, so many times."""

    def __init__(self, real: Handles, times: int) -> None:
        self._real = real
        self._left = times

    def handle(self, message: StepMessage) -> None:
        """Raises, then works."""
        if self._left:
            self._left -= 1
            raise RuntimeError("boom, password=hunter2secret")
        self._real.handle(message)


@pytest.fixture
def pipeline() -> QueuePipeline:
    pipeline = QueuePipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    return pipeline


def break_service(pipeline: QueuePipeline, service: str, times: int) -> None:
    pipeline._steps[service] = Breaks(pipeline.step(service), times)


def test_a_course_goes_through_the_queues(pipeline: QueuePipeline) -> None:
    ingest = pipeline.start()
    pipeline.work()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


@pytest.mark.parametrize("service", ["planner", "replicator", "verifier", "aggregator", "register"])
def test_an_unexpected_error_is_tried_again(pipeline: QueuePipeline, service: str) -> None:
    break_service(pipeline, service, times=2)
    ingest = pipeline.start()
    pipeline.work()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.wiring.dead_letters.listing(limit=10)[0] == []


def test_tables_that_are_away_for_ten_minutes_end_no_ingest(pipeline: QueuePipeline) -> None:
    ingest = pipeline.start()
    pipeline.wiring.state.is_unavailable = True
    for _ in range(10 * 60):
        pipeline.poll()
        pipeline.wiring.clock.now += timedelta(seconds=1)
    pipeline.wiring.state.is_unavailable = False
    pipeline.work()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


@pytest.mark.parametrize("service", ["planner", "replicator", "verifier", "aggregator", "register"])
def test_a_message_out_of_receives_ends_its_ingest_with_the_reason(
    pipeline: QueuePipeline, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    break_service(pipeline, service, times=3)
    ingest = pipeline.start()
    pipeline.work()
    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.FAILED
    assert ended.failure is not None
    assert ended.failure.code == "dead-letter"
    assert "RuntimeError: boom" in ended.failure.detail
    assert "hunter2" not in ended.failure.detail
    assert "RuntimeError: boom" in caplog.text
    assert "hunter2" not in caplog.text
    assert pipeline.stored() == []


def test_a_worker_that_cannot_even_begin_says_why(
    pipeline: QueuePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_begin(service: str) -> Handles:
        raise InvalidInput(Problem("MONGO_URI", "is not set"))

    ingest = pipeline.start()
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "step", cannot_begin)
        pipeline.work()
    failure = pipeline.ingest(ingest).failure
    assert failure is not None
    assert "MONGO_URI: is not set" in failure.detail


def test_a_dead_letter_stays_visible_until_it_is_sent_again(pipeline: QueuePipeline) -> None:
    break_service(pipeline, "replicator", times=3)
    ingest = pipeline.start(on_failure="keep")
    pipeline.work()
    [letter], _ = pipeline.wiring.dead_letters.listing(limit=10)
    assert (letter.ingest, letter.service, letter.receives) == (ingest, "replicator", 3)
    [redriven] = pipeline.wiring.dead_letters.redrive(by="operator", ids=frozenset({letter.id}))
    assert redriven.sent
    assert not redriven.counts  # The ingest has failed by then: it is retried instead.
    assert pipeline.wiring.dead_letters.listing(limit=10)[0] == []
    pipeline.wiring.lifecycle.retry(ingest, by="operator")
    pipeline.work()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_a_strangers_message_becomes_a_dead_letter_and_harms_nothing(
    pipeline: QueuePipeline,
) -> None:
    pipeline.wiring.messages.of_service("planner").send('{"hello": "world"}')
    ingest = pipeline.start()
    pipeline.work()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    [letter], _ = pipeline.wiring.dead_letters.listing(limit=10)
    assert letter.ingest is None
    assert letter.state is DeadLetterState.DEAD


def test_what_cannot_be_sent_again_is_taken_off_the_list_and_stays_known(
    pipeline: QueuePipeline,
) -> None:
    pipeline.wiring.messages.of_service("planner").send('{"hello": "world"}')
    pipeline.work()
    letters = pipeline.wiring.dead_letters
    [letter], _ = letters.listing(limit=10)
    [redriven] = letters.redrive(by="operator", ids=frozenset({letter.id}))
    assert not redriven.sent
    assert redriven.description == FOREIGN
    assert letters.listing(limit=10)[0] == []
    [known], _ = letters.listing(limit=10, state=DeadLetterState.REDRIVEN)
    assert (known.body, known.redriven_by) == (letter.body, "operator")
    pipeline.work()
    assert letters.listing(limit=10)[0] == []


def test_a_message_of_no_ingest_is_passed_over(pipeline: QueuePipeline) -> None:
    stray = StepMessage(ingest="nobody", epoch=1, step=Step.REPLICATE, replica="primary", packet=0)
    pipeline.wiring.messages.send([stray])
    pipeline.work()
    assert pipeline.wiring.dead_letters.listing(limit=10)[0] == []
