"""How an ingest is shown: its shape, and numbers that are never a guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from course_backfill.clock import to_text
from course_backfill.display import ShownIngest, show_ingest
from course_backfill.ingests import Event, Ingest, IngestStatus, Replica, Stage
from course_backfill.inventory import InventorySummary
from course_backfill.notifications import Callback

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def create_ingest(**fields: object) -> Ingest:
    known: dict[str, object] = {
        "id": "i1",
        "course": "course-v1:Org+C+R",
        "locations": ("primary",),
        "content": ("assets",),
        "requested_by": "operator",
        "status": IngestStatus.PROCESSING,
        "stage": Stage.REPLICATING,
        "inventory": InventorySummary(
            key="k",
            database="edxapp",
            taken_date="2026-03-02T08:00:00.000Z",
            objects=10,
            bytes=1_000,
            fingerprints={},
        ),
        "created_date": to_text(START),
        "last_modified_date": to_text(START),
    }
    return Ingest.model_validate(known | fields)


def create_replica(**fields: object) -> Replica:
    known: dict[str, object] = {"location": "primary", "packets": 2, "started_date": to_text(START)}
    return Replica.model_validate(known | fields)


def create_event(seconds: float, outcome: str = "succeeded", step: str = "plan") -> Event:
    date = to_text(START + timedelta(seconds=seconds))
    return Event(created_date=date, step=step, outcome=outcome, description="d")


def shown(
    ingest: Ingest, *events: Event, replica: Replica | None = None, seconds: float = 100
) -> ShownIngest:
    now = START + timedelta(seconds=seconds)
    replicas = [replica] if replica else []
    return show_ingest(ingest, replicas, events, now=now, stalled_after=HOUR)


def test_an_ingest_has_the_documented_shape() -> None:
    ingest = create_ingest(version="v1", callback=Callback(url="https://lms.example.org/h?k=1"))
    document = shown(ingest, create_event(1), replica=create_replica(bytes_done=300)).to_dict()
    assert document["type"] == "Ingest"
    assert document["ingestType"] == {"id": "backfill-course", "type": "IngestType"}
    assert document["course"] == {"type": "Course", "id": "course-v1:Org+C+R", "version": "v1"}
    assert document["sourceLocation"] == {
        "type": "Location",
        "provider": {"id": "mongodb", "type": "Provider"},
        "id": None,
    }
    assert document["status"] == {"id": "processing", "type": "Status"}
    assert document["replicas"][0]["type"] == "Replica"
    assert document["replicas"][0]["status"] == "replicating"
    assert document["events"][0]["type"] == "IngestEvent"
    assert document["failures"] == {"count": 0}
    assert document["callback"] == {
        "type": "Callback",
        "url": "https://lms.example.org/h?…",
        "status": {"id": "pending", "type": "Status"},
        "attempts": 0,
    }


@pytest.mark.parametrize(
    ("status", "stage", "version"),
    [
        ("processing", "replicating", "v1"),
        ("succeeded", None, "v1"),
        ("processing", "rolling-back", None),
        ("failed", None, None),
        ("failed", "verifying", None),
        ("cancelled", None, None),
    ],
)
def test_the_number_of_an_ingest_that_failed_is_shown_as_no_version(
    status: str, stage: str | None, version: str | None
) -> None:
    ingest = create_ingest(version="v1", status=status, stage=stage)
    assert shown(ingest).course.version == version


def test_an_ingest_is_stalled_when_nothing_happened_for_long_while_it_is_active() -> None:
    long = HOUR.total_seconds() + 1
    assert shown(create_ingest(), seconds=long).stalled
    assert not shown(create_ingest(), seconds=long - 2).stalled
    assert not shown(create_ingest(), create_event(10), seconds=long).stalled
    assert not shown(create_ingest(status=IngestStatus.FAILED, stage=None), seconds=long).stalled
    packet = create_replica(progress_date=to_text(START + timedelta(seconds=10)))
    assert not shown(create_ingest(), replica=packet, seconds=long).stalled


def test_the_last_modified_date_is_of_the_last_thing_that_happened() -> None:
    event = create_event(50)
    assert shown(create_ingest(), event).last_modified_date == event.created_date
