"""Domain events on a bus of Amazon EventBridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import EVENTS, error_code, named_errors
from course_backfill.clock import from_text
from course_backfill.domain_events import SOURCE, DomainEvent
from course_backfill.errors import EventsRefused, EventsUnavailable
from course_backfill.findings import Finding

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MOST_BYTES = 256 * 1024
"""EventBridge's limit for an event: its source, type, detail and 14 bytes for its time."""
TIME_BYTES = 14

_MISSING = {"ResourceNotFoundException"}
_PASSING = {"InternalFailure", "InternalException", "ThrottlingException"}


def check_bus(client: EventBridgeClient, bus: str) -> Finding:
    """Whether the bus is there: EventBridge takes what is sent to none, and drops it."""
    name = f"event bus {bus}"
    try:
        with named_errors(EVENTS):
            client.describe_event_bus(Name=bus)
    except (EventsUnavailable, EventsRefused, ClientError) as error:
        cause = error.__cause__ or error
        is_missing = isinstance(cause, ClientError) and error_code(cause) in _MISSING
        detail = "there is no such bus: events to it would be lost" if is_missing else str(error)
        action = "Create it, or correct COURSE_BACKFILL_EVENT_BUS"
        return Finding(name, False, detail, action)
    return Finding(name, True, "there")


class EventBridgeBus:
    """Puts events on the bus that the settings name; safe to use from several threads."""

    def __init__(self, client: EventBridgeClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, event: DomainEvent) -> None:
        """See EventBus."""
        entry = self._entry(event)
        try:
            with named_errors(EVENTS):
                answer = self._client.put_events(Entries=[entry])
        except EventsRefused as refused:
            if isinstance(refused.__cause__, ClientError):
                raise self._refusal(error_code(refused.__cause__)) from refused
            raise
        except ClientError as error:
            raise self._refusal(error_code(error)) from error
        if answer["FailedEntryCount"]:
            # An answer of 200 may still have taken nothing.
            code = answer["Entries"][0].get("ErrorCode", "no code")
            if code in _PASSING:
                raise EventsUnavailable(f"EventBridge did not take the event ({code})")
            raise self._refusal(code)

    def _entry(self, event: DomainEvent) -> PutEventsRequestEntryTypeDef:
        detail = event.model_dump_json(by_alias=True, exclude_none=True)
        parts = (SOURCE, event.name, detail)
        size = TIME_BYTES + sum(len(part.encode()) for part in parts)
        if size > MOST_BYTES:
            raise EventsRefused(f"the event {event.id} has {size} bytes, and {MOST_BYTES} may be")
        return {
            "Time": from_text(event.ended_date),
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": detail,
            "EventBusName": self._bus,
        }

    def _refusal(self, code: str) -> EventsRefused:
        return EventsRefused(
            f"EventBridge refuses events to the bus {self._bus} ({code}): correct "
            "COURSE_BACKFILL_EVENT_BUS, or allow the notifier events:PutEvents on it"
        )
