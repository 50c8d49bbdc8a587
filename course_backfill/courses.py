"""Courses: their keys, and the record that says how far each one's backfill is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from course_backfill.errors import InvalidInput, Problem
from course_backfill.records import Record
from course_backfill.tasks import Task

# The grammar of Open edX's opaque keys: unicode word characters and - ~ . : in each part.
_PART = r"[\w\-~.:]+"
_SPLIT = re.compile(rf"course-v1:({_PART})\+({_PART})\+({_PART})")
_OLD = re.compile(rf"({_PART})/({_PART})/({_PART})")

MAX_CHARACTERS = 255
"""The platform's own limit for a course key (its MySQL column)."""
MAX_BYTES = 640
"""Leaves room for version, folder and a hashed name within the 896 bytes of a key."""

NO_RUN = "_norun"
"""The run of c4x assets whose Org/Course no old-form course claims."""


@dataclass(frozen=True, slots=True, order=True)
class CourseId:
    """A course key that was checked: `course-v1:Org+Course+Run`, or the old `Org/Course/Run`."""

    org: str
    course: str
    run: str
    is_old: bool = False

    @classmethod
    def parse(cls, text: str, *, pointer: str = "/course/id") -> CourseId:
        """Raises InvalidInput, naming `pointer`, for what is not a course key."""
        match = _SPLIT.fullmatch(text) or _OLD.fullmatch(text)
        if match is None or text.startswith("course-v1:") != (match.re is _SPLIT):
            raise InvalidInput(
                Problem(pointer, "expected course-v1:Org+Course+Run or Org/Course/Run")
            )
        if len(text) > MAX_CHARACTERS or len(text.encode()) > MAX_BYTES:
            raise InvalidInput(
                Problem(
                    pointer,
                    f"a course key has at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes",
                )
            )
        if any(not part.strip(".") for part in match.groups()):
            raise InvalidInput(Problem(pointer, "a part of a course key cannot be dots alone"))
        org, course, run = match.groups()
        return cls(org, course, run, is_old=match.re is _OLD)

    def __str__(self) -> str:
        if self.is_old:
            return f"{self.org}/{self.course}/{self.run}"
        return f"course-v1:{self.org}+{self.course}+{self.run}"


class CourseStatus(StrEnum):
    """How far a course is; `migrated` never regresses, later attempts show in `last_ingest`."""

    NOT_MIGRATED = "not-migrated"
    IN_PROGRESS = "in-progress"
    MIGRATED = "migrated"
    FAILED = "failed"


class LastIngest(Record):
    """The latest ingest of a course and how it stands."""

    id: str
    status: str
    date: str
    task: Task | None = None
    """What it was doing; null where that was not recorded."""


class CourseReplica(Record):
    """One location of a course: how much of its versions is there, and what its audit found."""

    versions: int = 0
    objects: int = 0
    """That lie with these versions: each once, however many versions share it."""
    bytes: int = 0
    audited_date: str | None = None
    audit: str | None = None
    """The ingest that audited it last."""
    damaged: int = 0
    """Objects that were missing or altered then, and are not repaired."""
    beyond_repair: int = 0
    """Of these, those that a repair cannot mend before another audit."""
    surplus: int = 0
    unread: int = 0
    """Objects whose bytes nobody could compare, because they are cold."""

    @property
    def to_repair(self) -> int:
        """Damaged objects that a repair has yet to try."""
        return self.damaged - self.beyond_repair


class Course(Record):
    """The row of one course; discovery creates it and never overwrites it."""

    id: str
    org: str
    status: CourseStatus = CourseStatus.NOT_MIGRATED
    discovered_date: str
    latest_version: str | None = None
    latest_objects: int | None = None
    latest_bytes: int | None = None
    latest_exceptions: int | None = None
    """How many bad objects the latest version is without."""
    latest_locations: tuple[str, ...] = ()
    """Where the latest version is; kept here too, so that a report reads rows alone."""
    versions: int = 0
    """How many are registered."""
    replicas: dict[str, CourseReplica] = Field(default_factory=dict)
    """Location → what is there of all versions."""
    unaudited_since: str | None = None
    """When the copy that was looked at longest ago was audited or registered; absent: no version.
    Orders the scheduled audits."""
    failed_audits: int = 0
    """Audits that failed one after the other, up to now."""
    audit_failed_date: str | None = None
    """When the last of them did."""
    live_version: str | None = None
    active_ingest: str | None = None
    """The lease: the one ingest that may work on the course."""
    kept_ingest: str | None = None
    """A failed ingest whose copies are kept for a retry."""
    last_version_number: int = 0
    """The atomic counter behind version numbers; never goes back."""
    last_ingest: LastIngest | None = None
    source_checked_date: str | None = None
    stale: bool | None = None
    """Whether the latest version differs from the source as last checked; null: no version yet."""

    @property
    def damaged(self) -> int:
        """Objects that audits found damaged in any location and that are not repaired."""
        return sum(replica.damaged for replica in self.replicas.values())

    @property
    def to_repair(self) -> int:
        """Damaged copies in all locations that a repair has yet to try."""
        return sum(replica.to_repair for replica in self.replicas.values())

    def is_complete_in(self, location: str) -> bool:
        """Whether every registered version is there."""
        there = self.replicas.get(location, CourseReplica())
        return self.versions > 0 and there.versions == self.versions


class Version(Record):
    """A registered version: immutable, and everything its manifest names exists."""

    course: str
    id: str
    ingest: str
    created_date: str
    objects: int
    bytes: int
    stored_objects: int
    """Those of them that lie with this version; the others lie with earlier ones."""
    stored_bytes: int
    exceptions: int
    manifest_key: str
    manifest_sha256: str
    entries_sha256: str
    fingerprints: dict[str, str]
    previous_version: str | None = None


class VersionReplica(Record):
    """Where a registered version is: one record per location, beside the manifest and not in it."""

    course: str
    version: str
    location: str
    bucket: str
    prefix: str
    registered_date: str


def counted_replicas(
    course: Course, versions: Iterable[Version], replicas: Iterable[VersionReplica]
) -> dict[str, CourseReplica]:
    """The course's locations with what is there counted anew; what audits found stays."""
    by_id = {version.id: version for version in versions}
    there = defaultdict(list)
    for replica in replicas:
        there[replica.location].append(by_id[replica.version])
    return {
        location: course.replicas.get(location, CourseReplica()).model_copy(
            update={
                "versions": len(there[location]),
                "objects": sum(version.stored_objects for version in there[location]),
                "bytes": sum(version.stored_bytes for version in there[location]),
            }
        )
        for location in sorted({*there, *course.replicas})
    }


def version_id(number: int) -> str:
    """`v3` for 3."""
    return f"v{number}"


def version_number(version: str, *, pointer: str = "/version") -> int:
    """3 for `v3`; raises InvalidInput for anything else."""
    if not re.fullmatch(r"v[1-9][0-9]{0,8}", version):
        raise InvalidInput(Problem(pointer, "expected a version such as v1"))
    return int(version[1:])
