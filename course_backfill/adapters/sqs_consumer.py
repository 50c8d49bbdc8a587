"""One SQS queue as its consumer sees it, for workers that no Lambda trigger feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsConsumer:
    """Receives, hides and deletes the messages of one queue; raises what botocore raises."""

    def __init__(self, client: SQSClient, name: str) -> None:
        self._client = client
        self._url = client.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]

    def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[dict[str, Any]]:
        """At most one message, hidden from others for so long; waits for one if there is none."""
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
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: dict[str, Any]) -> None:
        """The message is done with."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
