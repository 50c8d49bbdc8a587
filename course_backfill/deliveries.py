"""Deliveries: what an SQS event brings a worker, with everything that is known of its message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from course_backfill.messages import StepMessage
from course_backfill.resources import service_of_queue

LONGEST_BODY = 2_000
"""So much of a body that is no message is kept; ours have a tenth of it."""

FIRST_GAP_SECONDS = 15
FIRST_GAP_OF_OUTAGE_SECONDS = 60
LONGEST_GAP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Malformed:
    """A body that is no message of ours, and what is wrong with it."""

    body: str
    detail: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was received: how often, from which queue, and how SQS names it."""

    message: StepMessage | Malformed
    message_id: str
    receipt: str
    receives: int
    sent: datetime | None
    """When it was sent; None where it is not told."""
    queue: str
    service: str
    is_dead_letter: bool


def delivery(record: Mapping[str, Any], namespace: str) -> Delivery:
    """One record of an event of SQS's trigger; raises KeyError for a queue of others."""
    queue = str(record["eventSourceARN"]).rsplit(":", 1)[-1]
    service, is_dead_letter = service_of_queue(namespace, queue)
    return Delivery(
        message=read_message(record["body"]),
        message_id=record["messageId"],
        receipt=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        sent=_sent(record["attributes"]),
        queue=queue,
        service=service,
        is_dead_letter=is_dead_letter,
    )


def read_message(body: str) -> StepMessage | Malformed:
    """The message of a body; a stranger's body is a value too, never an exception."""
    try:
        return StepMessage.model_validate_json(body)
    except ValidationError as error:
        wrong = (
            f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        )
        return Malformed(body[:LONGEST_BODY], "; ".join(wrong)[:LONGEST_BODY])


def _sent(attributes: Mapping[str, str]) -> datetime | None:
    milliseconds = attributes.get("SentTimestamp")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def redelivery_gap(receives: int, *, is_outage: bool = False) -> int:
    """Seconds until a message that failed unexpectedly comes again: longer each time.

    Longer still in an outage that cannot be waited out parked, since the tables themselves are
    away: the receives that a message has must last for more than ten minutes.
    """
    failures = max(receives - 1, 0)
    if is_outage:
        return LONGEST_GAP_SECONDS if failures else FIRST_GAP_OF_OUTAGE_SECONDS
    return min(FIRST_GAP_SECONDS << min(2 * failures, 10), LONGEST_GAP_SECONDS)
