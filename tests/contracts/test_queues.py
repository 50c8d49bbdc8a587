"""The queues: the same rules in memory and in SQS, from sending to the dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.memory_messages import MemoryQueues
from course_backfill.adapters.setup_queues import check_dead_letters, check_queue, create_queue
from course_backfill.adapters.sqs import SqsQueues
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.deliveries import (
    Delivery,
    Malformed,
    delivery,
    read_message,
    redelivery_gap,
)
from course_backfill.errors import QueueRefused, QueueUnavailable
from course_backfill.local.lambda_event import sqs_event
from course_backfill.local.poller import MessageQueue
from course_backfill.messages import SERVICES, Step, StepMessage
from course_backfill.resources import MAX_RECEIVES, Resources, dead_letters_name, queue_name
from course_backfill.settings import Settings

HIDDEN = 600


class Queues(Protocol):
    def send(self, messages: list[StepMessage]) -> None: ...
    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None: ...


@dataclass
class Installation:
    """Queues under test, and how a consumer reaches them."""

    namespace: str
    queues: Queues
    of: Callable[[str], MessageQueue]
    send_raw: Callable[[str, str], object]

    def receive(self, service: str) -> list[Delivery]:
        """The deliveries that a handler of the service would be called with."""
        return self.receive_from(queue_name(self.namespace, service))

    def receive_from(self, name: str) -> list[Delivery]:
        queue = self.of(name)
        return [
            delivery(record, self.namespace)
            for message in queue.receive(wait_seconds=0, visibility_seconds=HIDDEN)
            for record in sqs_event(message, queue_arn=queue.arn)["Records"]
        ]


@pytest.fixture(params=["memory", "sqs"])
def installation(request: pytest.FixtureRequest) -> Installation:
    if request.param == "memory":
        memory = MemoryQueues("test", lambda: datetime(2026, 1, 1, tzinfo=UTC))
        by_name: dict[str, Any] = {}
        for service in SERVICES:
            by_name[queue_name("test", service)] = memory.of_service(service)
            by_name[dead_letters_name("test", service)] = memory.dead_letters(service)
        return Installation(
            "test", memory, by_name.__getitem__, lambda name, body: by_name[name].send(body)
        )
    settings: Settings = request.getfixturevalue("aws_settings")
    sqs = request.getfixturevalue("aws_clients").sqs
    for queue in Resources.of(settings).queues:
        create_queue(sqs, queue)

    def send_raw(name: str, body: str) -> None:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body)

    return Installation(
        settings.namespace, SqsQueues(sqs, settings), lambda name: SqsConsumer(sqs, name), send_raw
    )


def message(number: int = 1, step: Step = Step.REPLICATE) -> StepMessage:
    return StepMessage(ingest=f"i{number}", epoch=1, step=step, replica="primary", packet=number)


def test_a_message_reaches_the_service_of_its_step(installation: Installation) -> None:
    installation.queues.send([message(1, Step.VERIFY), message(2, Step.DISCOVER)])
    [verify] = installation.receive("verifier")
    [discover] = installation.receive("planner")
    assert installation.receive("replicator") == []
    assert verify.message == message(1, Step.VERIFY)
    assert discover.message == message(2, Step.DISCOVER)
    assert (verify.service, verify.receives, verify.is_dead_letter) == ("verifier", 1, False)
    assert verify.queue == queue_name(installation.namespace, "verifier")


def test_more_than_a_batch_is_sent_whole(installation: Installation) -> None:
    sent = [message(number) for number in range(23)]
    installation.queues.send(sent)
    received = [one.message for _ in sent for one in installation.receive("replicator")]
    assert sorted(map(repr, received)) == sorted(map(repr, sent))
    assert installation.receive("replicator") == []


def test_nothing_to_send_is_no_error(installation: Installation) -> None:
    installation.queues.send([])


def test_a_received_message_is_hidden_until_it_is_let_go(installation: Installation) -> None:
    installation.queues.send([message()])
    [first] = installation.receive("replicator")
    assert installation.receive("replicator") == []
    installation.queues.change_visibility(first.queue, first.receipt, 0)
    [second] = installation.receive("replicator")
    assert (second.message, second.receives) == (message(), 2)
    assert second.message_id == first.message_id
    assert second.receipt != first.receipt


def test_a_deleted_message_never_comes_again(installation: Installation) -> None:
    installation.queues.send([message()])
    queue = installation.of(queue_name(installation.namespace, "replicator"))
    [received] = queue.receive(wait_seconds=0, visibility_seconds=HIDDEN)
    queue.delete(received)
    queue.delete(received)
    installation.queues.change_visibility(
        queue_name(installation.namespace, "replicator"), received["ReceiptHandle"], 0
    )
    assert installation.receive("replicator") == []


def test_a_message_received_too_often_becomes_a_dead_letter(installation: Installation) -> None:
    installation.queues.send([message()])
    for receives in range(1, MAX_RECEIVES + 1):
        [received] = installation.receive("replicator")
        assert received.receives == receives
        installation.queues.change_visibility(received.queue, received.receipt, 0)
    assert installation.receive("replicator") == []
    [dead] = installation.receive_from(dead_letters_name(installation.namespace, "replicator"))
    assert (dead.message, dead.service, dead.is_dead_letter) == (message(), "replicator", True)


@pytest.mark.parametrize("body", ["no JSON", "{}", '{"ingest": "i", "epoch": 1, "step": "fly"}'])
def test_a_stranger_s_body_is_delivered_as_malformed(installation: Installation, body: str) -> None:
    installation.send_raw(queue_name(installation.namespace, "register"), body)
    [received] = installation.receive("register")
    assert isinstance(received.message, Malformed)
    assert received.message.body == body
    assert received.message.detail


# --- what memory alone can bring about ---


def test_memory_loses_and_doubles_messages_on_demand() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    queues = MemoryQueues("test", lambda: now)
    queues.copies = lambda one: 0 if one.packet == 1 else 2
    queues.send([message(1), message(2)])
    received = [
        one
        for _ in range(3)
        for one in queues.of_service("replicator").receive(wait_seconds=0, visibility_seconds=1)
    ]
    assert [json.loads(one["Body"])["packet"] for one in received] == [2, 2]


def test_memory_lets_time_pass_by_its_clock() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    queues = MemoryQueues("test", lambda: now)
    queue = queues.of_service("replicator")
    queues.send([message()])
    assert queue.receive(wait_seconds=0, visibility_seconds=30)
    now += timedelta(seconds=29)
    assert not queue.receive(wait_seconds=0, visibility_seconds=30)
    now += timedelta(seconds=1)
    assert queue.receive(wait_seconds=0, visibility_seconds=30)
    now += timedelta(days=15)
    assert not queue.receive(wait_seconds=0, visibility_seconds=30)
    assert len(queue) == 0


def test_memory_can_be_away() -> None:
    queues = MemoryQueues("test", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    queues.is_unavailable = True
    with pytest.raises(QueueUnavailable):
        queues.send([message()])
    with pytest.raises(QueueUnavailable):
        queues.of_service("planner").receive(wait_seconds=0, visibility_seconds=1)


# --- what SQS alone can answer ---


def test_a_missing_queue_is_named_with_what_to_do(
    aws_clients: AwsClients, aws_settings: Settings
) -> None:
    with pytest.raises(QueueRefused, match="course-backfill setup"):
        SqsQueues(aws_clients.sqs, aws_settings).send([message()])


def test_the_check_of_a_queue_names_what_is_wrong(
    aws_clients: AwsClients, aws_settings: Settings
) -> None:
    queue = Resources.of(aws_settings).queues[0]
    for check in (check_queue, check_dead_letters):
        missing = check(aws_clients.sqs, queue)
        assert (missing.ok, missing.action) == (False, "course-backfill setup")
    create_queue(aws_clients.sqs, queue)
    assert check_queue(aws_clients.sqs, queue).ok
    assert check_dead_letters(aws_clients.sqs, queue).ok

    dead_url = aws_clients.sqs.get_queue_url(QueueName=queue.dead_letters)["QueueUrl"]
    aws_clients.sqs.send_message(QueueUrl=dead_url, MessageBody="{}")
    dead = check_dead_letters(aws_clients.sqs, queue)
    assert not dead.ok
    assert "about 1" in dead.detail

    url = aws_clients.sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
    aws_clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert not check_queue(aws_clients.sqs, queue).ok
    create_queue(aws_clients.sqs, queue)
    assert check_queue(aws_clients.sqs, queue).ok


# --- reading bodies ---


@given(st.text())
def test_no_body_is_an_exception(body: str) -> None:
    assert isinstance(read_message(body), (Malformed, StepMessage))


@given(
    st.builds(
        StepMessage,
        ingest=st.text(min_size=1, max_size=40),
        epoch=st.integers(0, 2**40),
        step=st.sampled_from(Step),
        replica=st.none() | st.text(max_size=10),
        packet=st.none() | st.integers(0, 10**6),
    )
)
def test_a_message_survives_its_body(sent: StepMessage) -> None:
    assert read_message(sent.model_dump_json(by_alias=True, exclude_none=True)) == sent


def test_a_malformed_body_is_kept_short_and_its_values_unrepeated() -> None:
    long = read_message("x" * 10_000)
    assert isinstance(long, Malformed)
    assert len(long.body) == 2_000
    wrong = read_message('{"ingest": {"password": "hunter2"}, "epoch": 1, "step": "plan"}')
    assert isinstance(wrong, Malformed)
    assert wrong.detail.startswith("ingest: ")
    assert "hunter2" not in wrong.detail


@pytest.mark.parametrize("ingest", ["", "i" * 201])
def test_what_can_be_no_ingest_of_ours_is_malformed(ingest: str) -> None:
    body = json.dumps({"ingest": ingest, "epoch": 1, "step": "plan"})
    assert isinstance(read_message(body), Malformed)


def test_gaps_between_redeliveries_grow_up_to_a_quarter_of_an_hour() -> None:
    gaps = [redelivery_gap(receives) for receives in range(1, 50)]
    assert gaps[:4] == [15, 60, 240, 900]
    assert gaps == sorted(gaps)
    assert max(gaps) == 900


def test_receives_last_for_more_than_ten_minutes_of_an_outage() -> None:
    gaps = [redelivery_gap(receives, is_outage=True) for receives in range(1, MAX_RECEIVES)]
    assert sum(gaps) > 600
    assert gaps[0] == 60
