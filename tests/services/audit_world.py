"""A course in several locations that are damaged behind the product's back, audited, and mended."""

from __future__ import annotations

from typing import Any

from course_backfill.audits import AuditWish
from course_backfill.courses import Course, CourseReplica
from course_backfill.failures import Failure
from course_backfill.ingests import Event, Ingest, IngestStatus
from tests.services.location_world import PRIMARY, SECOND, LocationWorld
from tests.services.memory_pipeline import COURSE

FILES = {f"{number}.txt": bytes([number]) * number for number in range(1, 8)}
AUDIT: dict[str, Any] = {"ingest_type": "audit-course", "locations": ()}


class AuditWorld(LocationWorld):
    """One version of a few files in every location, if not told otherwise."""

    def __init__(self, *locations: dict[str, Any], files: Any = None, **settings: Any) -> None:
        super().__init__(*(locations or (PRIMARY, SECOND)), **settings)
        for name, content in (FILES if files is None else files).items():
            self.save(name, content)
        assert self.backfill().status is IngestStatus.SUCCEEDED

    @property
    def course(self) -> Course:
        """The course's row."""
        return self.pipeline.wiring.courses.get(str(COURSE))

    def replica(self, location: str) -> CourseReplica:
        """What the row says of one location."""
        return self.course.replicas[location]

    def audit(self, *, method: Any = "bytes", warm: bool = False, **request: Any) -> Ingest:
        """An audit, everything that follows, and that it succeeded, as it must."""
        wish = AuditWish(method=method, warm=warm)
        audit = self.backfill(**(AUDIT | {"audit": wish} | request))
        assert (audit.status, audit.failure) == (IngestStatus.SUCCEEDED, None)
        return audit

    def repaired(self, **request: Any) -> Ingest:
        """The next ingest and everything that follows, which has to succeed."""
        ingest = self.backfill(**request)
        assert (ingest.failure, ingest.status) == (None, IngestStatus.SUCCEEDED)
        return ingest

    def found(self, ingest: Ingest) -> set[tuple[str | None, str, str]]:
        """(location, file, code) of every finding."""
        return {
            (one.replica, (one.path or "").rpartition("/")[2], one.code)
            for one in self.findings(ingest)
        }

    def findings(self, ingest: Ingest) -> list[Failure]:
        """Everything that was found."""
        return self.pipeline.failures(ingest.id)

    def alter(self, name: str, content: bytes = b"rotten", *, location: str = "primary") -> None:
        """Replaces an object by another one."""
        self.buckets[location].store(self.key(name, location=location), content)

    def remove(self, name: str, *, location: str = "primary") -> None:
        """Deletes an object."""
        self.buckets[location].mark_deleted(self.key(name, location=location))

    def events(self, ingest: Ingest, step: str) -> list[Event]:
        """The events of one step."""
        found, _ = self.pipeline.wiring.ingests.all_events(ingest.id, limit=100_000)
        return [one for one in found if one.step == step]

    def replaced(self) -> list[tuple[str, str]]:
        """(location, key) of every replacement that was tried since requests are recorded anew."""
        return [(where, key) for where, verb, key in self.requests if verb == "replace"]
