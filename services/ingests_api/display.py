"""How everything but ingests and discoveries is shown: courses, versions, reports, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import Field

from course_backfill.courses import Course, CourseReplica, Version, VersionReplica
from course_backfill.dead_letters import DeadLetter, Redriven
from course_backfill.display import ShownStatus
from course_backfill.messages import StepMessage
from course_backfill.shown import Shown

One = TypeVar("One")


class ShownResults(Shown, Generic[One]):
    """One page of a list; `nextCursor` asks for the next one, and is null on the last."""

    type: Literal["ResultList"] = "ResultList"
    results: list[One]
    next_cursor: str | None


class ShownCourseName(Shown):
    """A course by its id."""

    type: Literal["Course"] = "Course"
    id: str


class ShownLastIngest(Shown):
    """The latest ingest of a course and how it stood at `date`.

    `task` is fill, bring, repair, audit or warm; null of ingests of before it was recorded.
    """

    type: Literal["Ingest"] = "Ingest"
    id: str
    status: ShownStatus
    date: str
    task: str | None


class ShownCourseReplica(Shown):
    """One location of a course: how much of its versions is there, and what its last audit found.

    `objects` and `bytes` lie with these versions, each once, however many versions share it.
    `damaged` counts objects that were missing or altered and are not repaired yet, `surplus` those
    that belong to no version, `unread` those that are cold, so that nobody could compare them.
    `beyondRepair` counts the damaged ones that a repair could not mend: they wait for another
    audit, and later backfills go on without them.
    """

    type: Literal["CourseReplica"] = "CourseReplica"
    location: str
    versions: int
    objects: int
    bytes: int
    complete: bool
    audited_date: str | None
    audit: str | None
    damaged: int
    beyond_repair: int
    surplus: int
    unread: int

    @classmethod
    def all_of(cls, course: Course, replicas: Mapping[str, CourseReplica]) -> list[Self]:
        """Replicas of a course as shown."""
        own = set(cls.model_fields) - {"type", "location", "complete"}
        return [
            cls(
                location=location,
                complete=course.is_complete_in(location),
                **replica.model_dump(include=own),
            )
            for location, replica in replicas.items()
        ]


class ShownCourseRecord(Shown):
    """A course and how far it is.

    `stale`: the latest version differs from the source as it was at `sourceCheckedDate`; null
    where there is no version. `activeIngest` is the one ingest that may work on the course.
    """

    type: Literal["Course"] = "Course"
    id: str
    org: str
    status: ShownStatus
    latest_version: str | None
    latest_objects: int | None
    latest_bytes: int | None
    latest_exceptions: int | None
    latest_locations: list[str]
    versions: int
    replicas: list[ShownCourseReplica]
    live_version: str | None
    active_ingest: str | None
    kept_ingest: str | None
    last_ingest: ShownLastIngest | None
    source_checked_date: str | None
    stale: bool | None
    discovered_date: str

    @classmethod
    def of(cls, course: Course) -> Self:
        """The course as shown."""
        made = {"type", "status", "last_ingest", "latest_locations", "replicas"}
        own = set(cls.model_fields) - made
        return cls(
            status=ShownStatus(id=course.status.value),
            last_ingest=last_ingest_of(course),
            latest_locations=list(course.latest_locations),
            replicas=ShownCourseReplica.all_of(course, course.replicas),
            **course.model_dump(include=own),
        )


class ShownVersionReplica(Shown):
    """Where a version is; `auditedDate` is null where no audit has looked at it there yet."""

    type: Literal["Replica"] = "Replica"
    location: str
    bucket: str
    prefix: str
    registered_date: str
    audited_date: str | None

    @classmethod
    def of(cls, replica: VersionReplica, course: Course) -> Self:
        """The replica as shown."""
        audited = course.replicas.get(replica.location, CourseReplica()).audited_date
        is_audited = audited is not None and audited >= replica.registered_date
        own = set(cls.model_fields) - {"type", "audited_date"}
        return cls(audited_date=audited if is_audited else None, **replica.model_dump(include=own))


class ShownVersion(Shown):
    """A registered version; `exceptions` counts the bad objects that it is without.

    Of its `objects`, `storedObjects` lie with this version and the others with earlier ones.
    """

    type: Literal["CourseVersion"] = "CourseVersion"
    id: str
    course: ShownCourseName
    ingest: str
    created_date: str
    objects: int
    bytes: int
    stored_objects: int
    stored_bytes: int
    exceptions: int
    previous_version: str | None
    latest: bool
    live: bool
    fingerprints: dict[str, str]
    manifest_sha256: str
    entries_sha256: str
    replicas: list[ShownVersionReplica]

    @classmethod
    def of(cls, version: Version, course: Course, replicas: list[VersionReplica]) -> Self:
        """The version as shown."""
        own = set(cls.model_fields) - {"type", "course", "latest", "live", "replicas"}
        return cls(
            course=ShownCourseName(id=version.course),
            latest=version.id == course.latest_version,
            live=version.id == course.live_version,
            replicas=[ShownVersionReplica.of(one, course) for one in replicas],
            **version.model_dump(include=own),
        )


class ShownEntrySource(Shown):
    """The object in the source: its id as extended JSON, and when it was uploaded."""

    id: Any
    upload_date: str | None


class ShownEntry(Shown):
    """One object of a version. `version` is the one whose prefix holds the bytes, at `key`."""

    type: Literal["Entry"] = "Entry"
    path: str
    key: str
    version: str
    size: int
    sha256: str
    md5: str
    content_type: str | None
    kind: str
    source: ShownEntrySource
    metadata: dict[str, Any] = Field(description="Every other field of the source's document.")
    videos: list[str]


class ShownDeadLetter(Shown):
    """A message that no worker could do; `body` is what came where it was no message of ours.

    `redrivenBy` had it sent again at `redrivenDate`, or off the list where it could not be sent;
    null where nobody has.
    """

    type: Literal["DeadLetter"] = "DeadLetter"
    id: str
    service: str
    ingest: str | None
    message: StepMessage | None
    body: str | None
    receives: int
    error: str
    first_date: str
    last_date: str
    state: str
    redriven_by: str | None
    redriven_date: str | None

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The dead letter as shown."""
        return cls(
            **letter.model_dump(exclude={"message", "state"}),
            message=letter.message,
            state=letter.state.value,
        )


class ShownRedriven(Shown):
    """What redriving one dead letter did; `counts` is whether its ingest still waits for it."""

    type: Literal["Redriven"] = "Redriven"
    id: str
    sent: bool
    counts: bool
    description: str

    @classmethod
    def of(cls, done: Redriven) -> Self:
        """The outcome as shown."""
        return cls(id=done.id, sent=done.sent, counts=done.counts, description=done.description)


class ShownHealth(Shown):
    """That the API answers."""

    type: Literal["Health"] = "Health"
    status: ShownStatus


def last_ingest_of(course: Course) -> ShownLastIngest | None:
    last = course.last_ingest
    if last is None:
        return None
    return ShownLastIngest(
        id=last.id, status=ShownStatus(id=last.status), date=last.date, task=last.task
    )
