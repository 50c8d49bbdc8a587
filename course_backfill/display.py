"""How an ingest is shown, to whoever asks the API and to whoever is called back: one JSON shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field

from course_backfill.audits import AuditWish
from course_backfill.display_restores import ShownRestore, ShownWarming
from course_backfill.failures import Failure
from course_backfill.ingests import (
    Event,
    Ingest,
    IngestStatus,
    Replica,
    SourceCheck,
    Stage,
)
from course_backfill.plan_reports import PlanReport
from course_backfill.progress import Progress, progress_of
from course_backfill.redaction import without_query
from course_backfill.shown import Shown
from course_backfill.standstill import is_stalled, last_sign


class ShownIngestType(Shown):
    """What kind of work an ingest is."""

    id: str
    type: Literal["IngestType"] = "IngestType"


class ShownStatus(Shown):
    """A status by its id."""

    id: str
    type: Literal["Status"] = "Status"


class ShownProvider(Shown):
    """What kind of storage a location is of."""

    id: str
    type: Literal["Provider"] = "Provider"


class ShownSource(Shown):
    """Where the content comes from; `id` is the location where that is amazon-s3."""

    type: Literal["Location"] = "Location"
    provider: ShownProvider
    id: str | None


class ShownCourse(Shown):
    """The course of an ingest; `version` is what it makes or has made, null once it has failed.

    Of a warming it is the version that was asked for, null where none was: then the latest.
    """

    type: Literal["Course"] = "Course"
    id: str
    version: str | None


class ShownReplica(Shown):
    """How far one location is.

    After an audit or a repair `damaged` counts objects that are missing or altered there,
    `beyondRepair` those of them without a good copy anywhere, `surplus` those that belong to no
    version, `unread` those that are cold, so that nobody could compare them.
    """

    type: Literal["Replica"] = "Replica"
    location: str
    status: str
    objects_done: int
    bytes_done: int
    objects_verified: int
    bytes_verified: int
    damaged: int
    beyond_repair: int
    surplus: int
    unread: int
    started_date: str

    @classmethod
    def of(cls, replica: Replica) -> Self:
        """The replica as shown."""
        names = set(cls.model_fields) - {"type", "status"}
        counted = replica.model_dump(include=names)
        return cls(status=replica.status.value, **counted)


class ShownProgress(Shown):
    """Objects and bytes over all locations; done means copied, verified means read back and right.
    `objectsLookedAt` and `bytesLookedAt` were read back, whatever was found.

    `objectsTotal` and `bytesTotal` are without what turned out to be bad (`objectsBad`) or was
    deleted before it was read (`objectsRemoved`). `percent` is of copying and verifying together.
    `bytesPerSecond` and `secondsLeft` are of the present stage, and null unless they are more
    than a guess.
    """

    percent: int
    objects_total: int
    objects_done: int
    objects_verified: int
    objects_looked_at: int
    objects_bad: int
    objects_removed: int
    bytes_total: int
    bytes_done: int
    bytes_verified: int
    bytes_looked_at: int
    bytes_per_second: int | None
    seconds_left: int | None

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """The progress as shown."""
        return cls(**{name: getattr(progress, name) for name in cls.model_fields})


class ShownFailureCount(Shown):
    """How many objects are listed under the ingest's failures."""

    count: int


class ShownEvent(Shown):
    """A dated fact about the ingest; `object` is the key of the one object that it is about."""

    type: Literal["IngestEvent"] = "IngestEvent"
    created_date: str
    step: str
    outcome: str
    replica: str | None
    object: str | None
    description: str
    requested_by: str | None

    @classmethod
    def of(cls, event: Event) -> Self:
        """The event as shown."""
        return cls(**event.model_dump())


class ShownCallback(Shown):
    """Whom to tell of the end, and whether it worked; the URL's query is not shown."""

    type: Literal["Callback"] = "Callback"
    url: str
    status: ShownStatus
    attempts: int


