"""The edge of every worker: an SQS batch in, the records to be redelivered out."""

from __future__ import annotations

from typing import Any, Protocol

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.messages import StepMessage
from course_backfill.wiring import Wiring

BatchResponse = PartialItemFailureResponse
Context = LambdaContext


class Handles(Protocol):
    """What a worker does with a message."""

    def handle(self, message: StepMessage) -> None:
        """Does what the message asks; whatever it raises sends the message back to the queue."""
        ...


def handle_batch(
    event: dict[str, Any], context: Context, *, wiring: Wiring, step: Handles
) -> BatchResponse:
    """Handles each record by itself: one that fails unexpectedly is redelivered, alone."""

    def handle_record(record: SQSRecord) -> None:
        step.handle(StepMessage.model_validate_json(record.body))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)
