"""Domain events: what other systems are told when an ingest has ended."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from course_backfill.failures import ADVICE
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.notifications import Announcement
from course_backfill.records import Record
from course_backfill.tasks import IngestType

SOURCE = "course-backfill"
SCHEMA_VERSION = 1
"""Raised when a field goes or changes its meaning; new fields may come at any time."""


class LocationOfVersion(Record):
    """Where a version lies."""

    id: str = Field(description="The location's id.")
    bucket: str = Field(description="Its bucket.")
    prefix: str = Field(description="Where in the bucket its keys begin; empty, or ends in /.")


class CourseVersionRegistered(Record):
    """A version of a course was registered: verified in every location named."""

    name: ClassVar[str] = "CourseVersionRegistered"

    schema_version: Literal[1] = Field(default=1, description="The version of this schema.")
    id: str = Field(description="The same whenever this event comes again: drop repeats by it.")
    namespace: str = Field(description="The installation that tells it.")
    course: str = Field(description="The course's id.")
    version: str = Field(description="The version that was registered, such as v2.")
    previous_version: str | None = Field(
        default=None, description="The registered version before it, if any."
    )
    ingest: str = Field(description="The id of the ingest that made it.")
    requested_by: str = Field(description="Who asked for the ingest.")
    ended_date: str = Field(description="When it was registered: UTC, ISO 8601.")
    objects: int = Field(description="Objects of the version, also those of earlier versions.")
    bytes: int = Field(description="Their bytes.")
    exceptions: int = Field(description="Bad objects that the version is without.")
    stale: bool = Field(description="Whether the source had changed again by then.")
    manifest_key: str = Field(description="The manifest's key, below each location's prefix.")
    manifest_sha256: str = Field(description="The manifest's sha256, in hex.")
    locations: tuple[LocationOfVersion, ...] = Field(description="Where the version lies.")


class IngestFailed(Record):
    """An ingest failed; what exactly, with the names of files, is read from the API."""

    name: ClassVar[str] = "IngestFailed"

    schema_version: Literal[1] = Field(default=1, description="The version of this schema.")
    id: str = Field(description="The same whenever this event comes again: drop repeats by it.")
    namespace: str = Field(description="The installation that tells it.")
    course: str = Field(description="The course's id.")
    ingest: str = Field(description="The id of the ingest that failed.")
    ingest_type: IngestType = Field(description="What the ingest was for.")
    dry_run: bool = Field(description="Whether it would have copied nothing.")
    requested_by: str = Field(description="Who asked for the ingest.")
    ended_date: str = Field(description="When it ended: UTC, ISO 8601.")
    stage: str = Field(description="What was being done when it failed.")
    code: str = Field(description="What went wrong, as one of the codes in operations.md.")
    description: str = Field(description="What to do about it.")
    objects: int = Field(description="How many objects are listed under its failures.")
    failures_path: str = Field(description="Where the API lists them.")


DomainEvent = CourseVersionRegistered | IngestFailed


def event_schema(event: type[DomainEvent]) -> dict[str, Any]:
    """The JSON schema that consumers may hold an event against: it lets new fields pass.

    What is null is left out of events, and so is no value here; the version is always there.
    """
    schema: dict[str, Any] = _open(event.model_json_schema())
    schema["required"] = ["schemaVersion", *schema["required"]]
    return schema


_LEFT_OUT = {"additionalProperties", "title"}


def _open(part: Any) -> Any:
    match part:
        case {"anyOf": [dict() as kind, {"type": "null"}], **rest}:
            return _open({name: one for name, one in rest.items() if name != "default"} | kind)
        case dict():
            return {name: _open(one) for name, one in part.items() if name not in _LEFT_OUT}
        case list():
            return [_open(one) for one in part]
        case _:
            return part


def announced(ingest: Ingest, *, now: str) -> Ingest:
    """The ingest at its end with what is to be announced of it, if anything is.

    A failure that was kept and expires later is the same failure: it is announced once. Nothing is
    of what was cancelled, nor of what ended well without making a version.
    """
    made_version = ingest.status is IngestStatus.SUCCEEDED and ingest.aggregated is not None
    has_failed = ingest.status is IngestStatus.FAILED and ingest.failure is not None
    if ingest.announcement is not None or not (made_version or has_failed):
        return ingest
    announcement = Announcement(event=f"{ingest.id}.{ingest.epoch}", ended_date=now)
    return ingest.model_copy(update={"announcement": announcement})


def domain_event(ingest: Ingest, announcement: Announcement, *, namespace: str) -> DomainEvent:
    """The event of an announced end; a pure function, so that a repeat is the same event."""
    failure, made = ingest.failure, ingest.aggregated
    if failure is not None:
        return IngestFailed(
            id=announcement.event,
            namespace=namespace,
            course=ingest.course,
            ingest=ingest.id,
            ingest_type=ingest.ingest_type,
            dry_run=ingest.dry_run,
            requested_by=ingest.requested_by,
            ended_date=announcement.ended_date,
            stage=failure.stage,
            code=failure.code,
            # Its detail may name files, which are nobody's business on a bus.
            description=ADVICE[failure.code],
            objects=ingest.failure_count,
            failures_path=f"/ingests/{ingest.id}/failures",
        )
    if made is None or ingest.version is None:
        raise ValueError(f"ingest {ingest.id} ended with nothing to announce")
    return CourseVersionRegistered(
        id=announcement.event,
        namespace=namespace,
        course=ingest.course,
        version=ingest.version,
        previous_version=ingest.previous_version,
        ingest=ingest.id,
        requested_by=ingest.requested_by,
        ended_date=announcement.ended_date,
        objects=made.objects,
        bytes=made.bytes,
        exceptions=made.exceptions,
        stale=ingest.source_check is not None and ingest.source_check.stale,
        manifest_key=made.manifest_key,
        manifest_sha256=made.manifest_sha256,
        locations=tuple(
            LocationOfVersion(id=one, bucket=at.bucket, prefix=at.prefix)
            for one, at in ingest.addresses.items()
            if one in ingest.locations
        ),
    )
