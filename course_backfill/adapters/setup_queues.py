"""Makes and checks the SQS queues of an installation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.findings import Finding
from course_backfill.resources import MAX_RECEIVES, RETENTION_SECONDS, Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

Attributes = dict["QueueAttributeNameType", str]


def create_queue(client: SQSClient, queue: Queue) -> Finding:
    """Makes a service's queue and its dead letters, or corrects their attributes."""
    common: Attributes = {
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "SqsManagedSseEnabled": "true",
        # That of the dead letters too: a function takes them in, as long as any other message.
        "VisibilityTimeout": str(queue.visibility_seconds),
    }
    _, dead_url = _create(client, queue.dead_letters, common)
    redrive = {
        "deadLetterTargetArn": _attributes(client, dead_url)["QueueArn"],
        "maxReceiveCount": MAX_RECEIVES,
    }
    attributes: Attributes = {**common, "RedrivePolicy": json.dumps(redrive)}
    is_new, _ = _create(client, queue.name, attributes)
    return Finding(f"queue {queue.name}", True, "created" if is_new else "is there")


def check_queue(client: SQSClient, queue: Queue) -> Finding:
    """Whether the queue is there and leads to its dead letters."""
    name = f"queue {queue.name}"
    url, dead_url = _url(client, queue.name), _url(client, queue.dead_letters)
    if url is None or dead_url is None:
        missing = queue.name if url is None else queue.dead_letters
        return Finding(name, False, f"{missing} is not there", "course-backfill setup")
    found, dead = _attributes(client, url), _attributes(client, dead_url)
    policy = json.loads(found.get("RedrivePolicy") or "{}")
    receives = int(policy.get("maxReceiveCount", 0))
    if policy.get("deadLetterTargetArn") != dead["QueueArn"] or receives != MAX_RECEIVES:
        return Finding(name, False, "does not lead to its dead letters", "course-backfill setup")
    waiting = found["ApproximateNumberOfMessages"]
    in_hand = found["ApproximateNumberOfMessagesNotVisible"]
    return Finding(name, True, f"{waiting} waiting, {in_hand} in hand")


def check_dead_letters(client: SQSClient, queue: Queue) -> Finding:
    """Whether dead letters of the service wait for the janitor."""
    name = f"dead letters of {queue.service}"
    url = _url(client, queue.dead_letters)
    if url is None:
        return Finding(name, False, "their queue is not there", "course-backfill setup")
    count = int(_attributes(client, url)["ApproximateNumberOfMessages"])
    if count == 0:
        return Finding(name, True, "none")
    action = "course-backfill work janitor, then course-backfill dead-letters"
    return Finding(name, False, f"about {count} not yet taken in by the janitor", action)


def _create(client: SQSClient, name: str, attributes: Attributes) -> tuple[bool, str]:
    url = _url(client, name)
    if url is None:
        return True, client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return False, url


def _url(client: SQSClient, name: str) -> str | None:
    try:
        return client.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist")):
            return None
        raise


def _attributes(client: SQSClient, url: str) -> dict[str, str]:
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {str(name): value for name, value in found.items()}
