"""A course source in memory: the contentstore's twin, whose outages and edits a test chooses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from course_backfill.adapters.contentstore.chunk_sequence import ChunkSequence, fault_of_numbers
from course_backfill.adapters.contentstore.course_keys import CourseKeys, old_key, split_key
from course_backfill.adapters.contentstore.documents import describe, unreadable
from course_backfill.adapters.contentstore.ids import (
    LIBRARY_RUN,
    OLD_TAG,
    SPLIT_PREFIX,
    split_course,
)
from course_backfill.adapters.memory_contentstore import MemoryContentstore, StoredFile
from course_backfill.courses import NO_RUN, CourseId
from course_backfill.errors import CourseBackfillError, SourceUnavailable
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import BadObject, ReadObject


class MemorySource:
    """Reads a MemoryContentstore as the contentstore adapter reads MongoDB.

    `on_call` is called with the name of each verb as it begins, and with `block` before each
    block of a stream: there a test edits the content, or raises.
    """

    def __init__(
        self,
        content: MemoryContentstore | None = None,
        *,
        database: str = "edxapp",
        on_call: Callable[[str], None] | None = None,
    ) -> None:
        self.database = database
        self.content = content or MemoryContentstore()
        self.on_call = on_call
        self._failures: list[CourseBackfillError] = []

    def fail_next(self, calls: int, error: CourseBackfillError | None = None) -> None:
        """The next so many verbs raise the error, SourceUnavailable unless another is given."""
        self._failures = [error or SourceUnavailable("MongoDB does not answer.")] * calls

    def discover(self) -> Iterator[CourseId]:
        """Every course, each once; libraries only where they have files."""
        self._begin("discover")
        keys = CourseKeys()
        for org, course, run in list(self.content.split_rows):
            if run != LIBRARY_RUN:
                yield from keys.new(split_key(org, course, run))
        old_names = [row[:2] for row in self.content.old_rows]
        for row in list(self.content.old_rows):
            yield from keys.new(old_key(*row))
        for raw_id in [stored.document["_id"] for stored in self.content.files()]:
            if isinstance(raw_id, str) and raw_id.startswith(SPLIT_PREFIX):
                yield from keys.new(split_course(raw_id)[0])
            elif _is_c4x(raw_id) and (raw_id.get("org"), raw_id.get("course")) not in old_names:
                yield from keys.new(old_key(raw_id.get("org"), raw_id.get("course"), NO_RUN))
        keys.log_refused()

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """The course's objects as their documents stand now."""
        self._begin("inventory")
        for stored in self.content.files():
            if _belongs(stored.document["_id"], course):
                found = describe(stored.document)
                if check_chunks and not unreadable(found):
                    found = replace(found, fault=_fault_of_index(stored, found))
                yield found

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """How the documents stand now; objects with an invalid document as they are."""
        self._begin("current")
        return [self._now(found) for found in objects]

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """The bytes of objects; an object whose document is unusable gives its fault."""
        self._begin("read_batch")
        for found in objects:
            try:
                yield ReadObject(found, b"".join(self._blocks(found)))
            except BadObject as bad:
                yield ReadObject(found, bad.fault)

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """The bytes of one object, each block as its chunk is at that moment."""
        self._begin("stream")
        for block in self._blocks(found):
            self._begin("block")
            yield block

    def sharing(self, course: CourseId) -> list[CourseId]:
        """The other old-form courses of the same Org/Course."""
        self._begin("sharing")
        if not course.is_old:
            return []
        keys = CourseKeys()
        same = (row for row in self.content.old_rows if row[:2] == (course.org, course.course))
        found = [other for row in same for other in keys.new(old_key(*row))]
        return sorted(other for other in found if other != course)

    def _begin(self, verb: str) -> None:
        if self.on_call:
            self.on_call(verb)
        if self._failures:
            raise self._failures.pop()

    def _now(self, found: SourceObject) -> SourceObject | None:
        if found.fault and found.fault.code == "invalid-document":
            return found
        stored = self.content.find(found.source_id)
        return describe(stored.document) if stored else None

    def _blocks(self, found: SourceObject) -> Iterator[bytes]:
        fault = unreadable(found)
        if fault:
            raise BadObject(fault)
        sequence = ChunkSequence(found)
        number = self._number_after(found, -math.inf)
        while number is not None:
            data = self.content.file(found.source_id).chunks[number]
            fault = sequence.take(number, len(data))
            if fault:
                raise BadObject(fault)
            yield data
            number = self._number_after(found, number)
        fault = sequence.end()
        if fault:
            raise BadObject(fault)

    def _number_after(self, found: SourceObject, number: float) -> int | None:
        stored = self.content.find(found.source_id)
        return min((n for n in stored.chunks if n > number), default=None) if stored else None


def _is_c4x(raw_id: Any) -> bool:
    return isinstance(raw_id, dict) and raw_id.get("tag") == OLD_TAG


def _belongs(raw_id: Any, course: CourseId) -> bool:
    if course.is_old:
        names = (course.org, course.course)
        return _is_c4x(raw_id) and (raw_id.get("org"), raw_id.get("course")) == names
    is_split = isinstance(raw_id, str) and raw_id.startswith(SPLIT_PREFIX)
    return is_split and split_course(raw_id)[0] == str(course)


def _fault_of_index(stored: StoredFile, found: SourceObject) -> Fault | None:
    return fault_of_numbers(
        found, sorted(stored.chunks), lambda number: bool(stored.chunks[number])
    )
