"""The courses table: rows, leases and versions, changed only by the writes made here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from course_backfill.clock import Clock, to_text
from course_backfill.courses import Course, CourseId, CourseStatus, Version, VersionReplica
from course_backfill.errors import ConditionFailed, Conflict, Fenced, NotFound
from course_backfill.ingest_states import allotted_version
from course_backfill.ingests import Ingest, IngestStatus, SourceCheck
from course_backfill.ports import Condition, Key, Page, StateStore, Write
from course_backfill.source_checks import check_at_planning
from course_backfill.stores.course_writes import (
    TABLE,
    course_key,
    last_ingest,
    leased,
    same,
    to_check,
    to_failed_audit,
    to_replicas,
    to_status,
    version_sk,
)

BY_STATUS = "courses-by-status"


class CourseStore:
    """Reads courses and versions, and makes the writes that belong into others' transactions."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def find(self, course: str) -> Course | None:
        """The course's row, or None."""
        item = self._state.get(course_key(course))
        return Course.from_item(item) if item else None

    def get(self, course: str) -> Course:
        """The course's row; raises NotFound, naming discovery."""
        found = self.find(course)
        if found is None:
            raise NotFound(
                f"course {course} is not known: "
                "POST /discoveries (course-backfill discover) finds new courses"
            )
        return found

    def add(self, course: CourseId) -> bool:
        """Adds a discovered course; False, and nothing changed, where it has a row already."""
        row = Course(id=str(course), org=course.org, discovered_date=to_text(self._clock()))
        item = row.to_item() | {"statusKey": row.status.value}
        try:
            self._state.write(
                Write(course_key(row.id), item=item, when=(Condition("pk", "absent"),))
            )
        except ConditionFailed:
            return False
        return True

    def by_status(self, status: CourseStatus, *, limit: int, after: str = "") -> Page:
        """Items of the courses of one status, in the order of their keys."""
        return self._state.query_index(BY_STATUS, status.value, limit=limit, after=after)

    def versions(self, course: str) -> list[Version]:
        """The registered versions, newest first."""
        versions, _ = self._registered(course)
        return versions[::-1]

    def all_replicas(self, course: str) -> list[VersionReplica]:
        """Where every registered version is, oldest version first."""
        _, replicas = self._registered(course)
        return replicas

    def _registered(self, course: str) -> tuple[list[Version], list[VersionReplica]]:
        versions: list[Version] = []
        replicas: list[VersionReplica] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self._state.query(TABLE, course, sk_prefix="VERSION#", after=cursor)
            for item in page.items:
                if "#REPLICA#" in item["sk"]:
                    replicas.append(VersionReplica.from_item(item))
                else:
                    versions.append(Version.from_item(item))
            cursor = page.cursor
        return versions, replicas

    def version(self, course: str, version: str) -> Version:
        """One registered version; raises NotFound, also for a number that no version has."""
        item = self._state.get(Key(TABLE, course, version_sk(version)))
        if item is None:
            raise NotFound(f"course {course} has no registered version {version}")
        return Version.from_item(item)

    def replicas(self, course: str, version: str) -> list[VersionReplica]:
        """Where a registered version is."""
        prefix = f"{version_sk(version)}#REPLICA#"
        page = self._state.query(TABLE, course, sk_prefix=prefix)
        return [VersionReplica.from_item(item) for item in page.items]

    def checked(self, course: Course, check: SourceCheck) -> Write:
        """How the source stands to the latest version, looked at after `course` was read.

        The write fails where an ingest took the course meanwhile, or someone else looked.
        """
        when = (
            Condition("activeIngest", "absent"),
            *same("latestVersion", course.latest_version),
            *same("sourceCheckedDate", course.source_checked_date),
        )
        return Write(course_key(course.id), assign=to_check(check), when=when)

    # --- writes for the transactions of ingests ---

    def take_lease(self, ingest: Ingest) -> list[Write]:
        """The course becomes this ingest's; raises Conflict where another one is active."""
        course = self.get(ingest.course)
        if course.active_ingest and course.active_ingest != ingest.id:
            raise Conflict(
                f"course {course.id} is busy with ingest {course.active_ingest}",
                ingest=course.active_ingest,
            )
        changes = {"activeIngest": ingest.id, "lastIngest": last_ingest(ingest, self._clock)}
        if course.status is not CourseStatus.MIGRATED:
            changes |= to_status(CourseStatus.IN_PROGRESS)
        when = (
            Condition("activeIngest", "absent"),
            Condition("status", "equals", course.status.value),
            *same("keptIngest", course.kept_ingest),
        )
        remove = ["keptIngest"] if course.kept_ingest == ingest.id else []
        return [Write(course_key(course.id), assign=changes, remove=remove, when=when)]

    def allot_version(self, ingest: Ingest, number: int, *, last: int) -> Write:
        """Takes a number after `last`, the latest taken; fails where another was taken since."""
        counted = Condition("lastVersionNumber", "equals", last)
        return Write(
            course_key(ingest.course),
            assign={"lastVersionNumber": number},
            when=(leased(ingest), counted),
        )

    def release_lease(self, ingest: Ingest) -> list[Write]:
        """The course after a failed or cancelled ingest: what it was, or failed."""
        course = self.get(ingest.course)
        changes: dict[str, Any] = {"lastIngest": last_ingest(ingest, self._clock)}
        if course.versions:
            # What an ingest between locations brought before it failed is there, and counts.
            changes |= self._whereabouts(course)
        if course.active_ingest != ingest.id:
            return self._cancelled_late(course, ingest)
        if course.status is not CourseStatus.MIGRATED:
            failed = ingest.status is IngestStatus.FAILED
            changes |= to_status(CourseStatus.FAILED if failed else CourseStatus.NOT_MIGRATED)
        if ingest.kept:
            changes["keptIngest"] = ingest.id
        changes |= to_failed_audit(course, ingest, self._clock)
        if course.latest_version:
            latest = self.version(course.id, course.latest_version)
            changes |= to_check(check_at_planning(ingest, course, latest))
        when = (leased(ingest), Condition("status", "equals", course.status.value))
        return [Write(course_key(course.id), assign=changes, remove=["activeIngest"], when=when)]

    def _cancelled_late(self, course: Course, ingest: Ingest) -> list[Write]:
        """A kept failure gave its lease back when it failed; being cancelled is news of it."""
        is_last = course.last_ingest is not None and course.last_ingest.id == ingest.id
        if course.active_ingest or not is_last or ingest.status is not IngestStatus.CANCELLED:
            return []
        changes = {"lastIngest": last_ingest(ingest, self._clock)}
        if course.status is CourseStatus.FAILED:
            changes |= to_status(CourseStatus.NOT_MIGRATED)
        unchanged = Condition("status", "equals", course.status.value)
        when = (Condition("activeIngest", "absent"), unchanged)
        return [Write(course_key(course.id), assign=changes, when=when)]

    def forget_kept(self, ingest: Ingest) -> list[Write]:
        """The kept copies of this ingest are being rolled back."""
        if self.get(ingest.course).kept_ingest != ingest.id:
            return []
        when = (Condition("keptIngest", "equals", ingest.id),)
        return [Write(course_key(ingest.course), remove=["keptIngest"], when=when)]

    def registered(
        self, ingest: Ingest, version: Version, replicas: Iterable[VersionReplica]
    ) -> list[Write]:
        """The version appears, where it is, and the course is migrated."""
        sk = version_sk(version.id)
        replicas = list(replicas)
        row = self.get(version.course)
        versions, there = self._registered(row.id)
        changes = {
            "versions": row.versions + 1,
            "replicas": to_replicas(row, [*versions, version], [*there, *replicas]),
            "unauditedSince": row.unaudited_since or to_text(self._clock()),
            "latestVersion": version.id,
            "latestObjects": version.objects,
            "latestBytes": version.bytes,
            "latestExceptions": version.exceptions,
            "latestLocations": [replica.location for replica in replicas],
            "lastIngest": last_ingest(ingest, self._clock),
            **to_status(CourseStatus.MIGRATED),
            **to_check(ingest.source_check),
        }
        absent = (Condition("pk", "absent"),)
        return [
            Write(Key(TABLE, version.course, sk), item=version.to_item(), when=absent),
            *(
                Write(
                    Key(TABLE, version.course, f"{sk}#REPLICA#{replica.location}"),
                    item=replica.to_item(),
                    when=absent,
                )
                for replica in replicas
            ),
            Write(
                course_key(version.course),
                assign=changes,
                remove=["activeIngest"],
                when=(leased(ingest), *same("latestVersion", ingest.previous_version)),
            ),
        ]

    def placed(self, ingest: Ingest, replica: VersionReplica) -> list[Write]:
        """One registered version is in one more location."""
        sk = f"{version_sk(replica.version)}#REPLICA#{replica.location}"
        absent = (Condition("pk", "absent"),)
        return [
            Write(Key(TABLE, replica.course, sk), item=replica.to_item(), when=absent),
            Write(course_key(replica.course), when=(leased(ingest),)),
        ]

    def located(self, ingest: Ingest) -> list[Write]:
        """The course after an ingest between locations: what is where, and the lease released.

        `ingest.source_check` counts where the source was looked at for it.
        """
        row = self.get(ingest.course)
        changes = {
            **self._whereabouts(row),
            "lastIngest": last_ingest(ingest, self._clock),
            **to_check(ingest.source_check),
        }
        when = (leased(ingest), *same("latestVersion", row.latest_version))
        return [Write(course_key(row.id), assign=changes, remove=["activeIngest"], when=when)]

    def _whereabouts(self, row: Course) -> dict[str, Any]:
        """What is where by now."""
        versions, there = self._registered(row.id)
        latest = [one.location for one in there if one.version == row.latest_version]
        return {"replicas": to_replicas(row, versions, there), "latestLocations": latest}


def version_of(ingest: Ingest, created_date: str) -> Version:
    """The version that an ingest makes; raises Fenced before its manifest is written."""
    if ingest.aggregated is None:
        raise Fenced(f"ingest {ingest.id} has no manifest")
    return Version(
        course=ingest.course,
        id=allotted_version(ingest),
        ingest=ingest.id,
        created_date=created_date,
        previous_version=ingest.previous_version,
        **ingest.aggregated.model_dump(),
    )
