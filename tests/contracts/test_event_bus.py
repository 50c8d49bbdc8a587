"""The bus of domain events: the same of memory and of EventBridge, and how EventBridge refuses."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.stub import Stubber

from course_backfill.adapters.aws_clients import AwsClients, events_client
from course_backfill.adapters.event_bridge import EventBridgeBus, check_bus
from course_backfill.adapters.memory_event_bus import MemoryEventBus
from course_backfill.domain_events import (
    SOURCE,
    CourseVersionRegistered,
    DomainEvent,
    IngestFailed,
    LocationOfVersion,
)
from course_backfill.errors import CourseBackfillError, EventsRefused, EventsUnavailable
from course_backfill.ports import EventBus
from course_backfill.settings import Settings
from course_backfill.tasks import IngestType

REGISTERED = CourseVersionRegistered(
    id="ingest-1.1",
    namespace="edx",
    course="course-v1:Org1+Ünïcode+R1",
    version="v2",
    previous_version="v1",
    ingest="ingest-1",
    requested_by="operator",
    ended_date="2026-03-02T08:00:00.123Z",
    objects=3,
    bytes=5 * 1024**4,
    exceptions=0,
    stale=False,
    manifest_key="courses/c/v2/manifest.json",
    manifest_sha256="ab" * 32,
    locations=(LocationOfVersion(id="primary", bucket="edx-primary", prefix=""),),
)
FAILED = IngestFailed(
    id="ingest-2.2",
    namespace="edx",
    course="Org/Course/Run",
    ingest="ingest-2",
    ingest_type=IngestType.BACKFILL,
    dry_run=False,
    requested_by="operator",
    ended_date="2026-03-02T08:00:00.123Z",
    stage="replicating",
    code="digest-mismatch",
    description="Upload the file again.",
    objects=2,
    failures_path="/ingests/ingest-2/failures",
)


@dataclass
class Listened:
    """A bus, and what whoever listens to it has heard: type and detail of each event."""

    bus: EventBus
    heard: Callable[[], list[tuple[str, Any]]]


@pytest.fixture(params=["memory", "eventbridge"])
def listened(request: pytest.FixtureRequest) -> Listened:
    if request.param == "memory":
        memory = MemoryEventBus()
        return Listened(memory, lambda: [(one.name, one.to_item()) for one in memory.published])
    settings: Settings = request.getfixturevalue("aws_settings")
    return _eventbridge(settings, request.getfixturevalue("aws_clients"))


def _eventbridge(settings: Settings, clients: AwsClients) -> Listened:
    """A bus with a rule that puts everything of this product into a queue."""
    name = f"{settings.namespace}-events"
    client = events_client(settings)
    client.create_event_bus(Name=name)
    pattern = json.dumps({"source": [SOURCE]})
    client.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    url = clients.sqs.create_queue(QueueName=name)["QueueUrl"]
    asked = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    target = {"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}
    client.put_targets(Rule=name, EventBusName=name, Targets=[target])  # type: ignore[list-item] # As AWS takes it.

    def heard() -> list[tuple[str, Any]]:
        found = []
        while received := clients.sqs.receive_message(QueueUrl=url).get("Messages", []):
            for one in received:
                event = json.loads(one["Body"])
                assert event["source"] == SOURCE
                found.append((event["detail-type"], event["detail"]))
                clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return sorted(found, key=lambda one: str(one[1]["id"]))

    return Listened(EventBridgeBus(client, name), heard)


@pytest.mark.parametrize("event", [REGISTERED, FAILED], ids=lambda event: event.name)
def test_who_listens_hears_the_event_as_its_schema_says(
    listened: Listened, event: DomainEvent
) -> None:
    listened.bus.publish(event)
    assert listened.heard() == [(event.name, event.to_item())]


def test_a_repeat_is_heard_again_under_the_same_id(listened: Listened) -> None:
    for event in (REGISTERED, REGISTERED, FAILED):
        listened.bus.publish(event)
    assert [detail["id"] for _, detail in listened.heard()] == [
        REGISTERED.id,
        REGISTERED.id,
        FAILED.id,
    ]


def test_a_check_says_whether_the_bus_is_there(aws_settings: Settings) -> None:
    name = f"{aws_settings.namespace}-events"
    client = events_client(aws_settings)
    missing = check_bus(client, name)
    assert (missing.ok, missing.name) == (False, f"event bus {name}")
    assert "events to it would be lost" in missing.detail
    assert "COURSE_BACKFILL_EVENT_BUS" in missing.action
    client.create_event_bus(Name=name)
    assert check_bus(client, name).ok
    away = aws_settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    assert "nothing listens" in check_bus(events_client(away), name).detail


# --- EventBridge alone --------------------------------------------------------------------------


def publish(answer: Callable[[Stubber], None], settings: Settings) -> None:
    client = events_client(settings)
    with Stubber(client) as stub:
        answer(stub)
        EventBridgeBus(client, "edx-events").publish(REGISTERED)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", EventsUnavailable),
        ("InternalFailure", EventsUnavailable),
        ("MalformedDetail", EventsRefused),
        ("NotAuthorizedForSourceException", EventsRefused),
    ],
)
def test_an_answer_that_took_nothing_is_no_success(
    aws_settings: Settings, code: str, error: type[CourseBackfillError]
) -> None:
    entries = [{"ErrorCode": code, "ErrorMessage": "as documented"}]
    with pytest.raises(error, match=code):
        publish(
            lambda stub: stub.add_response(
                "put_events", {"FailedEntryCount": 1, "Entries": entries}
            ),
            aws_settings,
        )


@pytest.mark.parametrize(
    ("code", "status", "error", "sentence"),
    [
        ("ThrottlingException", 400, EventsUnavailable, "EventBridge answers"),
        ("InternalException", 500, EventsUnavailable, "EventBridge answers"),
        ("AccessDeniedException", 400, EventsRefused, "allow the notifier events:PutEvents on it"),
        ("ResourceNotFoundException", 400, EventsRefused, "correct COURSE_BACKFILL_EVENT_BUS"),
        ("ValidationException", 400, EventsRefused, "edx-events"),
    ],
)
def test_what_eventbridge_answers_says_whether_to_try_again(
    aws_settings: Settings,
    code: str,
    status: int,
    error: type[CourseBackfillError],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence):
        publish(
            lambda stub: stub.add_client_error("put_events", code, http_status_code=status),
            aws_settings,
        )


def test_nothing_that_answers_is_an_outage(aws_settings: Settings) -> None:
    nowhere = aws_settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    bus = EventBridgeBus(events_client(nowhere), f"edx-{uuid.uuid4().hex}")
    with pytest.raises(EventsUnavailable, match="nothing listens"):
        bus.publish(REGISTERED)


def test_an_event_beyond_the_limit_is_refused_before_it_is_sent(aws_settings: Settings) -> None:
    huge = REGISTERED.model_copy(update={"course": "ü" * 128 * 1024})
    bus = EventBridgeBus(events_client(aws_settings), "edx-events")
    with pytest.raises(EventsRefused, match=r"has \d{6} bytes, and 262144 may be"):
        bus.publish(huge)
