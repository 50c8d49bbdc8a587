"""What is told of an end, and that the documentation has its schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator

from course_backfill.domain_events import (
    SCHEMA_VERSION,
    CourseVersionRegistered,
    IngestFailed,
    announced,
    domain_event,
    event_schema,
)
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.manifests import AggregatedVersion
from course_backfill.notifications import Announcement
from tests.generators import create_failure, create_ingest

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"
NOW = "2026-03-02T08:00:00.000Z"
MADE = AggregatedVersion(
    manifest_key="courses/c/v1/manifest.json",
    manifest_sha256="ab" * 32,
    entries_sha256="cd" * 32,
    objects=3,
    bytes=10,
    stored_objects=3,
    stored_bytes=10,
    exceptions=0,
    fingerprints={},
)


def documented(name: str) -> dict[str, object]:
    section = GUIDE.read_text().partition(f"\n## {name}\n")[2]
    block = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert block
    schema: dict[str, object] = json.loads(block[1])
    return schema


@pytest.mark.parametrize("event", [CourseVersionRegistered, IngestFailed])
def test_the_guide_has_the_schema_of_every_event(
    event: type[CourseVersionRegistered | IngestFailed],
) -> None:
    assert documented(event.name) == event_schema(event)
    assert event.model_fields["schema_version"].default == SCHEMA_VERSION
    assert f"| `{event.name}` |" in GUIDE.read_text()


@pytest.mark.parametrize(
    "ingest",
    [
        create_ingest(
            status=IngestStatus.SUCCEEDED, version="v1", aggregated=MADE, previous_version="v0"
        ),
        create_ingest(status=IngestStatus.SUCCEEDED, version="v1", aggregated=MADE),
        create_ingest(status=IngestStatus.FAILED, failure=create_failure(), failure_count=2),
    ],
    ids=["registered", "first-registered", "failed"],
)
def test_what_is_told_is_as_the_guide_says(ingest: Ingest) -> None:
    ended = announced(ingest, now=NOW)
    assert ended.announcement
    event = domain_event(ended, ended.announcement, namespace="edx")
    validator = OAS31Validator(documented(event.name))
    assert [error.message for error in validator.iter_errors(event.to_item())] == []
    assert validator.is_valid(event.to_item() | {"aFieldOfTheNextRelease": 1})
    assert not validator.is_valid(event.to_item() | {"schemaVersion": 2})
    assert event.ended_date == NOW


@pytest.mark.parametrize(
    "ingest",
    [
        create_ingest(status=IngestStatus.SUCCEEDED),
        create_ingest(status=IngestStatus.CANCELLED, version="v1", aggregated=MADE),
        create_ingest(status=IngestStatus.CANCELLED, failure=create_failure()),
    ],
    ids=["nothing-to-do", "cancelled", "cancelled-after-a-kept-failure"],
)
def test_other_ends_are_not_announced(ingest: Ingest) -> None:
    assert announced(ingest, now=NOW) is ingest


def test_an_end_is_announced_once_however_often_it_is_recorded() -> None:
    failed = create_ingest(status=IngestStatus.FAILED, failure=create_failure())
    first = announced(failed, now=NOW)
    later = first.model_copy(update={"epoch": 5})
    assert announced(later, now="2026-04-01T00:00:00.000Z").announcement == Announcement(
        event="ingest-1.1", ended_date=NOW
    )


def test_an_ingest_without_an_end_to_tell_of_has_no_event() -> None:
    with pytest.raises(ValueError, match="nothing to announce"):
        domain_event(create_ingest(), Announcement(event="e", ended_date=NOW), namespace="edx")
