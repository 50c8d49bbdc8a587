"""The contentstore as a course source: GridFS files of split and of old-form courses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from course_backfill.adapters.contentstore.batches import read_files
from course_backfill.adapters.contentstore.course_keys import CourseKeys
from course_backfill.adapters.contentstore.database import ContentstoreDatabase
from course_backfill.adapters.contentstore.databases import find_database
from course_backfill.adapters.contentstore.discovery import discover, old_courses
from course_backfill.adapters.contentstore.documents import unreadable
from course_backfill.adapters.contentstore.inventory import Documents
from course_backfill.adapters.contentstore.stream import FileStream
from course_backfill.adapters.mongodb import Client, source_errors
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput, SourceRefused
from course_backfill.inventory import SourceObject
from course_backfill.ports import BadObject, ReadObject


class ContentstoreSource:
    """Reads one contentstore and the list of courses of the modulestore beside it.

    Several threads may use one source. Streams and inventories must be read to their end or
    closed, for each holds a cursor on the server.
    """

    def __init__(
        self,
        *,
        client: Client,
        database: str | None = None,
        bucket: str = "fs",
        modulestore: str = "modulestore",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Asks nothing of the server. Without `database`, the first verb finds it by itself."""
        self._client = client
        self._given = database
        self._bucket = bucket
        self._modulestore = modulestore
        self._sleep = sleep

    @cached_property
    def database(self) -> str:
        """The name of the database; raises what every verb raises."""
        try:
            return self._given or find_database(self._client, bucket=self._bucket)
        except InvalidInput as unclear:
            raise SourceRefused(str(unclear)) from unclear

    def discover(self) -> Iterator[CourseId]:
        """Every course the source knows of, each once; hostile keys are skipped and logged."""
        with source_errors():
            yield from discover(self._database)

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """The course's objects, 1,000 documents in memory at a time.

        With `check_chunks`, a file whose document changed under the check is described anew, and
        one that is gone by then is left out.
        """
        with source_errors():
            yield from self._documents.of_course(course, check_chunks=check_chunks)

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """How the documents stand now, None for one gone.

        Objects with an invalid document are given back as they are: their ids may be no ids.
        """
        with source_errors():
            return self._documents.current(objects)

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """The bytes of small objects; an object whose document is unusable gives its fault."""
        readable = []
        for found in objects:
            fault = unreadable(found)
            if fault:
                yield ReadObject(found, fault)
            else:
                readable.append(found)
        with source_errors():
            yield from read_files(self._database, readable)

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """The bytes of one object in blocks of a chunk; lost connections are waited out briefly."""
        fault = unreadable(found)
        if fault:
            raise BadObject(fault)
        yield from FileStream(self._database, found, sleep=self._sleep).blocks()

    def sharing(self, course: CourseId) -> list[CourseId]:
        """The other old-form courses of the same Org/Course: c4x files have no run."""
        if not course.is_old:
            return []
        with source_errors():
            same = old_courses(self._database, CourseKeys(), org=course.org, course=course.course)
            return sorted(other for other in same if other != course)

    @cached_property
    def _database(self) -> ContentstoreDatabase:
        return ContentstoreDatabase(
            self._client, self.database, bucket=self._bucket, modulestore=self._modulestore
        )

    @cached_property
    def _documents(self) -> Documents:
        return Documents(self._database)
