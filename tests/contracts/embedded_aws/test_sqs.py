"""SQS: messages are neither lost nor received twice, wait their time, end as dead letters."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def queue(sqs: SQSClient) -> str:
    return made(sqs)


def made(sqs: SQSClient, **attributes: str) -> str:
    made: Any = attributes
    return sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}", Attributes=made)["QueueUrl"]


def received(sqs: SQSClient, queue: str, **options: Any) -> list[Any]:
    return sqs.receive_message(QueueUrl=queue, **options).get("Messages", [])


def count(sqs: SQSClient, queue: str) -> dict[str, int]:
    names: Any = ["ApproximateNumberOfMessages"]
    names += [names[0] + "NotVisible", names[0] + "Delayed"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return {name.removeprefix(names[0]): int(value) for name, value in found.items()}


def test_many_senders_and_receivers_lose_nothing(sqs: SQSClient, queue: str) -> None:
    def send(number: int) -> None:
        sqs.send_message(QueueUrl=queue, MessageBody=f"{number}")

    def take(_: int) -> list[str]:
        messages = received(sqs, queue, MaxNumberOfMessages=10)
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    with ThreadPoolExecutor(8) as workers:
        sent = workers.map(send, range(200))
        bodies = [body for taken in workers.map(take, range(100)) for body in taken]
        list(sent)
    while messages := take(0):
        bodies += messages
    assert sorted(bodies, key=int) == [f"{number}" for number in range(200)]


def test_a_message_is_hidden_until_its_visibility_is_over(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = received(sqs, queue, VisibilityTimeout=3600)
    assert received(sqs, queue) == []
    assert count(sqs, queue) == {"": 0, "NotVisible": 1, "Delayed": 0}
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    (again,) = received(sqs, queue, WaitTimeSeconds=5, MessageSystemAttributeNames=["All"])
    assert again["MessageId"] == message["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_delayed_message_comes_late(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=900)
    assert received(sqs, queue) == []
    assert count(sqs, queue) == {"": 0, "NotVisible": 0, "Delayed": 1}


def test_a_waiting_receive_ends_when_a_message_is_due(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=1)
    began = time.monotonic()
    assert [message["Body"] for message in received(sqs, queue, WaitTimeSeconds=20)] == ["x"]
    assert time.monotonic() - began < 15


def test_a_waiting_receive_ends_when_a_message_arrives(sqs: SQSClient, queue: str) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(received, sqs, queue, WaitTimeSeconds=20)
        # Meanwhile all others are served.
        assert count(sqs, queue)[""] == 0
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        assert [message["Body"] for message in waiting.result()] == ["x"]
    assert time.monotonic() - began < 15


def test_a_queues_own_wait_is_the_default(sqs: SQSClient) -> None:
    queue = made(sqs, ReceiveMessageWaitTimeSeconds="1")
    began = time.monotonic()
    assert received(sqs, queue) == []
    assert time.monotonic() - began > 0.8


def test_a_message_out_of_receives_goes_to_the_dead_letters(sqs: SQSClient) -> None:
    dead = made(sqs)
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3}
    queue = made(sqs, RedrivePolicy=json.dumps(policy), VisibilityTimeout="0")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    counts = []
    while messages := received(sqs, queue, MessageSystemAttributeNames=["All"]):
        counts.append(messages[0]["Attributes"]["ApproximateReceiveCount"])
    assert counts == ["1", "2", "3"]
    (message,) = received(sqs, dead)
    assert message["Body"] == "x"
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    assert count(sqs, dead) == {"": 0, "NotVisible": 0, "Delayed": 0}


def test_deleting_twice_is_no_error_and_inventing_a_handle_is(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = received(sqs, queue)
    for _ in range(2):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    with refused("ReceiptHandleIsInvalid", 400):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="invented")
    with refused("ReceiptHandleIsInvalid", 400):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle="invented", VisibilityTimeout=1)


def test_a_purge_forgets_all(sqs: SQSClient, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.purge_queue(QueueUrl=queue)
    assert received(sqs, queue) == []


def test_a_fifo_queue_keeps_order_and_group(sqs: SQSClient) -> None:
    name = f"queue-{uuid.uuid4().hex}.fifo"
    attributes: Any = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    queue = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for body in ("1", "2", "2", "3"):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="g")
    first = received(sqs, queue, MaxNumberOfMessages=1)
    assert [message["Body"] for message in first] == ["1"]
    assert received(sqs, queue) == []
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first[0]["ReceiptHandle"])
    rest = received(sqs, queue, MaxNumberOfMessages=10)
    assert [message["Body"] for message in rest] == ["2", "3"]
