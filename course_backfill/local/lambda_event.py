"""What AWS Lambda would hand to a handler: the event of an SQS message, a schedule, the context."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Handler = Callable[[Event, Any], Any]
"""A service's `lambda_handler(event, context)`."""

SECONDS_PER_RUN = 30 * 24 * 3_600
"""Nothing ends a run on a machine; Lambda does after 15 minutes at most."""

SCHEDULE: Event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
"""What EventBridge sends when it is time."""


def sqs_event(message: Event, *, queue_arn: str) -> Event:
    """The event of one received message, as SQS's event source mapping builds it."""
    region = queue_arn.split(":")[3]
    attributes = message.get("MessageAttributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {_lower_first(part): value for part, value in attribute.items()}
            for name, attribute in attributes.items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }
    return {"Records": [record]}


def has_failed(answer: Any) -> bool:
    """Whether a handler's answer to an event of one message gives that message back.

    An identifier that is missing or unknown makes Lambda fail the whole batch, so any entry counts.
    """
    return bool((answer or {}).get("batchItemFailures"))


class LocalContext:
    """Stands in for Lambda's context: a name, a request id, and a deadline that comes nearer."""

    memory_limit_in_mb = 512
    function_version = "$LATEST"

    def __init__(
        self,
        function_name: str,
        *,
        request_id: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id or str(uuid.uuid4())
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self._now = now
        self._deadline = now() + SECONDS_PER_RUN

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the run; never negative."""
        return max(0, int((self._deadline - self._now()) * 1000))


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
