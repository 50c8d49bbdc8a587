"""The local stand-ins for Lambda's SQS trigger hand out what Lambda itself would."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.local.lambda_event import SECONDS_PER_RUN, LocalContext, has_failed, sqs_event

ARN = "arn:aws:sqs:eu-west-1:123456789012:course-backfill-planner"
MESSAGE = {
    "MessageId": "m-1",
    "ReceiptHandle": "r-1",
    "MD5OfBody": "5d41402abc4b2a76b9719d911017c592",
    "Body": "hello",
    "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
    "MessageAttributes": {"cause": {"StringValue": "why", "DataType": "String"}},
}


def test_a_message_becomes_one_record_with_its_queue_and_attributes() -> None:
    event = sqs_event(MESSAGE, queue_arn=ARN)

    assert event == {
        "Records": [
            {
                "messageId": "m-1",
                "receiptHandle": "r-1",
                "body": "hello",
                "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700000000000"},
                "messageAttributes": {"cause": {"stringValue": "why", "dataType": "String"}},
                "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, False),
        ({"batchItemFailures": []}, False),
        ({"batchItemFailures": [{"itemIdentifier": "m-1"}]}, True),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, True),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, True),
        ({"batchItemFailures": [{"wrong-key": "m-1"}]}, True),
        ({"batchItemFailures": [{"itemIdentifier": "another"}]}, True),
    ],
)
def test_only_a_clean_answer_takes_the_message_off_the_queue(answer: Any, failed: bool) -> None:
    # Lambda treats a null, empty, misnamed or unknown identifier as the failure of the whole batch.
    assert has_failed(answer) is failed


def test_the_time_that_is_left_shrinks_and_is_never_negative() -> None:
    end = 100.0 + SECONDS_PER_RUN
    moments = iter([100.0, 100.0, end - 59.5, end + 100])
    context = LocalContext("replicator", now=lambda: next(moments))

    assert context.get_remaining_time_in_millis() == SECONDS_PER_RUN * 1000
    assert context.get_remaining_time_in_millis() == 59_500
    assert context.get_remaining_time_in_millis() == 0
    assert context.function_name == "replicator"
