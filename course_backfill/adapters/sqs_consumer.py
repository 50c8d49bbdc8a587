"""One SQS queue as its consumer sees it, for workers that no Lambda trigger feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_backfill.adapters.aws_clients import sqs_client
from course_backfill.adapters.aws_errors import SQS, named_errors
from course_backfill.messages import SERVICES
from course_backfill.resources import dead_letters_name, queue_name
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsConsumer:
    """Receives, hides and deletes the messages of one queue.

    Raises QueueUnavailable when trying again may help, QueueRefused when not.
    """

    def __init__(self, client: SQSClient, name: str) -> None:
        self._client = client
        with named_errors(SQS):
            self._url = client.get_queue_url(QueueName=name)["QueueUrl"]
            found = client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[dict[str, Any]]:
        """At most one message, hidden from others for so long; waits for one if there is none."""
        with named_errors(SQS):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=visibility_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return [dict(message) for message in answer.get("Messages", [])]

    def hide(self, message: dict[str, Any], seconds: int) -> None:
        """Keeps the message hidden for so many seconds from now."""
        receipt = message["ReceiptHandle"]
        with named_errors(SQS):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def delete(self, message: dict[str, Any]) -> None:
        """The message is done with."""
        with named_errors(SQS):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


class ConfiguredQueues:
    """The queues of the configured installation, each as a consumer of its own."""

    def __init__(self, settings: Settings) -> None:
        self._client = sqs_client(settings)
        self._namespace = settings.namespace

    def of_service(self, service: str) -> SqsConsumer:
        """The queue of a service's messages."""
        return SqsConsumer(self._client, queue_name(self._namespace, service))

    def of_dead_letters(self) -> list[SqsConsumer]:
        """The queues of all services' dead letters."""
        names = (dead_letters_name(self._namespace, service) for service in SERVICES)
        return [SqsConsumer(self._client, name) for name in names]
