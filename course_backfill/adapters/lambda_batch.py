"""The edge of every worker: an SQS batch in, the records to be redelivered out."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.deliveries import Delivery, Malformed, delivery, redelivery_gap
from course_backfill.errors import CourseBackfillError, InvalidInput, KnownOutage, Problem
from course_backfill.messages import StepMessage
from course_backfill.metrics import ERRORS, QUEUE_SECONDS, SECONDS
from course_backfill.redaction import redacted
from course_backfill.wiring import Wiring
from course_backfill.work_context import working_on

BatchResponse = PartialItemFailureResponse
Context = LambdaContext

logger = logging.getLogger(__name__)


class Handles(Protocol):
    """What a worker does with a message."""

    def handle(self, message: StepMessage) -> None:
        """Does what the message asks; whatever it raises sends the message back to the queue."""
        ...


def handle_batch(
    event: dict[str, Any],
    context: Context,
    *,
    wiring: Wiring,
    step: Callable[[], Handles],
    bury: Callable[[Delivery], None] | None = None,
) -> BatchResponse:
    """Handles each record by itself: one that fails unexpectedly is redelivered, alone.

    Its error is remembered for the day it may become a dead letter, and the gap to its next
    delivery grows; likewise where `step` cannot be made, because something that it stands on is
    away or set wrongly. `bury` takes what arrives from a dead-letter queue.
    """

    def handle_record(record: SQSRecord) -> None:
        delivered = delivery(record.raw_event, wiring.settings.namespace)
        with _work_on(delivered), _measured(wiring, delivered):
            try:
                if bury is not None and delivered.is_dead_letter:
                    bury(delivered)
                else:
                    step().handle(_message(delivered))
            except Exception as error:
                _put_off(wiring, delivered, error)
                raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, handle_record, processor, context)


def _work_on(delivered: Delivery) -> AbstractContextManager[None]:
    message = delivered.message
    return working_on(
        message_id=delivered.message_id,
        queue=delivered.queue,
        receives=delivered.receives,
        **(message.about if isinstance(message, StepMessage) else {}),
    )


@contextmanager
def _measured(wiring: Wiring, delivered: Delivery) -> Iterator[None]:
    """Emits how long the message waited, once, how long it took, and whether it failed."""
    is_first = delivered.receives == 1 and not delivered.is_dead_letter
    if is_first and delivered.sent is not None:
        waited = (wiring.clock() - delivered.sent).total_seconds()
        wiring.meter.emit({QUEUE_SECONDS: max(waited, 0)})
    began = time.monotonic()
    try:
        yield
    except Exception:
        wiring.meter.emit({ERRORS: 1})
        raise
    finally:
        if isinstance(delivered.message, StepMessage) and not delivered.is_dead_letter:
            took = time.monotonic() - began
            wiring.meter.emit({SECONDS: round(took, 3)}, by=delivered.message.step)


def _message(delivered: Delivery) -> StepMessage:
    if isinstance(delivered.message, Malformed):
        raise InvalidInput(Problem("message", delivered.message.detail))
    return delivered.message


def _put_off(wiring: Wiring, delivered: Delivery, error: Exception) -> None:
    """Lets the message come again later and notes its error; without either it comes again too."""
    said = f"{type(error).__name__}: {error}"
    # The stack without the values: an exception's text may hold a signed URL or a password.
    logger.error(
        "message failed: %s",
        redacted(said),
        extra={"outcome": "failed", "stack": "".join(traceback.format_tb(error.__traceback__))},
    )
    gap = redelivery_gap(delivered.receives, is_outage=isinstance(error, KnownOutage))
    # Each by itself, the gap first: while the tables are away, a message that came again at once
    # would be out of receives before they are back.
    with _tolerating("lengthen the gap of"):
        wiring.messages.change_visibility(delivered.queue, delivered.receipt, gap)
    with _tolerating("note the error of"):
        wiring.dead_letters.note_error(
            delivered.message_id,
            service=delivered.service,
            message=delivered.message,
            error=said,
            receives=delivered.receives,
        )


@contextmanager
def _tolerating(action: str) -> Iterator[None]:
    try:
        yield
    except CourseBackfillError as outage:
        logger.warning("could not %s a message: %s", action, outage)
