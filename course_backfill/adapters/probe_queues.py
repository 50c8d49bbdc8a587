"""What the probe tries of SQS, in a queue of its own: sending, receiving, deleting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from course_backfill.adapters.aws_errors import SQS
from course_backfill.adapters.probe_trials import ProbeFailed, Trial, expect_equal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BODY = "course-backfill setup --probe"
_WAIT_SECONDS = 10
_PERMISSIONS = "Allow these credentials to create, use and delete queues of this namespace"


class QueueTrials:
    """The trials of one queue that exists only for them: workers never see the message."""

    def __init__(self, client: SQSClient, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._url = ""

    def trials(self) -> Iterator[Trial]:
        """The one trial there is."""
        yield self._trial("round trip", self._round_trip)

    def cleaning(self) -> Trial:
        """Removes the queue again."""
        return self._trial("removing again", self._clean)

    def _trial(self, name: str, run: Callable[[], str]) -> Trial:
        return Trial(f"SQS: {name}", _PERMISSIONS, SQS, run)

    def _round_trip(self) -> str:
        self._url = self._client.create_queue(QueueName=self._queue)["QueueUrl"]
        self._client.send_message(QueueUrl=self._url, MessageBody=_BODY)
        message = self._receive()
        expect_equal("the body", message.get("Body"), _BODY)
        expect_equal(
            "the number of receives",
            message.get("Attributes", {}).get("ApproximateReceiveCount"),
            "1",
        )
        receipt = message.get("ReceiptHandle", "")
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=0
        )
        again = self._receive().get("ReceiptHandle", "")
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=again)
        return "sent, received, let go, received again and deleted"

    def _receive(self) -> MessageTypeDef:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            raise ProbeFailed(f"no message came within {_WAIT_SECONDS} seconds")
        return messages[0]

    def _clean(self) -> str:
        if self._url:
            self._client.delete_queue(QueueUrl=self._url)
        return "the queue"
