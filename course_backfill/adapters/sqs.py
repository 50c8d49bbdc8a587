"""The queues in SQS, as those see them who send messages and who put them off."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import SQS, error_code, named_errors
from course_backfill.adapters.backoff import Backoff, Sleep
from course_backfill.errors import QueueRefused, QueueUnavailable
from course_backfill.messages import StepMessage
from course_backfill.resources import queue_name
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

BATCH = 10
BACKOFF = Backoff(tries=5, first=0.2, longest=5.0)
LONGEST_VISIBILITY = 43_200


class SqsQueues:
    """Sends messages to the queues of their services; safe to use from many threads.

    Raises QueueUnavailable when trying again may help, QueueRefused when not. The client itself
    retries a request that failed; single messages of a batch that failed are retried here.
    """

    def __init__(
        self,
        client: SQSClient,
        settings: Settings,
        *,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._client = client
        self._namespace = settings.namespace
        self._sleep = sleep
        self._urls: dict[str, str] = {}
        self._lock = threading.Lock()

    def send(self, messages: Sequence[StepMessage]) -> None:
        """Sends all of them; a crash in between is mended by sending all again."""
        bodies: dict[str, list[str]] = {}
        for message in messages:
            body = message.model_dump_json(by_alias=True, exclude_none=True)
            bodies.setdefault(message.step.service, []).append(body)
        for service, of_service in bodies.items():
            queue = queue_name(self._namespace, service)
            for start in range(0, len(of_service), BATCH):
                self._send_batch(queue, of_service[start : start + BATCH])

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Lets a received message come again after so many seconds; 0: at once.

        No error where the message was deleted or came again already.
        """
        url = self._url(queue)
        try:
            with named_errors(SQS):
                self._client.change_message_visibility(
                    QueueUrl=url,
                    ReceiptHandle=receipt,
                    VisibilityTimeout=min(seconds, LONGEST_VISIBILITY),
                )
        except ClientError as error:
            if error_code(error).rsplit(".", 1)[-1] not in _GONE:
                raise

    def _send_batch(self, queue: str, bodies: list[str]) -> None:
        url = self._url(queue)
        left = dict(enumerate(bodies))
        failed: list[BatchResultErrorEntryTypeDef] = []
        for _ in BACKOFF.attempts(self._sleep):
            with named_errors(SQS):
                answer = self._client.send_message_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(number), "MessageBody": body} for number, body in left.items()
                    ],
                )
            failed = answer.get("Failed", [])
            if not failed:
                return
            if any(one["SenderFault"] for one in failed):
                raise QueueRefused(f"SQS refuses messages to {queue}: {_codes(failed)}")
            left = {int(one["Id"]): left[int(one["Id"])] for one in failed}
        raise QueueUnavailable(f"SQS did not take every message to {queue}: {_codes(failed)}")

    def _url(self, queue: str) -> str:
        with self._lock:
            known = self._urls.get(queue)
        if known is None:
            with named_errors(SQS):
                known = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
            with self._lock:
                self._urls[queue] = known
        return known


_GONE = {"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"}


def _codes(failed: Sequence[BatchResultErrorEntryTypeDef]) -> str:
    return ", ".join(sorted({one["Code"] for one in failed}))
