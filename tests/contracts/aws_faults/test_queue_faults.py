"""What the queues make of an SQS that fails for single messages, or refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.sqs import BACKOFF, SqsQueues
from course_backfill.errors import (
    QueueRefused,
    QueueUnavailable,
)
from tests.contracts.aws_faults.scripted_aws import ScriptedAws, message


def failed(*ids: str, sender: bool = False) -> tuple[int, dict[str, Any]]:
    entries = [{"Id": one, "SenderFault": sender, "Code": "InternalError"} for one in ids]
    return 200, {"Successful": [], "Failed": entries}


URL = (200, {"QueueUrl": "http://127.0.0.1/test-verifier"})


def test_only_messages_that_failed_are_sent_again(
    aws: ScriptedAws, queues: SqsQueues, slept: list[float]
) -> None:
    aws.answers = [URL, failed("1", "2"), failed("2"), (200, {"Successful": []})]
    queues.send([message(number) for number in range(3)])
    sent = [[entry["Id"] for entry in one["Entries"]] for one in aws.asked[1:]]
    assert sent == [["0", "1", "2"], ["1", "2"], ["2"]]
    assert len(slept) == 2


def test_messages_that_keep_failing_are_an_outage(
    aws: ScriptedAws, queues: SqsQueues, slept: list[float]
) -> None:
    aws.answers = [URL, failed("0")]
    with pytest.raises(QueueUnavailable, match="InternalError"):
        queues.send([message(0)])
    assert len(aws.asked) == 1 + BACKOFF.tries


def test_messages_that_are_refused_are_not_sent_again(aws: ScriptedAws, queues: SqsQueues) -> None:
    aws.answers = [URL, failed("0", sender=True)]
    with pytest.raises(QueueRefused):
        queues.send([message(0)])
    assert len(aws.asked) == 2


def test_the_address_of_a_queue_is_asked_for_once(aws: ScriptedAws, queues: SqsQueues) -> None:
    aws.answers = [URL, (200, {"Successful": []})]
    queues.send([message(0)])
    queues.send([message(1)])
    assert len(aws.asked) == 3
