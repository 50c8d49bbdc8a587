"""A contentstore's documents and chunks in memory, to be edited and damaged as a test needs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from course_backfill.adapters.contentstore.ids import RawId, key_of
from course_backfill.adapters.contentstore.platform_files import file_id, platform_file
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId

_FIRST_UPLOAD = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass(slots=True)
class StoredFile:
    """A files document and its chunks by number, either of which may be out of order."""

    document: Document
    chunks: dict[Any, bytes]


class MemoryContentstore:
    """What MongoDB would hold: course rows of both modulestores, files documents and chunks."""

    def __init__(self) -> None:
        self.split_rows: list[tuple[Any, Any, Any]] = []
        self.old_rows: list[tuple[Any, Any, Any]] = []
        self._files: dict[object, StoredFile] = {}
        self._saves = 0

    def add_course(self, course: CourseId) -> None:
        """Lists a course in the modulestore of its form; it need not have files."""
        self.add_row(course.org, course.course, course.run, is_old=course.is_old)

    def add_row(self, org: Any, course: Any, run: Any, *, is_old: bool = False) -> None:
        """Lists a course under parts that need not make a course key."""
        (self.old_rows if is_old else self.split_rows).append((org, course, run))

    def save(
        self, course: CourseId, name: str, content: bytes, *, kind: str = "asset", **options: Any
    ) -> RawId:
        """What Studio does on an upload: deletes the file and creates it again, with a later date.

        `options` are those of `platform_file`. Returns the file's id.
        """
        self._saves += 1
        uploaded = _FIRST_UPLOAD + timedelta(seconds=self._saves)
        made = platform_file(course, name, content, kind=kind, **({"uploaded": uploaded} | options))
        self.insert(made.document, dict(enumerate(made.chunks)))
        return file_id(course, name, kind=kind)

    def insert(self, document: Document, chunks: dict[Any, bytes]) -> None:
        """Stores a document just as it is, whatever it says, in place of one of the same id."""
        self._files[_key(document["_id"])] = StoredFile(document, chunks)

    def change(self, raw_id: RawId, **fields: Any) -> None:
        """Sets fields of a document, as the platform sets `locked`: without a new uploadDate."""
        stored = self.file(raw_id)
        stored.document = stored.document | fields

    def delete(self, raw_id: RawId) -> None:
        """Removes a file, document and chunks."""
        del self._files[_key(raw_id)]

    def set_chunk(self, raw_id: RawId, number: Any, data: bytes) -> None:
        """Adds a chunk, or replaces it: how files come to be truncated, or bits to flip."""
        self.file(raw_id).chunks[number] = data

    def drop_chunk(self, raw_id: RawId, number: Any) -> None:
        """Loses a chunk."""
        del self.file(raw_id).chunks[number]

    def file(self, raw_id: RawId) -> StoredFile:
        """The file of that id; raises KeyError where there is none."""
        return self._files[_key(raw_id)]

    def find(self, raw_id: RawId) -> StoredFile | None:
        """The file of that id, or None."""
        return self._files.get(_key(raw_id))

    def files(self) -> list[StoredFile]:
        """All files at this moment."""
        return list(self._files.values())


def _key(raw_id: object) -> object:
    """Ids that are none can be stored, but only be found by what they look like."""
    key = key_of(raw_id)
    return repr(raw_id) if key is None else key
