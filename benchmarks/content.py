"""The courses of the benchmarks, written to a contentstore as the platform writes them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.database import Database

from course_backfill.adapters.contentstore.platform_files import (
    CHUNK_BYTES,
    file_id,
    platform_file,
)
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId

DATABASE = "edxapp"
_INSERTED_AT_ONCE = 8 * 1024 * 1024
_UPLOADED = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Content:
    """A course of files of given sizes."""

    title: str
    course: CourseId
    sizes: Sequence[int]

    @property
    def files(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def bytes(self) -> int:
        """What they hold together."""
        return sum(self.sizes)


def small_files(scale: int) -> Content:
    """2,000 files of 20 KB, divided by the scale."""
    number = 2_000 // scale
    title = f"{number:,} × 20 KB"
    return Content(title, CourseId.parse("course-v1:Bench+Small+1"), [20_000] * number)


def large_files(scale: int) -> Content:
    """10 files of 100 MB, divided by the scale."""
    number = 10 // scale
    title = f"{number} × 100 MB"
    return Content(title, CourseId.parse("course-v1:Bench+Large+1"), [100_000_000] * number)


def big_course(scale: int) -> Content:
    """5 GB as a course may hold them, one of them a film of 2 GB; divided by the scale."""
    sizes = [
        2_000_000_000 // scale,
        *[100_000_000] * (20 // scale),
        *[6_000_000] * (100 // scale),
        *[20_000] * (20_000 // scale),
    ]
    title = f"{sum(sizes) / 1e9:.1f} GB"
    return Content(title, CourseId.parse("course-v1:Bench+Big+1"), sizes)


def many_files(scale: int) -> Content:
    """10,000 files of 1 KB, divided by the scale, for what is counted and not timed."""
    number = 10_000 // scale
    title = f"{number:,} × 1 KB"
    return Content(title, CourseId.parse("course-v1:Bench+Many+1"), [1_000] * number)


def write(content: Content, database: Database[Document]) -> None:
    """Writes the course; random bytes, of which a few MB are in memory at a time."""
    chunks = database["fs.chunks"]
    chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
    generator = random.Random(content.title)  # noqa: S311  # Bytes that do not compress will do.
    waiting: list[Document] = []
    held = 0
    for number, size in enumerate(content.sizes):
        name = f"file-{number:05d}.bin"
        raw_id = file_id(content.course, name)
        md5 = hashlib.md5(usedforsecurity=False)
        for place, data in enumerate(_chunks(generator, size)):
            md5.update(data)
            waiting.append({"files_id": raw_id, "n": place, "data": data})
            held += len(data)
            if held >= _INSERTED_AT_ONCE:
                chunks.insert_many(waiting, ordered=False)
                waiting, held = [], 0
        fields: Document = {"length": size, "md5": md5.hexdigest()}
        file = platform_file(content.course, name, b"", uploaded=_UPLOADED, fields=fields)
        database["fs.files"].insert_one(file.document)
    if waiting:
        chunks.insert_many(waiting, ordered=False)


def _chunks(generator: random.Random, size: int) -> Iterator[bytes]:
    for start in range(0, size, CHUNK_BYTES):
        yield generator.randbytes(min(CHUNK_BYTES, size - start))
