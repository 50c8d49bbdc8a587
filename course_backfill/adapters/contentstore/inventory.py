"""The files documents of a course, described, and with their chunk numbers checked if asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from course_backfill.adapters.contentstore.chunk_index import ChunkIndex
from course_backfill.adapters.contentstore.database import ContentstoreDatabase
from course_backfill.adapters.contentstore.documents import describe, unreadable
from course_backfill.adapters.contentstore.ids import key_of, selections
from course_backfill.courses import CourseId
from course_backfill.inventory import SourceObject

_DOCUMENTS_AT_ONCE = 500
_CHECKS = 3


class Documents:
    """Reads files documents from the primary."""

    def __init__(self, database: ContentstoreDatabase) -> None:
        self._files = database.files
        self._chunk_index = ChunkIndex(database)

    def of_course(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """Every object of the course, in no particular order."""
        for selection in selections(course):
            with self._files.find(selection, batch_size=_DOCUMENTS_AT_ONCE) as rows:
                while found := [describe(row) for row in islice(rows, _DOCUMENTS_AT_ONCE)]:
                    yield from self._checked(found) if check_chunks else found

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """How these documents stand now; those that cannot be asked for, as they are."""
        now: dict[object, SourceObject] = {}
        for start in range(0, len(objects), _DOCUMENTS_AT_ONCE):
            some = objects[start : start + _DOCUMENTS_AT_ONCE]
            ids = [found.source_id for found in some if _can_be_asked_for(found)]
            described = (describe(row) for row in self._files.find({"_id": {"$in": ids}}))
            now |= {key_of(found.source_id): found for found in described}
        return [
            now.get(key_of(found.source_id)) if _can_be_asked_for(found) else found
            for found in objects
        ]

    def _checked(self, objects: Sequence[SourceObject]) -> Iterator[SourceObject]:
        """Only a file whose document stayed the same can be called corrupt.

        One that keeps changing goes without a fault: reading it will tell.
        """
        for _ in range(_CHECKS):
            readable = [found for found in objects if not unreadable(found)]
            faults = {
                key_of(found.source_id): fault
                for found, fault in zip(readable, self._chunk_index.faults(readable), strict=True)
                if fault
            }
            suspects = [found for found in objects if key_of(found.source_id) in faults]
            yield from (found for found in objects if key_of(found.source_id) not in faults)
            objects = []
            for before, now in zip(suspects, self.current(suspects), strict=True):
                if now is not None and before.same_state(now):
                    yield replace(now, fault=faults[key_of(now.source_id)])
                elif now is not None:
                    objects.append(now)
            if not objects:
                return
        yield from objects


def _can_be_asked_for(found: SourceObject) -> bool:
    return not (found.fault and found.fault.code == "invalid-document")
