"""The poller against real queues: done, failed, held, stopped and killed work all end rightly."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.local.lambda_event import Handler
from course_backfill.local.poller import InHand, Poller
from course_backfill.local.worker import Worker, WorkerPlan

VISIBILITY = 2


class Queue:
    """A queue of this test's own, and what it holds."""

    def __init__(self, clients: AwsClients, name: str) -> None:
        self.consumer = SqsConsumer(clients.sqs, name)
        self._clients = clients
        self._url = clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def send(self, body: str) -> None:
        self._clients.sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def counts(self) -> tuple[int, int]:
        """(waiting, in hand)"""
        found = self._clients.sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])[
            "Attributes"
        ]
        return (
            int(found["ApproximateNumberOfMessages"]),
            int(found["ApproximateNumberOfMessagesNotVisible"]),
        )


@pytest.fixture
def queue(aws_clients: AwsClients, aws_settings: Any) -> Queue:
    name = f"{aws_settings.namespace}-planner"
    aws_clients.sqs.create_queue(QueueName=name)
    return Queue(aws_clients, name)


@pytest.fixture
def polling(queue: Queue) -> Iterator[Callable[[Handler], Poller]]:
    stop, over = threading.Event(), threading.Event()
    in_hand = InHand(VISIBILITY)
    keeper = threading.Thread(target=in_hand.keep_hidden, args=(over,))
    keeper.start()

    def poller(handler: Handler) -> Poller:
        return Poller(
            queue.consumer, handler, service="planner", in_hand=in_hand, stop=stop, wait_seconds=1
        )

    yield poller
    stop.set()
    over.set()
    keeper.join()


def test_a_message_that_was_handled_is_gone(
    queue: Queue, polling: Callable[[Handler], Poller]
) -> None:
    seen: list[dict[str, Any]] = []
    queue.send("one")

    assert polling(lambda event, context: seen.append(event)).poll() == 1

    assert queue.counts() == (0, 0)
    (record,) = seen[0]["Records"]
    assert record["body"] == "one"
    assert record["eventSourceARN"].endswith("-planner")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize("how", ["raises", "reports"])
def test_a_message_that_failed_comes_again(
    queue: Queue, polling: Callable[[Handler], Poller], how: str
) -> None:
    receives: list[str] = []

    def handler(event: Any, context: Any) -> Any:
        (record,) = event["Records"]
        receives.append(record["attributes"]["ApproximateReceiveCount"])
        if len(receives) > 1:
            return {"batchItemFailures": []}
        if how == "raises":
            raise RuntimeError("unexpected")
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}

    queue.send("one")
    poller = polling(handler)

    assert poller.poll() == 1
    assert queue.counts() == (0, 1)
    until(lambda: poller.poll() == 1)
    assert receives == ["1", "2"]
    assert queue.counts() == (0, 0)


def test_a_message_in_hand_is_given_to_nobody_else(
    queue: Queue, polling: Callable[[Handler], Poller]
) -> None:
    others: list[int] = []

    def slow(event: Any, context: Any) -> None:
        # Longer than a received message is hidden; another consumer asks all the while.
        other = polling(lambda event, context: others.append(1))
        ends = time.monotonic() + 2 * VISIBILITY
        while time.monotonic() < ends:
            assert other.poll() == 0

    queue.send("one")
    polling(slow).poll()

    assert others == []
    assert queue.counts() == (0, 0)


def test_an_unreachable_queue_is_no_reason_to_end(aws_clients: AwsClients) -> None:
    stop = threading.Event()

    class Away:
        arn = "arn:aws:sqs:eu-west-1:123456789012:away"
        asked = 0

        def receive(self, **_: int) -> list[dict[str, Any]]:
            self.asked += 1
            stop.set()
            raise ConnectionError("away")

        def hide(self, message: dict[str, Any], seconds: int) -> None:
            raise AssertionError("nothing was received")

        def delete(self, message: dict[str, Any]) -> None:
            raise AssertionError("nothing was received")

    away = Away()
    Poller(away, lambda event, context: None, service="x", in_hand=InHand(2), stop=stop).run()

    assert away.asked == 1


def test_a_worker_that_is_told_to_stop_finishes_what_it_has_in_hand(queue: Queue) -> None:
    taken, go_on = threading.Event(), threading.Event()
    handled: list[str] = []

    def handler(event: Any, context: Any) -> None:
        taken.set()
        go_on.wait(30)
        handled.append(event["Records"][0]["body"])

    worker = create_worker(queue, handler, grace_seconds=30)
    finished: list[bool] = []
    thread = threading.Thread(target=lambda: finished.append(worker.run()))
    queue.send("one")
    thread.start()
    assert taken.wait(30)
    worker.stop()
    queue.send("two")
    go_on.set()
    thread.join(30)

    assert finished == [True]
    assert handled == ["one"]
    until(lambda: queue.counts()[1] == 0)
    assert queue.counts() == (1, 0)


def test_a_worker_does_not_wait_longer_than_its_grace(queue: Queue) -> None:
    taken, never = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> None:
        taken.set()
        never.wait(30)

    worker = create_worker(queue, handler, grace_seconds=0.1)
    finished: list[bool] = []
    thread = threading.Thread(target=lambda: finished.append(worker.run()))
    queue.send("one")
    thread.start()
    assert taken.wait(30)
    worker.stop()
    thread.join(30)
    never.set()

    assert finished == [False]


@dataclass(frozen=True)
class OneQueue:
    """An installation whose every service has the same queue, and which has no dead letters."""

    queue: SqsConsumer

    def of_service(self, service: str) -> SqsConsumer:
        return self.queue

    def of_dead_letters(self) -> list[SqsConsumer]:
        return []


def test_a_process_leaves_at_once_whatever_its_threads_are_doing() -> None:
    program = (
        "import time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from course_backfill.local.worker import leave\n"
        "ThreadPoolExecutor(1).submit(time.sleep, 600)\n"
        "print('told')\n"
        "leave()\n"
    )
    ended = subprocess.run(  # noqa: S603 - A program of this test.
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "told\n"


def create_worker(queue: Queue, handler: Handler, *, grace_seconds: float) -> Worker:
    plan = WorkerPlan(
        services=["register"], concurrency=1, visibility_seconds=30, discovery_seconds=3600
    )
    return Worker(
        plan, OneQueue(queue.consumer), handler_of=lambda _: handler, grace_seconds=grace_seconds
    )


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)