class ShownIngest(Shown):
    """One ingest. `stalled` is derived: nothing happened for longer than the installation allows.

    `failureKept`: it failed, and its copies wait until `keptUntil` for a retry. `report` is of a
    dry run. `sourceCheck` says how the source compared with what was copied. `restore` says how
    cold objects are to be restored, `warming` how far that is, null while none was met. `audit` is
    null unless it is one; `repairs` is the id of the audit whose findings it mends.
    """

    type: Literal["Ingest"] = "Ingest"
    id: str
    ingest_type: ShownIngestType
    course: ShownCourse
    source_location: ShownSource
    locations: list[str]
    content: list[str]
    dry_run: bool
    read_source: bool
    on_failure: str
    corrupt_objects: str
    restore: ShownRestore
    audit: AuditWish | None
    repairs: str | None
    status: ShownStatus
    stage: str | None
    stalled: bool
    replicas: list[ShownReplica]
    progress: ShownProgress | None
    warming: ShownWarming | None
    failures: ShownFailureCount
    failure: Failure | None
    failure_kept: bool
    kept_until: str | None
    source_check: SourceCheck | None
    report: PlanReport | None
    previous_version: str | None
    events: list[ShownEvent] = Field(
        description="Of its own life, oldest first; those about single objects besides are listed "
        "by `GET /ingests/{id}/events`."
    )
    callback: ShownCallback | None
    requested_by: str
    created_date: str
    last_modified_date: str


def show_ingest(
    ingest: Ingest,
    replicas: Sequence[Replica],
    events: Sequence[Event],
    *,
    now: datetime,
    stalled_after: timedelta,
) -> ShownIngest:
    """The ingest as it stands at `now`; `events` oldest first."""
    last_modified = last_sign(ingest, replicas, events)
    progress = progress_of(ingest, replicas, events, now)
    return ShownIngest(
        id=ingest.id,
        ingest_type=ShownIngestType(id=ingest.ingest_type),
        course=ShownCourse(id=ingest.course, version=_version(ingest)),
        source_location=_source(ingest),
        locations=list(ingest.locations),
        content=list(ingest.content),
        dry_run=ingest.dry_run,
        read_source=ingest.read_source,
        on_failure=ingest.on_failure,
        corrupt_objects=ingest.corrupt_objects,
        restore=ShownRestore.of(ingest.restore),
        audit=ingest.audit,
        repairs=ingest.repairs,
        status=ShownStatus(id=ingest.status.value),
        stage=ingest.stage.value if ingest.stage else None,
        stalled=is_stalled(ingest, replicas, events, now=now, after=stalled_after),
        replicas=[ShownReplica.of(replica) for replica in replicas],
        progress=ShownProgress.of(progress) if progress else None,
        warming=ShownWarming.of(ingest.warming) if ingest.warming else None,
        failures=ShownFailureCount(count=ingest.failure_count),
        failure=ingest.failure,
        failure_kept=ingest.kept,
        kept_until=ingest.kept_until,
        source_check=ingest.source_check,
        report=ingest.report,
        previous_version=ingest.previous_version,
        events=[ShownEvent.of(event) for event in events],
        callback=_callback(ingest),
        requested_by=ingest.requested_by,
        created_date=ingest.created_date,
        last_modified_date=last_modified,
    )


def _version(ingest: Ingest) -> str | None:
    """The number of a failure is no version and, but for a retry, will never be one."""
    if ingest.wished_version is not None:
        return ingest.wished_version
    is_failing = ingest.stage is Stage.ROLLING_BACK
    has_failed = ingest.status in {IngestStatus.FAILED, IngestStatus.CANCELLED}
    return None if is_failing or has_failed else ingest.version


def _source(ingest: Ingest) -> ShownSource:
    is_location = ingest.provider != "mongodb"
    location = ingest.source if is_location else None
    return ShownSource(provider=ShownProvider(id=ingest.provider), id=location)


def _callback(ingest: Ingest) -> ShownCallback | None:
    if ingest.callback is None:
        return None
    return ShownCallback(
        url=without_query(ingest.callback.url),
        status=ShownStatus(id=ingest.callback.status.value),
        attempts=ingest.callback.attempts,
    )
